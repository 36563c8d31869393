"""A cluster of Dask's shares no disk with the search, its workers come and go, and what is wrong with it is said.

What it has in common with local processes is in test_executors.py.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from dipsearch.errors import DipsearchError, InputError, ResourceError
from dipsearch.execution import dask_client, dask_membership, dask_start
from dipsearch.execution.dask_cluster import DaskCluster
from dipsearch.execution.dask_worker import forget
from dipsearch.execution.executor import WorkerDied
from dipsearch.execution.task import STATE, Advanced, Restored
from dipsearch.execution.worker import REMEMBERED
from dipsearch.problem import NoNoise, Problem
from dipsearch.problem.operators import registry
from dipsearch.run import Silent, Snapshot, run_search
from dipsearch.run.search_run import _elsewhere
from dipsearch.run.slice_log import read_slices
from dipsearch.trials.own_parts import NOTHING, OwnParts
from dipsearch.trials.problem_files import write_problem

from ..fitting.test_loop import inpainting
from ..run.test_study_side import Ear, furnish, request
from .studies import (
    LEARNS,
    PATCHES,
    PICTURE,
    a_slice,
    advanced,
    done,
    expected,
    same,
    same_files,
    study,
    until,
    wait_for,
)

distributed = pytest.importorskip("distributed")

if TYPE_CHECKING:
    from distributed import Client, Worker


@pytest.fixture
def threads() -> Iterator[Client]:
    """A client of a cluster without a worker, whose workers are threads of this process."""
    with (
        distributed.LocalCluster(
            n_workers=0,
            processes=False,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def unused_port() -> int:
    """Where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# -- what is wrong with it -----------------------------------------------------------------------------------------


def refused(folder: Path, address: object) -> DipsearchError:
    """What is said of an address, in three parts."""
    with pytest.raises(DipsearchError) as caught, DaskCluster(folder, address):
        pass
    error = caught.value
    assert error.given and error.rule and error.fix and "\n" not in str(error)
    return error


@pytest.mark.parametrize(
    "address",
    ["", "host", "host:8786", "tcp://host", "tcp://:8786x", "local", "local:0", "local:x", 8786, None],
)
def test_what_is_no_address_is_refused(tmp_path: Path, address: object) -> None:
    error = refused(tmp_path, address)
    assert isinstance(error, InputError)
    assert repr(address) in error.given and "tcp://host:8786" in str(error)


def test_an_address_where_nobody_answers_is_refused_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_client, "CONNECT_SECONDS", 1.0)
    address = f"tcp://127.0.0.1:{unused_port()}"
    error = refused(tmp_path, address)
    assert isinstance(error, ResourceError) and address in error.given
    assert capfd.readouterr() == ("", "")


def test_an_address_where_somebody_else_answers_is_refused_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_client, "CONNECT_SECONDS", 1.0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()  # and says nothing
        error = refused(tmp_path, f"tcp://127.0.0.1:{other.getsockname()[1]}")
    assert isinstance(error, ResourceError)
    assert capfd.readouterr() == ("", "")


def test_an_address_where_somebody_talks_nonsense_is_refused_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def talk() -> None:
            call, _ = other.accept()
            call.sendall(b"HTTP/1.1 503 the proxy knows no such host, and says so at length\r\n\r\n")

        talking = Thread(target=talk)
        talking.start()
        error = refused(tmp_path, f"tcp://127.0.0.1:{other.getsockname()[1]}")
        talking.join()
    assert isinstance(error, ResourceError) and "what answers is none" in error.given
    gc.collect()  # whoever was left behind complains now
    assert capfd.readouterr() == ("", "")


def test_without_dask_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'dipsearch[cluster]'" in refused(tmp_path, "tcp://host:8786").fix


def test_a_cluster_without_workers_is_refused(
    tmp_path: Path, threads: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_start, "ARRIVE_SECONDS", 1.0)
    error = refused(tmp_path, threads)
    assert "has no workers" in error.given and "dask worker" in error.fix


