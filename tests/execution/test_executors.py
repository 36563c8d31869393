"""What a search relies on, whoever does the work: local processes and clusters make the same numbers, bit for bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from dipsearch.execution.dask_cluster import DaskCluster
from dipsearch.execution.executor import GIVEN_UP, Executor, TaskFailed, WorkerDied, WorkerSpec
from dipsearch.execution.local_processes import LocalProcesses
from dipsearch.execution.task import STATE, TRAJECTORY, Advanced, Limits, Picture, Restored, Result, Slice
from dipsearch.execution.worker import Worker
from dipsearch.trials.own_parts import NOTHING, OwnParts
from dipsearch.trials.trial_files import read_npz

from .studies import (
    PATCHES,
    a_slice,
    advanced,
    done,
    expected,
    flawed,
    same,
    same_files,
    study,
    until,
    wait_for,
    with_a_lock,
    with_own_parts,
)

Opened = Callable[[Path, OwnParts], AbstractContextManager[Executor]]


@pytest.fixture(scope="module", params=["local processes", "dask"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Opens an executor with two workers in a folder."""
    if request.param == "dask":
        client = request.getfixturevalue("cluster")
        return lambda folder, own: DaskCluster(folder, client, own)
    return lambda folder, own: LocalProcesses(folder, [WorkerSpec(0, "cpu"), WorkerSpec(1, "cpu")], own)


