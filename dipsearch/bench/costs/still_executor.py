"""A still executor: a worker in this process whose fits count iterations and compute none.

Its tasks are packed and its files are written as those of any other. Only the engine of a fit stands still: it shows a
picture that gets better, a little differently for each candidate, at once.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import cloudpickle
import torch
from torch import Tensor

from ...execution.executor import WorkerSpec
from ...execution.picture_fits import PictureFits
from ...execution.task import Advanced, Result, Slice, Task
from ...execution.worker import Worker
from ...fitting.engine import Engine, Reading
from ...fitting.ongoing import OngoingFit


@dataclass
class Stopwatch:
    """Adds up the processor time of a part of the work; what other programs take of the machine does not count.

    Attributes:
        seconds: so far.
        count: how often it ran.
    """

    seconds: float = 0.0
    count: int = 0
    _since: float = 0.0

    def __enter__(self) -> None:
        self._since = time.process_time()

    def __exit__(self, *reason: object) -> None:
        self.seconds += time.process_time() - self._since
        self.count += 1


class StillEngine(Engine):
    """Stands in for the engine of a fit.

    Args:
        inner: the real one, whose state has the real size.
        clean: the picture that a fit comes close to, ``(1, C, H, W)``.
        number: of the candidate; each errs differently.
        step: iterations that the fit has made.
    """

    def __init__(self, inner: Engine, clean: Tensor, *, number: int, step: int) -> None:
        super().__init__(inner.step, inner._problem, split=inner._split, reason=inner.reason)
        self.name, self._clean, self._made = inner.name, clean, step
        draw = torch.Generator().manual_seed(number)
        self._level = 0.001 * (1 + float(torch.rand((), generator=draw)))
        self._error = torch.randn(clean.shape, generator=draw)

    def advance(self, steps: int) -> Reading:
        """Count iterations; the mean squared error falls like one over them."""
        self._made += steps
        error = self._level * (1 + 100 / self._made)
        image = self._clean + error**0.5 * self._error
        return Reading(error, error, image, image)


class StillWorker(Worker):
    """A worker whose fits stand still.

    Args:
        folder: of the study.

    Attributes:
        from_files: how often it took fits up from their files.
        begun: what the first step of every fit took, without which a state has no moments of its optimiser.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "cpu")
        self.from_files, self.begun = 0, Stopwatch()

    def _taken_up(self, task: Slice) -> PictureFits:
        self.from_files += bool(task.at) and self.remembers(task.place) != task.at
        fits = super()._taken_up(task)
        for one, picture in zip(fits.fits, fits.pictures, strict=True):
            self._hold(one, picture.problem.y, number=int(Path(task.place).name))
        return fits

    def _hold(self, fit: OngoingFit, clean: Tensor, *, number: int) -> None:
        engine = fit._engine  # a fit has no other place for an engine that nobody but a bench wants
        if isinstance(engine, StillEngine):
            return
        if not fit.step:
            with self.begun:
                engine.advance(1)
        fit._engine = StillEngine(engine, clean, number=number, step=fit.step)


@dataclass
class StillExecutor:
    """One worker in this process; tasks and results are packed as for another one.

    Args:
        worker: does the tasks.
        seconds_per_step: what an iteration is counted as, once that is measured.

    Attributes:
        passed: seconds, as counted.
        slices: how many there were.
        kept: after how many of them the files were written.
        watch: what the worker took.
        latest: the task.
    """

    worker: StillWorker
    seconds_per_step: float
    passed: float = 0.0
    slices: int = 0
    kept: int = 0
    watch: Stopwatch = field(default_factory=Stopwatch)
    latest: Task | None = None
    _busy: bool = False

    @property
    def workers(self) -> Sequence[WorkerSpec]:
        """The only one."""
        return (WorkerSpec(0, "cpu"),)

    @property
    def lost(self) -> bool:
        """Never."""
        return False

    def free(self) -> int:
        """One, until somebody waits for what it has done at once."""
        return int(not self._busy)

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        """Do a task; of a slice the iterations that there would have been time for."""
        self._busy, self.latest, packed = True, task, cloudpickle.dumps(task)
        with self.watch:
            answer = pickle.dumps(self._done(cloudpickle.loads(packed)))
        future: Future[Result] = Future()
        future.set_result(pickle.loads(answer))
        return 0, future

    def _done(self, task: Task) -> Result:
        if not isinstance(task, Slice):
            return self.worker.do(task)
        within = task.steps if task.seconds is None else int(task.seconds / self.seconds_per_step) + 1
        found = self.worker.do(replace(task, steps=min(task.steps, within), seconds=None))
        assert isinstance(found, Advanced)
        self.passed += found.made * self.seconds_per_step
        self.slices += bool(found.made)
        self.kept += bool(found.made) and found.kept
        return replace(found, seconds=found.made * self.seconds_per_step)

    def wait(self, timeout: float) -> None:
        """It is there already."""
        self._busy = False

    def give_up(self, future: Future[Result]) -> None:
        """Nothing is left to be given up."""

    def checkpoint(self, *, within: float) -> None:
        """The worker writes into the folder."""

    def kill(self) -> None:
        """There is no process."""

    def __enter__(self) -> StillExecutor:
        return self

    def __exit__(self, *reason: object) -> None:
        return None
