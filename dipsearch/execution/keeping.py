"""Keeping: when the fits under way are written to their files, so that a kill loses little and writing costs little."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .task import Advanced

SHARE = 0.2
"""Of a fit's time, what writing may take at the most; nearly all are written with every slice, for less than 3 % of it.

With 0.03 the DIP authors' network (27 MB, 80 ms) lost three slices of a second in one of four kills, with 0.1 two
slices of less than half a second in one of a hundred. The files of a network on 12 megapixels have 0.7 GB.
"""


@dataclass
class Keeping:
    """The writing of one fit.

    Attributes:
        kept: whether what its files have is the newest.
        cost: processor seconds of writing, the fewest that were measured: what it takes longer the first time, or on a
            busy machine, is no reason to lose more of the fit.
        at: seconds since the start, when it was written last.
    """

    kept: bool = True
    cost: float = 0.0
    at: float = float("-inf")

    def due(self, then: float) -> bool:
        """Whether a slice that ends ``then`` should leave its files."""
        return then - self.at >= self.cost / SHARE

    def took(self, found: Advanced, *, at: float) -> None:
        """Note what came of a slice."""
        if found.kept:
            self.cost = min(self.cost, found.writing) if math.isfinite(self.at) else found.writing
            self.at = at
        self.kept = found.kept or (self.kept and found.made == 0)
