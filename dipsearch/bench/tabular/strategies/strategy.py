"""A strategy: which fit is begun next. Whether one that was begun goes on is the policy's matter.

It sees what a search sees: estimates, never the true PSNR. To try an idea, write a class with ``next`` and hand a
function that makes it to ``replayed_searches`` or ``replay_search``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ....planning.plan import least_steps
from ....planning.policy import Contestant
from ....trials.objective import estimated_psnr
from ..recorded.fit_recording import EVERY
from ..recorded.table import Table
from ..recorded.table_parts import Recorded, TableFit

Choice = tuple[str, int]
"""The digest of a genome, and a seed; both of the table."""


@dataclass(eq=False)
class Tried:
    """A fit that was begun, as far as it has come.

    Args:
        recorded: its genome and what an iteration of it costs.
        fit: as it was recorded; not for strategies, which ask for what follows.
        number: of the candidate in the search.
        seconds_per_step: of an iteration, in seconds of the search.
        origin: the sketch of the first answer's errors; less these, sketches of errors are those of pictures.
        steps: iterations done.
        busy: whether a worker advances it right now.
        slices: when each part of it was done, in seconds of the search, and the iterations after it.
    """

    recorded: Recorded
    fit: TableFit
    number: int
    seconds_per_step: float
    origin: NDArray[np.float32]
    steps: int = 0
    busy: bool = False
    slices: list[tuple[float, int]] = field(default_factory=list)
    _seen: Contestant | None = field(default=None, repr=False)

    @property
    def choice(self) -> Choice:
        """What was chosen."""
        return self.fit.digest, self.fit.seed

    @property
    def ended(self) -> bool:
        """Whether its own rule ended it."""
        return self.steps >= self.fit.steps

    @property
    def look(self) -> int:
        """Iterations after which it can be judged."""
        return least_steps(self.recorded.genome.genome)

    @property
    def estimate(self) -> float:
        """The estimated PSNR in dB of what it would deliver now."""
        return self.estimate_at(self.steps)

    def estimate_at(self, steps: int) -> float:
        """The same after so many iterations, no more than it has done; -inf before the first check point."""
        at = min(steps, self.steps) // EVERY
        return estimated_psnr(float(self.fit.validation_mse[at - 1])) if at else float("-inf")

    @property
    def contestant(self) -> Contestant:
        """It as a policy sees it."""
        if self._seen is None or (self._seen.steps, self._seen.busy) != (self.steps, self.busy):
            place = self.fit.place(self.steps)
            self._seen = Contestant(
                number=self.number,
                steps=self.steps,
                seconds_per_step=self.seconds_per_step,
                curve=self.fit.curve[: self.steps // EVERY],
                ended=self.ended,
                busy=self.busy,
                look=self.look,
                sketch=None if place is None else self.fit.sketches[place] - self.origin,
                mse=math.nan if place is None else self.fit.validation_mse_at(place),
            )
        return self._seen


class Strategy(Protocol):
    """What every strategy does."""

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The next fit for a worker that shall begin one; ``None``: there is nothing worth beginning any more.

        Args:
            tried: all that were begun, in that order, also those under way.
        """
        ...


@dataclass(frozen=True, eq=False)
class Offer:
    """What a strategy may know of a table beforehand.

    Args:
        table: the genomes and their seeds; the fits are not for looking.
        task: that is searched for.
        seed: of everything that the strategy draws.
    """

    table: Table
    task: str
    seed: int

    @property
    def choices(self) -> list[Choice]:
        """All that can be fitted, in the order in which it was recorded."""
        return list(self.table.cases[0].fits)


Maker = Callable[[Offer], Strategy]
"""Makes a strategy for one search."""
