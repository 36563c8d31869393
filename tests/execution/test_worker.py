"""A worker in this process: what it remembers, what it takes from files, and what it does when memory is short."""

from __future__ import annotations

import gc
import math
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.execution import answer_speed
from dipsearch.execution import worker as worker_module
from dipsearch.execution.executor import TaskFailed
from dipsearch.execution.picture_fits import PictureFits, taken_up
from dipsearch.execution.task import OUTPUT, STATE, TRAJECTORY, Advanced, Patches
from dipsearch.execution.worker import REMEMBERED, Worker
from dipsearch.patches import HURRIED, answer, first_guess, fitted_part
from dipsearch.problem import make_split
from dipsearch.trials.own_parts import OwnParts
from dipsearch.trials.problem_files import read_problem
from dipsearch.trials.trial_files import read_npz

from .studies import LEARNS, PATCHES, a_slice, advanced, expected, flawed, same, same_files, study


class Cramped:
    """A machine on which ordinary fits do not fit, nor lean ones when ``always``."""

    def __init__(self, *, always: bool = False) -> None:
        self.always = always
        self.lean: list[bool] = []
        self.held: list[weakref.ref[torch.Tensor]] = []

    def __call__(
        self, task: object, pictures: object, folder: object, *, compute: object, own: object
    ) -> PictureFits:
        self.lean.append(compute.lean)
        if compute.lean and not self.always:
            return taken_up(task, pictures, folder, compute=compute)
        activations = torch.zeros(1000)
        self.held.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(study(tmp_path / "study"), "cpu")


