"""An executor in memory: no processes, no waiting, and a clock of its own, so that numbers are the same every time.

What a task takes is what its result says that it took; nothing else makes the clock go on. For tests of whatever has
tasks done by a `Runner`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from dipsearch.execution import runner
from dipsearch.execution.executor import GIVEN_UP, TaskFailed, WorkerSpec
from dipsearch.execution.runner import Asked, Runner
from dipsearch.execution.task import Advanced, Result, Task

FAILURE = 1.0
"""Seconds until a worker has failed, or died."""


@dataclass
class Clock:
    """In the place of ``time.monotonic``."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class _Running:
    worker: int
    ends: float
    future: Future[Result]
    found: Result | Exception


@dataclass
class MemoryExecutor:
    """Workers that do tasks in this process.

    Args:
        do: what comes of a task; what it raises is the reason why nothing does.
        clock: goes on while they work.
        count: workers.
        away: until this moment none of them is there.

    Attributes:
        given: all tasks, in the order in which they were handed out.
        begun: when each was.
        given_up: those that nobody waited for any more.
    """

    do: Callable[[Task], Result]
    clock: Clock
    count: int = 1
    away: float = 0.0
    given: list[Task] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    given_up: list[Future[Result]] = field(default_factory=list)
    _running: list[_Running] = field(default_factory=list)

    @property
    def workers(self) -> Sequence[WorkerSpec]:
        there = self.clock.now >= self.away
        return [WorkerSpec(index, "cpu") for index in range(self.count)] if there else []

    @property
    def lost(self) -> bool:
        return False

    def free(self) -> int:
        return 0 if self.clock.now < self.away else self.count - len(self._running)

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        assert self.free() > 0
        worker = min({*range(self.count)} - {one.worker for one in self._running})
        self.given.append(task)
        self.begun.append(self.clock.now)
        found: Result | Exception
        try:
            found = self.do(task)
        except Exception as error:
            found = error
        future: Future[Result] = Future()
        self._running.append(_Running(worker, self.clock.now + seconds_of(found), future, found))
        return worker, future

    def wait(self, timeout: float) -> None:
        ends = [one.ends for one in self._running]
        self.clock.now = min([*ends, self.clock.now + timeout])
        for one in [one for one in self._running if one.ends <= self.clock.now]:
            self._running.remove(one)
            if isinstance(one.found, Exception):
                one.future.set_exception(one.found)
            else:
                one.future.set_result(one.found)

    def give_up(self, future: Future[Result]) -> None:
        self._running = [one for one in self._running if one.future is not future]
        self.given_up.append(future)
        future.set_exception(TaskFailed(GIVEN_UP))

    def checkpoint(self, *, within: float) -> None: ...

    def kill(self) -> None: ...

    def __enter__(self) -> MemoryExecutor:
        return self

    def __exit__(self, *reason: object) -> None: ...


def seconds_of(found: Result | Exception) -> float:
    """What a task took."""
    if isinstance(found, Exception):
        return FAILURE
    return found.seconds + found.beside if isinstance(found, Advanced) else found.seconds


MakeRunner = Callable[..., Runner]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of every runner of a test."""
    found = Clock()
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=found))
    return found


@pytest.fixture
def said() -> list[str]:
    """What the runner of a test has said."""
    return []


@pytest.fixture
def memory_runner(clock: Clock, said: list[str], tmp_path: Path) -> MakeRunner:
    """Make a runner whose workers do tasks by a function; by default there is one, and no end."""

    def make(
        do: Callable[[Task], Result],
        *,
        count: int = 1,
        names: Sequence[str] = ("cat",),
        seed: int = 0,
        until: float = float("inf"),
    ) -> Runner:
        executor = MemoryExecutor(do, clock, count)
        return Runner(tmp_path, tuple(names), seed, executor, clock.now, said.append, Asked(), until)

    return make
