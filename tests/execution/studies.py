"""For the tests of this room: a folder with a tiny picture, tasks for it, and how to have them done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Lock

import torch

from dipsearch.execution.executor import Executor
from dipsearch.execution.task import CURVES, OUTPUT, Advanced, Limits, Patches, Picture, Result, Slice, Task
from dipsearch.execution.worker import Worker
from dipsearch.network import OwnNetwork
from dipsearch.problem import NoNoise, Problem
from dipsearch.trials.own_parts import NOTHING, OwnParts
from dipsearch.trials.problem_files import write_problem
from dipsearch.trials.trial_files import read_npz

from ..fitting.test_loop import inpainting, tiny_genome

PICTURE = Picture("inputs/search-picture.npz", split_seed=0)
LEARNS = "trials/0000"


def study(folder: Path) -> Path:
    """Make a study's folder with one measured picture."""
    write_problem(folder / PICTURE.problem, inpainting())
    return folder


def a_slice(place: str = LEARNS, **changes: object) -> Slice:
    """Twenty iterations from the beginning of a fit that may have 2000."""
    first = Slice(place, place, tiny_genome(), (PICTURE,), 3, Limits(2000), at=0, steps=20)
    return replace(first, **changes)


PATCHES = Patches("patches", PICTURE.problem, "trials/patches.npz", split_seed=0)


class Flawed(torch.nn.Module):
    """A network of the user's that does not work."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(32, 3, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Raise."""
        raise KeyError("no such layer")


def flawed() -> OwnNetwork:
    """It, ready to be fitted."""
    return OwnNetwork(Flawed())


def with_a_lock() -> OwnNetwork:
    """A network that cannot be sent to another process."""
    module = torch.nn.Conv2d(32, 3, 1)
    module.lock = Lock()  # type: ignore[assignment]
    return OwnNetwork(module)


def with_own_parts(folder: Path) -> OwnParts:
    """Make a study's folder whose picture has an operator that no file holds, and what a search would know of it."""
    y = inpainting().y.numpy()
    pair = (lambda x: x.flip(-1)), (lambda y: y.flip(-1))
    problem = Problem(y, pair, NoNoise())
    write_problem(folder / PICTURE.problem, problem)
    return OwnParts(
        operators={"picture": problem.operator},
        metric=lambda x, y, weight: float(os.getpid()),
    )


def wait_for(executor: Executor, *futures: Future[Result], seconds: float = 60.0) -> None:
    """Wait until something has come of tasks."""
    until(lambda: all(future.done() for future in futures), executor, seconds=seconds)


def until(true: Callable[[], bool], executor: Executor, *, seconds: float = 60.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        executor.wait(0.2)


def done(executor: Executor, task: Task) -> Result:
    """Have a task done."""
    _, future = executor.submit(task)
    wait_for(executor, future)
    return future.result()


def advanced(executor: Executor | Worker, task: Slice, *, slices: int, **changes: object) -> list[Advanced]:
    """Advance fits slice by slice."""
    found: list[Advanced] = []
    for _ in range(slices):
        at = found[-1].steps if found else task.at
        one = replace(task, at=at, **changes)
        result = executor.do(one) if isinstance(executor, Worker) else done(executor, one)
        assert isinstance(result, Advanced)
        found.append(result)
    return found


def expected(folder: Path, task: Slice, *, slices: int, own: OwnParts = NOTHING) -> list[Advanced]:
    """What a worker in this process makes of it, in a folder of its own."""
    return advanced(Worker(study(folder), "cpu", own), task, slices=slices)


def same(left: Advanced, right: Advanced) -> bool:
    """Whether two slices have the same numbers, bit for bit."""
    return (left.steps, left.made) == (right.steps, right.made) and all(
        (one.ended, one.curve, one.step, one.validation_mse, one.loss)
        == (other.ended, other.curve, other.step, other.validation_mse, other.loss)
        and one.sketch is not None
        and other.sketch is not None
        and one.sketch.tobytes() == other.sketch.tobytes()
        for one, other in zip(left.pictures, right.pictures, strict=True)
    )


def same_files(left: Path, right: Path, place: str = LEARNS) -> bool:
    """Whether two folders have the same curves and images, bit for bit."""
    for name in (CURVES, OUTPUT):
        ours, theirs = read_npz(left / place / name), read_npz(right / place / name)
        assert ours.keys() == theirs.keys()
        if any(ours[key].tobytes() != theirs[key].tobytes() for key in ours if not key.startswith("seconds")):
            return False
    return True