def test_without_memory_a_slice_is_tried_once_more_in_the_lean_way(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Cramped()
    monkeypatch.setattr(worker_module, "taken_up", machine)
    (found,) = advanced(worker, a_slice(), slices=1)
    assert machine.lean == [False, True]
    assert found.lean and found.steps == 20


def test_before_the_lean_way_the_other_fits_are_put_aside(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other, task = a_slice("trials/0001"), a_slice()
    advanced(worker, other, slices=1, keep=False)

    def crowded(
        task: object, pictures: object, folder: object, *, compute: object, own: object
    ) -> PictureFits:
        if worker.remembers("trials/0001"):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return taken_up(task, pictures, folder, compute=compute)

    monkeypatch.setattr(worker_module, "taken_up", crowded)
    (found,) = advanced(worker, task, slices=1)
    assert not found.lean and found.steps == 20
    monkeypatch.setattr(worker_module, "taken_up", taken_up)
    ours = expected(tmp_path / "other", other, slices=2)
    assert same(ours[1], advanced(worker, replace(other, at=20), slices=1)[0])  # nothing of it was lost


def test_when_that_fails_too_it_is_too_large_and_the_next_one_is_tried(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Cramped(always=True)
    monkeypatch.setattr(worker_module, "taken_up", machine)
    for _ in range(2):
        with pytest.raises(TaskFailed, match="too large for this machine's memory, also in the lean way"):
            worker.do(a_slice())
    assert machine.lean == [False, True, False, True]


def test_the_memory_of_the_first_try_is_free_before_the_second(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Cramped()
    monkeypatch.setattr(worker_module, "taken_up", machine)
    alive: list[bool] = []
    gc.disable()  # nothing but the code itself may free it
    try:
        monkeypatch.setattr(
            worker_module,
            "give_back_memory",
            lambda device: alive.extend(reference() is not None for reference in machine.held),
        )
        worker.do(a_slice())
    finally:
        gc.enable()
    assert alive == [False]


def test_the_latest_fits_are_remembered_and_the_others_taken_from_their_files(
    worker: Worker, tmp_path: Path
) -> None:
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=2)
    theirs = advanced(worker, task, slices=1)
    for number in range(REMEMBERED["cpu"]):
        assert worker.remembers(LEARNS) == 20
        worker.do(a_slice(f"trials/01{number:02d}", steps=1))
    assert worker.remembers(LEARNS) == 0
    theirs += advanced(worker, replace(task, at=20), slices=1)
    assert all(same(one, other) for one, other in zip(ours, theirs, strict=True))


def test_what_belongs_to_a_picture_whose_file_is_gone_is_forgotten(worker: Worker, tmp_path: Path) -> None:
    task = a_slice()
    worker.do(task)
    (old,) = (worker.folder / one.problem for one in task.pictures)
    other = replace(task.pictures[0], problem=f"{task.pictures[0].problem.removesuffix('.npz')}-2.npz")
    old.rename(worker.folder / other.problem)
    worker.do(replace(task, place="fits/other", pictures=(other,)))
    assert [one.problem for one in worker._pictures] == [other.problem]
    assert worker.remembers(task.place) == 0 and worker.remembers("fits/other") == 20


def test_fits_begin_anew_where_their_files_are_damaged(worker: Worker, tmp_path: Path) -> None:
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=1)
    worker.do(task)
    (worker.folder / LEARNS / STATE).write_bytes(b"half of")
    (found,) = advanced(Worker(worker.folder, "cpu"), replace(task, at=20), slices=1)
    assert same(ours[0], found)


def test_a_worker_says_how_far_the_files_of_a_lost_one_are(worker: Worker) -> None:
    """A slice that was written, and whose worker died before it said so, is not made twice."""
    advanced(worker, a_slice(), slices=2)
    (found,) = advanced(Worker(worker.folder, "cpu"), a_slice(at=20), slices=1)
    assert (found.steps, found.made) == (60, 20)
    assert [step for step, _ in found.pictures[0].curve] == [30, 40, 50, 60]


def test_images_along_the_way_end_where_the_state_does(worker: Worker, tmp_path: Path) -> None:
    """They are written before it, and a kill may come in between."""
    task = a_slice(trajectory_every=10)
    expected(tmp_path / "other", task, slices=3)
    worker.do(task)
    before = (worker.folder / LEARNS / STATE).read_bytes()
    worker.do(replace(task, at=20))
    (worker.folder / LEARNS / STATE).write_bytes(before)
    advanced(Worker(worker.folder, "cpu"), replace(task, at=20), slices=2)
    along = read_npz(worker.folder / LEARNS / TRAJECTORY)
    assert along["step"].tolist() == [10, 20, 30, 40, 50, 60]
    assert np.array_equal(along["x"], read_npz(tmp_path / "other" / LEARNS / TRAJECTORY)["x"])
    assert same_files(worker.folder, tmp_path / "other")


def test_of_a_long_fit_every_second_image_is_kept_also_by_who_takes_it_up(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.execution.picture_fits.MOST_IMAGES", 4)
    task = a_slice(trajectory_every=10)
    expected(tmp_path / "other", task, slices=5)
    advanced(worker, task, slices=3)
    advanced(Worker(worker.folder, "cpu"), replace(task, at=60), slices=2)
    for folder in (worker.folder, tmp_path / "other"):
        assert read_npz(folder / LEARNS / TRAJECTORY)["step"].tolist() == [40, 80]


def test_a_slice_ends_when_its_time_is_over(worker: Worker) -> None:
    (found,) = advanced(worker, a_slice(steps=2000), slices=1, seconds=0.0)
    assert found.made == 10
    assert found.seconds > 0 and found.beside > 0


def test_similar_patches_are_less_thorough_where_their_time_is_short(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_speed, "PROBE", 16)  # of a picture that is larger
    monkeypatch.setattr(answer_speed, "_seconds_of", lambda part, within: 0.1)

    def restored(left: float) -> torch.Tensor:
        worker.do(replace(PATCHES, left=left))
        return torch.from_numpy(read_npz(worker.folder / PATCHES.out)["x"])

    usual, hurried, none = (restored(left) for left in (math.inf, 0.4, 0.1))
    problem = read_problem(worker.folder / PATCHES.problem)
    split = make_split(problem, seed=PATCHES.split_seed)
    assert torch.equal(usual, answer(problem, split=split))
    assert torch.equal(hurried, answer(problem, split=split, settings=HURRIED))
    assert torch.equal(none, first_guess(fitted_part(problem, split)))
    assert not torch.equal(usual, hurried) and not torch.equal(hurried, none)


def test_networks_and_metrics_of_ones_own_are_to_blame_for_what_they_raise(worker: Worker) -> None:
    with pytest.raises(TaskFailed, match="KeyError: 'no such layer'"):
        worker.do(a_slice(network=flawed()))
    worker.own = OwnParts(metric=lambda x, y, weight: 1 / 0)
    with pytest.raises(TaskFailed, match="the metric failed: ZeroDivisionError: division by zero"):
        worker.do(a_slice())
    worker.own = OwnParts(metric=lambda x, y, weight: float(x.shape[-1]))
    found = worker.do(a_slice())
    assert isinstance(found, Advanced) and found.value == 20.0


def test_a_metric_that_works_in_place_changes_neither_the_fit_nor_the_split(tmp_path: Path) -> None:
    def in_place(compared: torch.Tensor, scoring: torch.Tensor, counts: torch.Tensor) -> float:
        distance = -float(compared.sub_(scoring).mul_(counts).abs_().sum() / counts.sum())
        for given in (compared, scoring, counts):
            given.zero_()
        return distance

    def pure(compared: torch.Tensor, scoring: torch.Tensor, counts: torch.Tensor) -> float:
        return -float(((compared - scoring) * counts).abs().sum() / counts.sum())

    found = []
    for metric in (in_place, pure):
        worker = Worker(study(tmp_path / metric.__name__), "cpu")
        worker.own = OwnParts(metric=metric)
        slices = advanced(worker, a_slice(), slices=2)
        output = read_npz(worker.folder / a_slice().place / OUTPUT)["x"]
        found.append(([(one.value, one.pictures[0].curve) for one in slices], output.tolist()))
    assert found[0] == found[1]


def test_similar_patches_that_a_gpu_has_no_room_for_are_found_without_its_fits_or_by_the_processor(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[str, int]] = []
    restored, now = Worker._restored, [0.0]
    monkeypatch.setattr(worker_module.time, "perf_counter", lambda: now[0])
    left: list[float] = []

    def crowded(self: Worker, task: Patches, device: str) -> object:
        tried.append((device, self.remembers(LEARNS)))
        left.append(task.left)
        now[0] += 15.0
        if device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return restored(self, task, device)

    advanced(worker, a_slice(), slices=1)
    monkeypatch.setattr(Worker, "_restored", crowded)
    monkeypatch.setattr(worker_module, "patch_device", lambda device: "cuda:0")
    worker.do(replace(PATCHES, left=60.0))
    assert tried == [("cuda:0", 20), ("cuda:0", 0), ("cpu", 0)]
    assert left == [60.0, 45.0, 30.0]  # the time that was lost is not there twice
    assert (worker.folder / PATCHES.out).exists()
    (again,) = advanced(worker, a_slice(at=20), slices=1)  # its files were left
    assert again.steps == 40
    monkeypatch.setattr(worker_module, "patch_device", lambda device: "cpu")

    def full(self: Worker, task: Patches, device: str) -> object:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Worker, "_restored", full)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        worker.do(PATCHES)


def test_where_there_is_no_memory_to_put_fits_aside_either_the_processor_still_answers(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=2)
    advanced(worker, task, slices=1, keep=False)
    restored, left = Worker._restored, PictureFits.leave

    def full(self: object, *arguments: object) -> object:
        if self is worker and arguments[1] == "cpu":
            return restored(worker, *arguments)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Worker, "_restored", full)
    monkeypatch.setattr(PictureFits, "leave", full)
    monkeypatch.setattr(worker_module, "patch_device", lambda device: "cuda:0")
    worker.do(PATCHES)
    assert (worker.folder / PATCHES.out).exists() and worker.remembers(LEARNS) == 0
    monkeypatch.setattr(PictureFits, "leave", left)
    again = advanced(worker, replace(task, at=20), slices=2)  # what was lost is fitted anew
    assert [one.steps for one in again] == [20, 40] and same(ours[1], again[1])


def test_the_processor_needs_nothing_of_a_full_gpu(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Worker, wanted: object, *, pilot: bool) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory")

    worker.do(PATCHES)
    usual = (worker.folder / PATCHES.out).read_bytes()
    (worker.folder / PATCHES.out).unlink()
    worker.device = "cuda:0"
    monkeypatch.setattr(Worker, "_picture", full)
    monkeypatch.setattr(worker_module, "give_back_memory", lambda device: None)
    monkeypatch.setattr(worker_module, "patch_device", lambda device: "cpu")
    worker.do(PATCHES)
    assert (worker.folder / PATCHES.out).read_bytes() == usual
