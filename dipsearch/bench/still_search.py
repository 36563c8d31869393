"""A still search: a real search in which iterations are counted and not computed, to see what everything else takes.

Its policy, its books, its worker and its files are those of every search, and its fits have their real sizes. Only the
engine of a fit stands still: it shows a picture that gets better, a little differently for each candidate, at once.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import cloudpickle
import torch
from torch import Tensor

from ..delivery.first_answers import make_first_answers
from ..execution.executor import WorkerSpec
from ..execution.picture_fits import PictureFits
from ..execution.runner import Runner
from ..execution.task import Advanced, Result, Slice, Task
from ..execution.worker import Worker
from ..fitting.engine import Engine, Reading
from ..fitting.ongoing import OngoingFit
from ..network import Genome
from ..planning.policy import Decision, Policy, Situation
from ..problem import TaskOptions, write_image
from ..proposal.study import search_space
from ..run.books import Asked, Books
from ..run.candidate import Candidate
from ..run.opening import open_run
from ..run.run import Run
from ..run.scheduler import Scheduler
from ..run.search_slices import LEAST_SLICE, SLICE_SHARE, slice_of
from ..run.search_time import SearchTime
from ..run.searching import Search, policy_of
from ..trials.request import Request
from ..trials.trial import Trial

MEASURED = 40
"""Iterations of the one fit that is computed, to know what the others are counted as."""


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


class StillRunner(Runner):
    """A runner for which time passes with iterations only.

    Attributes:
        shown: it is only looked at, as if the worker were at work.
    """

    shown = False

    @property
    def seconds(self) -> float:
        """Since the start, as counted."""
        assert isinstance(self.executor, StillExecutor)
        return self.executor.passed

    @property
    def at_work(self) -> list[tuple[int, Task, float]]:
        """Nothing, since all is done at once; where it is shown, the latest task."""
        assert isinstance(self.executor, StillExecutor)
        return [(0, self.executor.latest, self.seconds)] if self.shown and self.executor.latest else []


class StillTime(SearchTime):
    """Seconds that are counted are the same on every machine."""

    def heard(self, slowness: float) -> None:
        """Nothing follows from it."""


@dataclass
class WatchedPolicy:
    """A policy with a stopwatch."""

    inner: Policy
    watch: Stopwatch = field(default_factory=Stopwatch)

    def decide(self, situation: Situation) -> Decision | None:
        """What the policy says."""
        with self.watch:
            return self.inner.decide(situation)


class WatchedBooks(Books):
    """Books with a stopwatch, in which every candidate has the same network."""

    def __init__(self, run: Run, network: Genome) -> None:
        super().__init__(run, search_space(run.folder))
        self._usual, self.watch = network, Stopwatch()

    def ask(self) -> Asked:
        """What the sampler proposes costs what it costs; what is fitted is the usual network."""
        with self.watch:
            asked = super().ask()
        if asked.candidate is None:
            return asked
        return replace(asked, candidate=replace(asked.candidate, network=self._usual))

    def note(self, candidate: Candidate, *, counts: bool = True, reason: str = "") -> None:
        """Write down how far a candidate has come."""
        with self.watch:
            super().note(candidate, counts=counts, reason=reason)

    def tell(self, candidate: Candidate, *, pruned: str = "") -> Trial:
        """Write down how a candidate ended."""
        with self.watch:
            return super().tell(candidate, pruned=pruned)


@dataclass
class StillSearch:
    """A still search, ready to be worked on.

    Args:
        search: the real thing.
        scheduler: shows it.
        runner: hands out its slices.
        executor, policy, books: its watched parts.
    """

    search: Search
    scheduler: Scheduler
    runner: StillRunner
    executor: StillExecutor
    policy: WatchedPolicy
    books: WatchedBooks

    @property
    def folder(self) -> Path:
        """The study's."""
        return self.search.run.folder


def processor_seconds_per_step(folder: Path, task: Slice) -> float:
    """What an iteration takes of this machine's processor while it does whatever else it does.

    Args:
        folder: of a study.
        task: a slice of a fit in it.
    """
    worker, watch = Worker(folder, "cpu"), Stopwatch()
    first = replace(task, place="measured", steps=10)
    worker.do(first)
    with watch:
        worker.do(replace(first, at=10, steps=MEASURED - 10))
    return watch.seconds / (MEASURED - 10)


def open_still_search(
    root: Path, network: Genome, *, size: int, seconds: float, scheduled: Callable[[Run, Runner], Scheduler]
) -> StillSearch:
    """Open a search for a network against noise on a square picture, in slices as short as there are.

    Args:
        root: the folder of its study.
        network: of all candidates.
        size: of the picture, pixels on each side.
        seconds: how long it searches, as counted.
        scheduled: makes the scheduler.
    """
    picture = root / "picture.png"
    write_image(picture, torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)))
    request = Request(
        sources=(str(picture),),
        options=TaskOptions("denoise", sigma=25, simulate=True),
        trials=10**6,
        workers=1,
        device="cpu",
        name="overhead",
    )
    run = open_run(request, root=root, resume=False, started=time.monotonic())
    run.request = replace(request, trials=None, budget_seconds=LEAST_SLICE / SLICE_SHARE)
    run.plan = replace(run.plan, trials=None, search_until=seconds, deliver_until=10 * seconds)
    executor = StillExecutor(StillWorker(run.folder), seconds_per_step=1.0)
    runner = StillRunner(
        run.folder, run.settings.names, run.settings.seed, executor, 0.0, lambda sentence: None
    )
    make_first_answers(runner)
    books, policy = WatchedBooks(run, network), WatchedPolicy(policy_of(run))
    scheduler = scheduled(run, runner)
    scheduler.search = Search(run, runner, books, policy, scheduler.evaluated)
    scheduler.search.clock = StillTime(run, runner)
    each = processor_seconds_per_step(run.folder, slice_of(run, Candidate(0, 0, network, MEASURED)))
    run.plan = replace(run.plan, seconds_per_step=each)
    executor.seconds_per_step, executor.watch = each, Stopwatch()
    return StillSearch(scheduler.search, scheduler, runner, executor, policy, books)
