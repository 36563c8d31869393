"""The time of a search: when it has to be over for what comes after it to be done in time, too."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from ..delivery.polishing import patch_seconds
from ..execution.runner import Runner
from ..fitting import may_fit_all_data
from ..fitting.all_data import SHARE as ALL_DATA_SHARE
from ..planning.budget import PARTS, POLISHING
from ..trials.problem_files import WHOLE, problem_file
from .candidate import Candidate
from .run import Run


@dataclass
class SearchTime:
    """How long a search may go on.

    Args:
        run: the search.
        runner: hands out its slices.
    """

    run: Run
    runner: Runner

    @property
    def decides(self) -> bool:
        """Whether a clock decides.

        Where none does, only those count that have come to their end: how far the others are depends on who was faster,
        and the same request is to give the same picture.
        """
        return self.run.plan.search_until is not None

    def left(self, candidates: Collection[Candidate]) -> float:
        """Seconds until slices have to end; infinite where no clock decides.

        Args:
            candidates: those so far, some of whom will go on with everything that was measured.
        """
        plan, runner = self.run.plan, self.runner
        if plan.search_until is None or plan.deliver_until is None:
            return math.inf
        workers = max(1, len(runner.executor.workers))
        polishing = POLISHING * self._patch_seconds * -(-PARTS * len(runner.names) // workers)
        after = polishing + self._all_data_seconds(candidates, workers)
        return min(plan.search_until, plan.deliver_until - after) - runner.seconds

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
        longest = sorted((c.seconds for c in candidates if c.usable), reverse=True)
        return ALL_DATA_SHARE * sum(longest[: 2 * workers]) / workers
