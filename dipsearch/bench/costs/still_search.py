"""A still search: a real search in which iterations are counted and not computed, to see what everything else takes.

Its policy, its books, its worker and its files are those of every search, and its fits have their real sizes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ...delivery.first_answers import make_first_answers
from ...execution.runner import Runner
from ...execution.task import Slice, Task
from ...execution.worker import Worker
from ...network import Genome
from ...planning.policy import Move, Policy, Situation
from ...problem import TaskOptions, write_image
from ...proposal.study import search_space
from ...run.books import Asked, Books
from ...run.candidate import Candidate
from ...run.opening import open_run
from ...run.run import Run
from ...run.scheduler import Scheduler
from ...run.search_slices import LEAST_SLICE, SLICE_SHARE, slice_of
from ...run.search_time import SearchTime
from ...run.searching import Search, policy_of
from ...trials.request import Request
from ...trials.trial import Trial
from .still_executor import StillExecutor, StillWorker, Stopwatch

MEASURED = 40
"""Iterations of the one fit that is computed, to know what the others are counted as."""


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

    def heard(self, slowness: float | None) -> None:
        """Nothing follows from it."""


@dataclass
class WatchedPolicy:
    """A policy with a stopwatch."""

    inner: Policy
    watch: Stopwatch = field(default_factory=Stopwatch)

    def decide(self, situation: Situation) -> Move | None:
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