def test_a_cluster_of_dasks_is_used_like_its_address_and_stays_open(tmp_path: Path, threads: Client) -> None:
    threads.cluster.scale(1)
    with DaskCluster(study(tmp_path), threads.cluster) as executor:
        assert len(executor.workers) == 1
        assert isinstance(done(executor, PATCHES), Restored)
    assert threads.cluster.status.name == "running" and len(threads.cluster.workers) == 1


def test_a_cluster_that_was_closed_or_is_asynchronous_is_refused(
    tmp_path: Path, threads: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(type(threads.cluster), "asynchronous", True)
        assert "not asynchronous" in refused(tmp_path, threads.cluster).rule
    threads.cluster.close()
    error = refused(tmp_path, threads.cluster)
    assert isinstance(error, ResourceError) and "already closed" in error.given


def test_clusters_of_other_packages_are_known_by_their_address(tmp_path: Path) -> None:
    class SLURMCluster:  # as that of dask_jobqueue, or of dask_kubernetes
        scheduler_address = "tcp://node1:8786"

    given = SLURMCluster()
    executor = _elsewhere(tmp_path, given, NOTHING, Silent())
    assert isinstance(executor, DaskCluster) and executor.address is given


def test_workers_that_are_known_and_give_no_sign_of_life_are_not_waited_for(
    threads: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_start, "ARRIVE_SECONDS", 0.1)
    membership = dask_membership.Membership(threads)
    facts = {"last_seen": 1.0, "status": "running"}
    monkeypatch.setattr(membership, "_present", lambda: {"tcp://a:1": facts})
    monkeypatch.setattr(membership, "_ask", lambda address: membership._asked.update({address: {}}))
    monkeypatch.setattr(membership, "_decide", lambda *known: None)
    connection = dask_client.Connection(threads, None, "here", time.monotonic())
    with pytest.raises(ResourceError, match="1 workers that do not answer"):
        dask_start.first_workers(membership, connection)
    assert not membership.alive
    facts["last_seen"] = 2.0  # it may only be busy
    membership.look(now=True)
    assert membership.alive


WITHIN = 10.0
"""Seconds that a refusal may take."""


@pytest.mark.parametrize("refused", [{}, {"tcp://a:1": "the worker tcp://a:1 has torch 1.0, here it is 2.0"}])
def test_a_scheduler_that_takes_as_long_as_it_may_is_left_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, refused: dict[str, str]
) -> None:
    now = [
        dask_client.CONNECT_SECONDS + dask_client.LEAST_CONNECT
    ]  # the connection took as long as it may, too

    def passes(seconds: float) -> None:
        now[0] += seconds

    membership = SimpleNamespace(
        members={},
        refused=refused,
        known=len(refused),
        undecided=0,
        alive=bool(refused),
        look=lambda now: passes(dask_membership.ASK_SECONDS),
    )
    monkeypatch.setattr(dask_start, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=passes))
    connection = SimpleNamespace(processes=None, where="tcp://a:8786", begun=0.0)
    with pytest.raises(ResourceError, match=r"has torch 1\.0" if refused else "has no workers"):
        dask_start.first_workers(membership, connection)
    assert now[0] <= WITHIN


