"""Workers in the process of the test: for searches whose processes are not what is tested.

A process of its own takes two seconds of processor time to load its libraries, several times what a tiny search does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import cloudpickle
import pytest

from dipsearch.execution.executor import TaskFailed, WorkerSpec
from dipsearch.execution.task import Result, Slice, Task
from dipsearch.execution.worker import Worker, in_words
from dipsearch.trials.own_parts import NOTHING, OwnParts


@dataclass(eq=False)
class _Here:
    spec: WorkerSpec
    worker: Worker
    task: Task | None = None
    future: Future[Result] = field(default_factory=Future)
    place: str = ""


@dataclass
class WorkersHere:
    """In the place of ``LocalProcesses``: whoever waits does the task that was handed out first."""

    folder: Path
    specs: Sequence[WorkerSpec]
    own: OwnParts = NOTHING
    _workers: list[_Here] = field(default_factory=list)
    _at_work: deque[_Here] = field(default_factory=deque)

    def __enter__(self) -> WorkersHere:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._workers.clear()
        self._at_work.clear()

    def start(self, most: int | None = None) -> None:
        for spec in self.specs[len(self._workers) : most]:
            self._workers.append(_Here(spec, Worker(self.folder, spec.device, self.own)))

    @property
    def workers(self) -> Sequence[WorkerSpec]:
        return self.specs

    @property
    def lost(self) -> bool:
        return False

    def free(self) -> int:
        return sum(one.task is None for one in self._workers)

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        idle = [one for one in self._workers if one.task is None]
        place = task.place if isinstance(task, Slice) else ""
        one = next((one for one in idle if place and one.place == place), idle[0])
        one.task, one.future, one.place = cloudpickle.loads(cloudpickle.dumps(task)), Future(), place
        self._at_work.append(one)
        return one.spec.index, one.future

    def wait(self, timeout: float) -> None:
        if not self._at_work:
            return
        one = self._at_work.popleft()
        task, one.task = one.task, None
        assert task is not None
        try:
            one.future.set_result(one.worker.do(task))
        except Exception as error:  # as a worker process says it
            one.future.set_exception(error if isinstance(error, TaskFailed) else TaskFailed(in_words(error)))

    def give_up(self, future: Future[Result]) -> None:
        for one in [one for one in self._at_work if one.future is future]:
            self._at_work.remove(one)
            one.task = None
            future.set_exception(TaskFailed("nobody waited for it any more"))

    def checkpoint(self, *, within: float) -> None: ...

    def kill(self) -> None: ...


@pytest.fixture
def workers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches and restorations of a test have no processes of their own."""
    work_here(monkeypatch)


def work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on."""
    for module in ("head_start", "restore_run"):
        monkeypatch.setattr(f"dipsearch.run.{module}.LocalProcesses", WorkersHere)
