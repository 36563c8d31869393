"""The time of a search: when it has to be over for what comes after it to be done in time, too."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from ..delivery.polishing import patch_seconds
from ..execution.runner import Runner
from ..execution.slowness import Share, share
from ..fitting import may_fit_all_data
from ..fitting.all_data import all_data_share
from ..planning.budget import PARTS, POLISHING, replanned
from ..trials.problem_files import WHOLE, problem_file
from .candidate import Candidate
from .run import Run

LATEST = 5
"""Slices whose median slowness is that of the machine: one that was held up does not end a search."""


@dataclass
class SearchTime:
    """How long a search may go on.

    Args:
        run: the search.
        runner: hands out its slices.
    """

    run: Run
    runner: Runner
    _heard: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST), init=False, repr=False)
    _since: Share = field(default_factory=share, init=False, repr=False)

    @property
    def decides(self) -> bool:
        """Whether a clock decides.

        Where none does, only those count that have come to their end: how far the others are depends on who was faster,
        and the same request is to give the same picture.
        """
        return self.run.plan.search_until is not None

    def heard(self, slowness: float | None) -> None:
        """Plan anew how long the output will take, by how slow this machine is now.

        Args:
            slowness: of the latest slice, where a processor of this machine has made it; ``None``: it is that of what
                this process has done since the one before.
        """
        since, self._since = self._since, share()
        slowness = since.own_slowness() if slowness is None else slowness
        run, budget = self.run, self.run.request.budget_seconds
        if budget is None or self.runner.asked.once or slowness is None:
            return
        self._heard.append(slowness)
        if len(self._heard) <= LATEST // 2:
            return
        run.plan = replanned(run.plan, budget=budget, pixels=pixels_of(run), slowness=self.slowness)
        self.runner.until = math.inf if run.plan.deliver_until is None else run.plan.deliver_until

    def left(self, candidates: Collection[Candidate]) -> float:
        """Seconds until slices have to end; infinite where no clock decides.

        Args:
            candidates: those so far, some of whom will go on with everything that was measured.
        """
        plan, runner = self.run.plan, self.runner
        if plan.search_until is None or plan.deliver_until is None:
            return math.inf
        return min(plan.search_until, plan.deliver_until - self.after(candidates)) - runner.seconds

    def after(self, candidates: Collection[Candidate]) -> float:
        """Seconds between the last slice and the writing: going on with everything that was measured, and polishing."""
        workers = max(1, len(self.runner.executor.workers))
        polishing = POLISHING * self._patch_seconds * -(-PARTS * len(self.runner.names) // workers)
        return polishing + self._all_data_seconds(candidates, workers)

    @property
    def slowness(self) -> float:
        """How slow this machine was found to be; 1 before that."""
        return median(self._heard) if self._heard else 1.0

    @cached_property
    def _patch_seconds(self) -> float:
        """What similar patches took for the slowest picture, on this machine, as busy as it is."""
        each = [patch_seconds(self.runner, problem_file(kind=WHOLE, name=name)) for name in self.runner.names]
        return max(each, default=0.0)

    @cached_property
    def _go_on(self) -> bool:
        return all(may_fit_all_data(case.problem) for case in self.run.cases)

    def _all_data_seconds(self, candidates: Collection[Candidate], workers: int) -> float:
        """What the members of an ensemble will need for going on with everything that was measured."""
        if not self._go_on:
            return 0.0
        there = [c for c in candidates if c.usable and c.fresh]
        longest = sorted((all_data_share(c.steps) * c.seconds for c in there), reverse=True)
        return sum(longest[: 2 * workers]) / workers


def pixels_of(run: Run) -> int:
    """Pixels of all pictures."""
    return sum(math.prod(case.problem.image_shape[-2:]) for case in run.cases)