def test_greeting_and_connecting_have_one_time_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now, allowed = [0.0], list[float]()

    async def greeted(address: str) -> None:
        now[0] += dask_client.CONNECT_SECONDS - 2.0

    def connected(address: str, *, timeout: float, **more: object) -> None:
        allowed.append(timeout)
        raise OSError("timed out")

    monkeypatch.setattr(dask_client, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(dask_client, "_greeted", greeted)
    monkeypatch.setattr(distributed, "Client", connected)
    with ExitStack() as stack, pytest.raises(ResourceError, match="no scheduler of Dask answers"):
        dask_client.connect("tcp://127.0.0.1:8786", stack)
    assert allowed == [2.0]


@pytest.mark.parametrize("name", ["dipsearch", "torch", "python"])
def test_workers_with_another_version_are_refused_with_both(
    tmp_path: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cluster.wait_for_workers(2, timeout=60)  # one that a test has ended may still be on its way back
    versions = dask_membership.versions()
    monkeypatch.setattr(dask_membership, "versions", lambda: versions | {name: "0.0.1"})
    error = refused(tmp_path, cluster)
    assert f"has {name} {versions[name]}, here it is 0.0.1 (and 1 more like it)" in error.given


def test_another_build_of_the_same_version_is_welcome() -> None:
    assert dask_membership._difference("torch", "2.6.0+cu126", "2.6.0") is None
    assert dask_membership._difference("python", "3.11.2", "3.11.9") is None
    assert dask_membership._difference("python", "3.12.2", "3.11.9") == "has python 3.12.2, here it is 3.11.9"
    assert dask_membership._difference("dipsearch", None, "0.5") == "has no dipsearch, here it is 0.5"


# -- who is there --------------------------------------------------------------------------------------------------


def test_a_worker_that_joins_late_is_used_and_one_of_another_version_is_not(
    tmp_path: Path, threads: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    threads.cluster.scale(1)
    with DaskCluster(study(tmp_path), threads, tell=told.append) as executor:
        assert executor.free() == 1
        first = executor.workers[0].index
        threads.cluster.scale(2)
        until(lambda: executor.free() == 2, executor)
        futures = [executor.submit(a_slice(f"trials/000{number}")) for number in range(2)]
        wait_for(executor, *(future for _, future in futures))
        assert {index for index, _ in futures} == {first, first + 1}
        versions = dask_membership.versions()
        monkeypatch.setattr(dask_membership, "versions", lambda: versions | {"torch": "1.0"})
        threads.cluster.scale(3)
        until(lambda: bool(told), executor)
        assert executor.free() == 2
    assert len(told) == 1
    assert f"has torch {versions['torch']}, here it is 1.0; not used" in told[0]


def test_a_lost_scheduler_is_told_and_nothing_waits_for_it(tmp_path: Path, threads: Client) -> None:
    told: list[str] = []
    threads.cluster.scale(1)
    with DaskCluster(study(tmp_path), threads, tell=told.append) as executor:
        _, future = executor.submit(a_slice(seconds=3, steps=2000))
        threads.cluster.close()
        wait_for(executor, future, seconds=30)
        assert isinstance(future.exception(), WorkerDied)
        until(lambda: not executor.workers, executor)
        assert executor.free() == 0
        _, next_one = executor.submit(a_slice())
        assert isinstance(next_one.exception(), WorkerDied)
        executor.checkpoint(within=30.0)
    assert [sentence.partition(" at ")[0] for sentence in told] == ["the connection to the cluster"]


def test_gpus_are_divided_where_nobody_did(threads: Client) -> None:
    membership = dask_membership.Membership(threads)
    facts = {"host": "a", "resources": {}, "nthreads": 1, "memory_limit": 10**9}
    gpus = dask_membership.Equipment("cuda", 10**10, (6 * 10**9, 8 * 10**9), visible="")

    def member(what: dask_membership.Equipment, **changes: object) -> dask_membership.Member:
        address = f"tcp://a:{len(membership.members)}"
        membership.members[address] = membership._member(address, facts | changes, what, {address: facts})
        return membership.members[address]

    assert [member(gpus).spec.device for _ in range(4)] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    divided = [replace(gpus, visible=visible) for visible in ("0,1", "1,0")]
    assert [member(one).spec.device for one in divided] == ["cuda:0", "cuda:0"]
    counted = member(gpus, resources={"GPU": 1})
    assert counted.resources == {"GPU": 1} and counted.spec.memory == int(0.9 * 6e9) - 640 * 10**6
    plain = member(gpus, resources={"GPU": 0})
    assert plain.spec.device == "cpu" and plain.spec.memory == 750 * 10**6 - 340 * 10**6


# -- what travels --------------------------------------------------------------------------------------------------


def test_the_study_has_a_folder_that_only_the_search_knows(
    tmp_path: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers have other working directories, in which its relative path leads nowhere."""
    study(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=3)
    with DaskCluster(Path(), cluster) as executor:
        until(lambda: executor.free() == 2, executor)
        theirs = advanced(executor, task, slices=3)
        done(executor, PATCHES)
        executor.checkpoint(within=30.0)
    assert all(same(one, other) for one, other in zip(ours, theirs, strict=True))
    assert same_files(tmp_path / "other", tmp_path / "here")
    left = sorted(path.relative_to(tmp_path / "here").as_posix() for path in Path().absolute().rglob("*.*"))
    assert left == [
        PICTURE.problem,
        *(f"{LEARNS}/{name}" for name in ("fit.npz", "output.npz", STATE)),
        PATCHES.out,
    ]


def test_a_problem_travels_once_and_the_workers_keep_nothing_in_the_end(
    tmp_path: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    scatter = cluster.scatter
    monkeypatch.setattr(
        cluster, "scatter", lambda data, **more: sent.append(len(data)) or scatter(data, **more)
    )

    def folders() -> list[str]:
        def of_a_worker(dask_worker: Worker) -> list[str]:
            return [str(one) for one in Path(dask_worker.local_directory).glob("dipsearch-*")]

        return [one for found in cluster.run(of_a_worker).values() for one in found]

    with DaskCluster(study(tmp_path), cluster) as executor:
        until(lambda: executor.free() == 2, executor)
        for _ in range(2):
            futures = [executor.submit(a_slice(f"trials/000{number}"))[1] for number in range(2)]
            wait_for(executor, *futures)
        assert len(folders()) == 2
    assert len(sent) == 2  # the problem, and that there are no parts of one's own
    assert folders() == []


def test_a_process_that_has_forgotten_everything_is_told_again(tmp_path: Path, cluster: Client) -> None:
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=3)
    with DaskCluster(study(tmp_path / "here"), cluster) as executor:
        theirs = advanced(executor, task, slices=2)
        executor.checkpoint(within=30.0)
        cluster.run(forget, executor._study)
        theirs.append(done(executor, replace(task, at=40)))
        cluster.run(forget, executor._study)  # this time nobody has the state any more
        assert (tmp_path / "here" / LEARNS / STATE).exists()
        late = done(executor, replace(task, at=60))
    assert all(same(one, other) for one, other in zip(ours, theirs, strict=True))
    assert isinstance(late, Advanced) and same(late, ours[-1])  # gone on with from the checkpoint


def test_a_state_that_died_with_its_worker_does_not_keep_another_one_waiting(
    tmp_path: Path, cluster: Client
) -> None:
    """Dask would compute it once more, at a worker that does not exist."""
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=2)
    with DaskCluster(study(tmp_path / "here"), cluster) as executor:
        until(lambda: executor.free() == 2, executor)
        index, first = executor.submit(task)
        wait_for(executor, first)
        executor.checkpoint(within=30.0)
        member = next(
            member for member in executor._membership.members.values() if member.spec.index == index
        )
        number = cluster.run(os.getpid, workers=[member.address])[member.address]
        os.kill(number, signal.SIGKILL)
        member.ready = False  # as if it was paused, so that the other one is asked before the death is known
        _, second = executor.submit(replace(task, at=20))
        wait_for(executor, second)
        assert second.exception() is None or isinstance(second.exception(), WorkerDied)
        found = done(executor, replace(task, at=20)) if second.exception() else second.result()
    assert isinstance(found, Advanced) and same(found, ours[-1])


def test_fits_that_were_not_kept_are_had_from_the_worker_that_forgot_them(
    tmp_path: Path, threads: Client
) -> None:
    task = a_slice(keep=False)
    ours = expected(tmp_path / "other", task, slices=3)
    threads.cluster.scale(1)
    with DaskCluster(study(tmp_path / "here"), threads) as executor:
        theirs = advanced(executor, task, slices=2)
        for number in range(REMEMBERED["cpu"]):
            done(executor, a_slice(f"trials/01{number:02d}", steps=1))
        threads.cluster.scale(2)
        until(lambda: executor.free() == 2, executor)
        first = executor._latest.pop(LEARNS)  # so that it goes to the one that has the fewest
        index, future = executor.submit(replace(task, at=40))
        wait_for(executor, future)
        assert index != first.spec.index
    assert all(same(one, other) for one, other in zip(ours, [*theirs, future.result()], strict=True))


def test_two_studies_may_register_different_classes_under_one_name(
    tmp_path: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("_BY_NAME", "_NAMES"):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))

    def gain(factor: float) -> type:
        class Gain:
            def A(self, x: torch.Tensor) -> torch.Tensor:
                return factor * x

            A_adjoint = A

            def to(self, device: object) -> Gain:
                return self

            def to_arrays(self) -> dict[str, np.ndarray]:
                return {}

            @classmethod
            def from_arrays(cls, arrays: object) -> Gain:
                return cls()

        registry.register("gain of test_dask_cluster")(Gain)
        return Gain

    losses = []
    for number, factor in enumerate((1.0, 0.5)):
        kind, folder = gain(factor), tmp_path / str(number)
        write_problem(
            folder / PICTURE.problem, Problem(0.2 + 0.1 * inpainting().y.numpy(), kind(), NoNoise())
        )
        own = OwnParts(registered={"gain of test_dask_cluster": kind})
        with DaskCluster(folder, cluster, own) as executor:
            found = done(executor, a_slice())
        assert isinstance(found, Advanced)
        losses.append(found.pictures[0].loss)
    assert losses[0] != losses[1]


def test_a_checkpoint_is_given_up_after_a_while(tmp_path: Path, cluster: Client) -> None:
    with DaskCluster(study(tmp_path), cluster) as executor:
        advanced(executor, a_slice(), slices=1)
        executor.checkpoint(within=0.0)
        assert not (tmp_path / LEARNS / STATE).exists()
        executor.checkpoint(within=30.0)
        assert (tmp_path / LEARNS / STATE).exists()


def test_a_script_without_a_main_guard_brings_its_own_network(tmp_path: Path, cluster: Client) -> None:
    study(tmp_path)
    script = """
        import sys, pathlib, torch
        from dipsearch.execution.dask_cluster import DaskCluster
        from dipsearch.execution.task import Limits, Picture, Slice
        from dipsearch.network import OwnNetwork
        print("the script runs", flush=True)

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Conv2d(32, 3, 3, padding=1)
            def forward(self, z):
                return torch.sigmoid(self.layer(z))

        picture = Picture("inputs/search-picture.npz", 0)
        with DaskCluster(pathlib.Path("."), sys.argv[1]) as executor:
            _, future = executor.submit(Slice("a", "a", OwnNetwork(Net()), (picture,), 0, Limits(100), 0, 20))
            while not future.done():
                executor.wait(1)
        print(future.result().steps)
        """
    assert cluster.scheduler is not None
    found = run(script, tmp_path, str(cluster.scheduler.address))
    assert (found.stdout.split("\n"), found.stderr) == (["the script runs", "20", ""], "")


@pytest.mark.slow
def test_processes_of_this_machine_run_no_script_and_end_with_it(tmp_path: Path) -> None:
    script = """
        import os, pathlib, signal
        from dipsearch.execution.dask_cluster import DaskCluster
        print("the script runs", flush=True)
        with DaskCluster(pathlib.Path("."), "local:1") as executor:
            client = executor._connection.client
            print(executor._connection.processes.process.pid, *client.run(os.getpid).values(), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    first, second, *_ = run(script, tmp_path).stdout.splitlines()
    assert first == "the script runs"
    numbers = [int(word) for word in second.split()]
    end = time.monotonic() + 30
    while any(alive(number) for number in numbers) and time.monotonic() < end:
        time.sleep(0.2)
    assert not any(alive(number) for number in numbers)


def run(script: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder of its own."""
    (folder / "script.py").write_text(dedent(script))
    return subprocess.run(
        [sys.executable, "script.py", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": ":".join(sys.path), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def alive(number: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_whole_search_delivers_the_same_picture_as_local_processes(tmp_path: Path, cluster: Client) -> None:
    """Bit for bit, with the same seed and number of candidates, and with the same networks on the way."""
    cluster.wait_for_workers(2, timeout=60)
    furnish(tmp_path)
    asked = request(tmp_path, steps=60, workers=2)
    here = run_search(asked, root=tmp_path / "here", resume=False, callback=Silent())
    there = run_search(
        replace(asked, workers=None),
        root=tmp_path / "there",
        resume=False,
        callback=Silent(),
        cluster=cluster,
    )
    assert np.array_equal(here.images[0].numpy(), there.images[0].numpy())
    assert here.result["best"] | {"seconds": 0} == there.result["best"] | {"seconds": 0}
    names = [f"trials/{number:04d}/{name}" for number in range(2) for name in ("output.npz", "genome.yaml")]
    for name in [*names, "best/restored.png", "best/stack.yaml"]:
        assert (here.folder / name).read_bytes() == (there.folder / name).read_bytes(), name


class Killing(Ear):
    """Kills a worker in the middle of its first candidate, and goes on when another one has come in its place.

    Args:
        client: of the cluster, which replaces those that die.
        executors: takes the search's.
    """

    def __init__(self, client: Client, executors: list[DaskCluster]) -> None:
        super().__init__()
        self.client, self.executors = client, executors
        self.killed, self.late = -1, -1

    def progress(self, snapshot: Snapshot) -> None:
        there = [worker.index for worker in snapshot.workers if worker.step >= 20]
        if self.killed >= 0 or not there or not self.executors:
            return
        executor, self.killed = self.executors[0], there[0]
        members = executor._membership.members
        address = next(one for one, member in members.items() if member.spec.index == self.killed)
        number = self.client.run(os.getpid, workers=[address])[address]
        os.kill(number, signal.SIGKILL)
        before = {worker.index for worker in executor.workers}
        end = time.monotonic() + 120
        while not (new := {worker.index for worker in executor.workers} - before):
            assert time.monotonic() < end, "no other worker has come"
            executor._look(now=True)
            time.sleep(0.1)
        (self.late,) = new


def test_a_whole_search_survives_a_worker_that_is_killed_and_uses_one_that_comes_late(
    tmp_path: Path, cluster: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers are processes with folders of their own; the picture is that of a search here, bit for bit."""
    cluster.wait_for_workers(2, timeout=60)
    monkeypatch.setattr("dipsearch.run.search_slices.UNTIMED_SLICE", 0.05)
    furnish(tmp_path)
    asked = request(tmp_path, steps=100, workers=2)
    here = run_search(asked, root=tmp_path / "here", resume=False, callback=Silent())
    executors: list[DaskCluster] = []
    begin = DaskCluster.__enter__
    monkeypatch.setattr(DaskCluster, "__enter__", lambda self: executors.append(self) or begin(self))
    ear = Killing(cluster, executors)
    asked = replace(asked, workers=None)
    there = run_search(asked, root=tmp_path / "there", resume=False, callback=ear, cluster=cluster)
    assert ear.killed in (0, 1) and ear.late == 2
    assert ear.late in {row.worker for row in read_slices(there.folder)}
    assert there.result["trials"]["complete"] == 2
    assert np.array_equal(here.images[0].numpy(), there.images[0].numpy())
