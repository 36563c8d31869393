"""Rescoring: how many of the best candidates are scored again on a second split, and with how many seeds.

A search picks the luckiest of many scores on one split, so the best score promises too much. Scores of the best
few on a split that selection never saw do not, but they cost fits; here is decided how many are affordable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CHOICES = ((5, 3), (4, 3), (3, 3), (3, 2), (3, 1), (2, 1))
"""Finalists and seeds, from what is wished for to what is better than nothing."""

MOST_FINALISTS = 5
"""Those of the first choice."""

MANY = 8
"""From this many rounds of candidates on, the best ones are worth scoring again on a second split."""

RESCORING_SHARE = 0.2
"""The share of such a budget that goes into it at the most; of a number of trials, likewise."""


@dataclass(frozen=True)
class Rescoring:
    """What is done: so many finalists, each fitted with so many seeds; none: 0 and 0."""

    finalists: int
    seeds: int

    def seconds(self, each: Sequence[float], *, workers: int) -> float:
        """Wall time, when fits of the candidates take ``each`` seconds, the best candidate first."""
        fits = each[: self.finalists]
        return max(sum(fits) * self.seeds / workers, max(fits, default=0.0))


NOTHING = Rescoring(0, 0)


def best_choice(each: Sequence[float], *, seconds: float, workers: int) -> Rescoring:
    """The most that can be done in a time.

    Args:
        each: seconds that a fit of each candidate takes, the best candidate first.
        seconds: wall time.
        workers: fits at a time.
    """
    for finalists, seeds in CHOICES:
        wished = Rescoring(finalists, seeds)
        if finalists <= len(each) and wished.seconds(each, workers=workers) <= seconds:
            return wished
    return NOTHING