@pytest.fixture(scope="module")
def folder(opened: Opened, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tests have their study; each uses places of its own."""
    return study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def executor(opened: Opened, folder: Path) -> Iterator[Executor]:
    """The executor there."""
    with opened(folder, NOTHING) as found:
        yield found


def end(executor: Executor, index: int) -> None:
    """Kill the process of a worker."""
    if isinstance(executor, LocalProcesses):
        executor._processes[index].process.kill()
        return
    assert isinstance(executor, DaskCluster)
    address = next(
        member.address for member in executor._membership.members.values() if member.spec.index == index
    )
    numbers = executor._connection.client.run(os.getpid, workers=[address])
    os.kill(numbers[address], signal.SIGKILL)


def test_all_workers_are_free(executor: Executor) -> None:
    assert [(spec.device, spec.threads) for spec in executor.workers] == [("cpu", 1)] * 2
    assert executor.free() == 2


def test_slices_are_those_of_a_worker_in_this_process(
    executor: Executor, folder: Path, tmp_path: Path
) -> None:
    task = a_slice("trials/0010", trajectory_every=10)
    ours, theirs = expected(tmp_path, task, slices=4), advanced(executor, task, slices=4)
    assert all(same(one, other) for one, other in zip(ours, theirs, strict=True))
    assert [one.steps for one in theirs] == [20, 40, 60, 80]
    assert same_files(tmp_path, folder, task.place)
    executor.checkpoint(within=30.0)
    left, right = (load_file(root / task.place / STATE) for root in (tmp_path, folder))
    told = {"0/rows", "json"}  # seconds are among them
    assert left.keys() == right.keys() > told
    assert all(left[name].numpy().tobytes() == right[name].numpy().tobytes() for name in left.keys() - told)


def occupy(executor: Executor, index: int) -> Future[Result]:
    """Give a worker something to do for two seconds or so, and the others nothing."""
    for seconds in (2.0, 4.0):
        endless = replace(a_slice().limits, max_steps=10**6, patience=10**6)
        place = f"trials/{index}{seconds:.0f}00"
        worker, future = executor.submit(a_slice(place, limits=endless, steps=10**6, seconds=seconds))
        if worker == index:
            break
        first = future
    else:
        raise AssertionError("it was given to the other one twice")
    if seconds > 2:
        wait_for(executor, first)
    return future


def test_fits_go_on_at_a_worker_that_did_not_begin_them(
    executor: Executor, folder: Path, tmp_path: Path
) -> None:
    task = a_slice("trials/0020", trajectory_every=10)
    ours = expected(tmp_path, task, slices=3)
    before, first = executor.submit(task)
    wait_for(executor, first)
    busy = occupy(executor, before)
    after, second = executor.submit(replace(task, at=20))
    wait_for(executor, second, busy)
    assert after != before
    last = done(executor, replace(task, at=40))
    assert all(
        same(one, other) for one, other in zip(ours, (first.result(), second.result(), last), strict=True)
    )
    executor.checkpoint(within=30.0)
    along = read_npz(folder / task.place / TRAJECTORY)
    assert along["step"].tolist() == [10, 20, 30, 40, 50, 60]
    assert np.array_equal(along["x"], read_npz(tmp_path / task.place / TRAJECTORY)["x"])


def test_fits_that_are_not_kept_leave_nothing_and_go_on_all_the_same(
    executor: Executor, folder: Path, tmp_path: Path
) -> None:
    task = a_slice("trials/0030")
    ours, theirs = expected(tmp_path, task, slices=3), advanced(executor, task, slices=2, keep=False)
    executor.checkpoint(within=30.0)
    assert not (folder / task.place).exists() and not theirs[-1].kept
    theirs.append(done(executor, replace(task, at=40)))
    assert all(same(one, other) for one, other in zip(ours, theirs, strict=True))
    assert same_files(tmp_path, folder, task.place)


def test_similar_patches_are_those_of_a_worker_in_this_process(
    executor: Executor, folder: Path, tmp_path: Path
) -> None:
    Worker(study(tmp_path), "cpu").do(PATCHES)
    found = done(executor, PATCHES)
    assert isinstance(found, Restored)
    ours, theirs = read_npz(tmp_path / PATCHES.out), read_npz(folder / PATCHES.out)
    assert np.array_equal(ours["x"], theirs["x"])
    # What was restored can be the pilot of the next ones.
    polished = replace(PATCHES, out="trials/polished.npz", pilot=PATCHES.out, split_seed=None)
    assert isinstance(done(executor, polished), Restored)
    assert read_npz(folder / polished.out)["x"].shape == ours["x"].shape


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (a_slice("trials/0040", network=flawed()), "KeyError: 'no such layer'"),
        (a_slice("trials/0041", pictures=(Picture("inputs/none.npz", 0),)), "inputs/none.npz cannot be read"),
        (a_slice("trials/0042", network=with_a_lock()), "it cannot be sent to a worker: .* pickle"),
    ],
    ids=["the network raises", "a file is missing", "it cannot be sent"],
)
def test_a_task_that_fails_says_why_and_the_workers_live_on(
    executor: Executor, task: Slice, words: str
) -> None:
    _, future = executor.submit(task)
    wait_for(executor, future)
    with pytest.raises(TaskFailed, match=words):
        future.result()
    assert executor.free() == 2


def test_nothing_comes_of_a_task_that_nobody_waits_for(executor: Executor, folder: Path) -> None:
    _, future = executor.submit(
        a_slice("trials/0050", limits=Limits(10**6, patience=10**6), steps=10**6, seconds=3)
    )
    executor.wait(0.5)
    executor.give_up(future)
    with pytest.raises(TaskFailed, match=GIVEN_UP):
        future.result(timeout=0)
    until(lambda: executor.free() == 2, executor)
    assert not (folder / "trials/0050").exists()


def test_a_killed_worker_costs_what_was_made_since_the_last_checkpoint(
    executor: Executor, folder: Path, tmp_path: Path
) -> None:
    task = a_slice("trials/0060")
    ours = expected(tmp_path, task, slices=3)
    advanced(executor, task, slices=2)
    executor.checkpoint(within=30.0)
    endless = replace(task, at=40, limits=Limits(2000, patience=2000), steps=2000)
    index, future = executor.submit(endless)
    executor.wait(0.3)
    end(executor, index)
    wait_for(executor, future)
    with pytest.raises(WorkerDied):
        future.result()
    assert executor.free() >= 1
    assert same(ours[-1], done(executor, replace(task, at=40)))
    assert same_files(tmp_path, folder, task.place)


def test_a_killed_worker_is_replaced(executor: Executor) -> None:
    """Local processes start another one; Dask's nanny does, who joins late."""
    until(lambda: executor.free() == 2, executor)
    futures = [executor.submit(a_slice(f"trials/007{number}")) for number in range(2)]
    wait_for(executor, *(future for _, future in futures))
    assert {index for index, _ in futures} == {spec.index for spec in executor.workers}
    assert all(isinstance(future.result(), Advanced) for _, future in futures)


def test_operators_and_metrics_of_ones_own_travel(opened: Opened, tmp_path: Path) -> None:
    own = with_own_parts(tmp_path)
    with opened(tmp_path, own) as executor:
        until(lambda: executor.free() == 2, executor)
        found = done(executor, a_slice())
        assert isinstance(found, Advanced) and found.made == 20
        assert found.value not in (None, float(os.getpid()))  # the metric tells who computed it
