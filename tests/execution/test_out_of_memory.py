"""A candidate that does not fit in memory is tried once in a leaner way, and the study goes on."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from dipsearch.execution.messages import SearchJob
from dipsearch.execution.worker import Worker
from dipsearch.fitting import Fit
from dipsearch.network import Genome
from dipsearch.problem import TaskOptions, write_image
from dipsearch.run import Request
from dipsearch.run.run import open_run
from dipsearch.trials.objective import Limits, Progress, evaluate
from dipsearch.trials.problem_files import SEARCHED, SplitProblem, pilot_path, write_pilot


class Cramped:
    """A machine on which ordinary fits do not fit, nor lean ones when ``always``."""

    def __init__(self, *, always: bool = False) -> None:
        self.always, self.lean = always, []  # type: tuple[bool, list[bool]]
        self.held: list[weakref.ref[torch.Tensor]] = []

    def __call__(
        self,
        genome: Genome,
        images: Sequence[SplitProblem],
        *,
        seed: int,
        limits: Limits,
        progress: Progress,
        halted: Callable[[], bool] = lambda: False,
    ) -> list[Fit]:
        self.lean.append(limits.compute.lean)
        if limits.compute.lean and not self.always:
            return evaluate(genome, images, seed=seed, limits=limits, progress=progress)
        activations = torch.zeros(1000)
        self.held.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory")


def worker_of(root: Path, machine: Cramped) -> Worker:
    picture = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    write_image(root / "picture.png", picture)
    request = Request(
        sources=(str(root / "picture.png"),),
        options=TaskOptions("denoise", sigma=25, simulate=True),
        space="small",
        trials=2,
        workers=1,
        device="cpu",
        name="cramped",
    )
    run = open_run(request, root=root, resume=False, started=time.monotonic())
    write_pilot(pilot_path(run.folder, kind=SEARCHED, name="picture"), fitted=picture)
    return Worker(run.folder, run.settings, 0, "cpu", evaluate=machine)


def test_it_is_tried_once_more_in_the_lean_way(tmp_path: Path) -> None:
    machine = Cramped()
    outcome = worker_of(tmp_path, machine).do(SearchJob(Limits(max_steps=10)))
    assert machine.lean == [False, True]
    assert outcome["state"] == "COMPLETE"
    assert outcome["lean"] is True


def test_when_that_fails_too_it_is_recorded_as_too_large_and_the_next_one_is_tried(tmp_path: Path) -> None:
    machine = Cramped(always=True)
    worker = worker_of(tmp_path, machine)
    for _ in range(2):
        outcome = worker.do(SearchJob(Limits(max_steps=10)))
        assert outcome["state"] == "FAIL"
        assert outcome["reason"] == "it is too large for this machine's memory, also in the lean way"
    assert machine.lean == [False, True, False, True]


def test_the_memory_of_the_first_try_is_free_before_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Cramped()
    alive: list[bool] = []
    gc.disable()  # nothing but the code itself may free it
    try:
        monkeypatch.setattr(
            "dipsearch.execution.worker.give_back_memory",
            lambda device: alive.extend(reference() is not None for reference in machine.held),
        )
        worker_of(tmp_path, machine).do(SearchJob(Limits(max_steps=10)))
    finally:
        gc.enable()
    assert alive == [False]
