"""A runner without processes: one worker in this process does every task, in a second of a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.execution.executor import WorkerDied
from dipsearch.execution.runner import Runner
from dipsearch.execution.task import Restored, Result, Task
from dipsearch.execution.worker import Worker
from dipsearch.problem import Problem
from dipsearch.trials.problem_files import WHOLE, problem_path, write_problem
from tests.memory_executor import Clock, MakeRunner, clock, memory_runner, said

__all__ = ["clock", "memory_runner", "said"]


class OneSecond:
    """A worker for whom a second passes with every task.

    Args:
        folder: of the pictures.
        lost: so many tasks are lost with it before one is done.

    Attributes:
        done: the tasks that were done, in order.
    """

    def __init__(self, folder: Path, *, lost: int = 0) -> None:
        self._worker, self.lost = Worker(folder, "cpu"), lost
        self.done: list[Task] = []

    def __call__(self, task: Task) -> Result:
        if self.lost:
            self.lost -= 1
            raise WorkerDied("its process died (SIGKILL)")
        found = self._worker.do(task)
        assert isinstance(found, Restored)
        self.done.append(task)
        return replace(found, seconds=1.0)


MakePatchRunner = Callable[..., tuple[Runner, OneSecond]]


@pytest.fixture
def make_runner(memory_runner: MakeRunner, tmp_path: Path, clock: Clock) -> MakePatchRunner:
    """Make a runner, and its worker, for problems by the names of their pictures."""

    def make(
        problems: Mapping[str, Problem], *, lost: int = 0, seed: int = 0, until: float = float("inf")
    ) -> tuple[Runner, OneSecond]:
        for name, problem in problems.items():
            write_problem(problem_path(tmp_path, kind=WHOLE, name=name), problem)
        worker = OneSecond(tmp_path, lost=lost)
        return memory_runner(worker, names=tuple(problems), seed=seed, until=until), worker

    return make
