"""A strategy: who is fitted next, and whether a fit that was begun goes on. Replays ask it, nothing else.

It sees what a search sees: estimates, never the true PSNR. To try an idea, write a class with ``next`` and ``goes_on``
and hand a function that makes it to ``search_rows`` or ``replay_search``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...trials.objective import estimated_psnr
from .fit_recording import EVERY
from .table import Table
from .table_parts import Recorded, TableFit

Choice = tuple[str, int]
"""The digest of a genome, and a seed; both of the table."""


@dataclass(eq=False)
class Tried:
    """A fit that was begun, as far as it has come.

    Args:
        recorded: its genome and what an iteration of it costs.
        fit: as it was recorded; not for strategies, which ask for what follows.
        steps: iterations done.
        dropped: whether the strategy gave it up.
        slices: when each part of it was done, in seconds of the search, and the iterations after it.
    """

    recorded: Recorded
    fit: TableFit
    steps: int = 0
    dropped: bool = False
    slices: list[tuple[float, int]] | None = None

    @property
    def choice(self) -> Choice:
        """What was chosen."""
        return self.fit.digest, self.fit.seed

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.dropped or self.steps >= self.fit.steps

    @property
    def estimate(self) -> float:
        """The estimated PSNR in dB of what it would deliver now."""
        return self.estimate_at(self.steps)

    def estimate_at(self, steps: int) -> float:
        """The same after so many iterations, no more than it has done; -inf before the first check point."""
        at = min(steps, self.steps) // EVERY
        return estimated_psnr(float(self.fit.validation_mse[at - 1])) if at else float("-inf")


class Strategy(Protocol):
    """What every strategy does."""

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The next fit for a worker that is free; ``None``: there is nothing worth beginning.

        Args:
            tried: all that were begun, in that order, also those under way.
        """
        ...

    def goes_on(self, one: Tried, tried: Sequence[Tried]) -> bool:
        """Whether a fit that was begun and is not at its end gets another slice."""
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
