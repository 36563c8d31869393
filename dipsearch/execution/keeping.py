"""Keeping: when the fits under way are written to their files, so that a kill loses little and writing costs little."""

from __future__ import annotations

from dataclasses import dataclass

from .task import Advanced

SHARE = 0.03
"""Of a fit's time, what writing may take; small ones are written with every slice, one of 12 megapixels is 0.7 GB."""


@dataclass
class Keeping:
    """The writing of one fit.

    Attributes:
        kept: whether what its files have is the newest.
        cost: seconds of writing, as measured last.
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
            self.cost, self.at = found.writing, at
        self.kept = found.kept or (self.kept and found.made == 0)
