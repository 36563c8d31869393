"""The search's gain: how much better the best network that it made is than the best one that was known before.

Both were chosen by the score that compares them, so the difference flatters whoever had more candidates. Its standard
error is that of the paired block bootstrap, where both outputs are at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..trials.problem_files import SplitProblem
from ..trials.trial import Trial
from .bootstrap import block_errors, standings
from .delivering import Delivery

KNOWN = "known"
"""What is noted as the origin of candidates that were known before the search."""


@dataclass(frozen=True)
class SearchGain:
    """What searching brought.

    Args:
        known: number of the best candidate that was known before; ``None``: none counts.
        made: number of the best one that the search made; ``None``: it made none that counts.
        gain: dB that the second one's estimated PSNR is higher; ``None`` where one is missing.
        standard_error: of that, in dB; ``None`` where it cannot be told.
    """

    known: int | None
    made: int | None
    gain: float | None = None
    standard_error: float | None = None


def search_gain(
    best: Sequence[Trial], deliveries: Sequence[Delivery], pictures: Sequence[SplitProblem]
) -> SearchGain:
    """Compare the best known with the best searched candidate.

    Args:
        best: the candidates that count, best first.
        deliveries: one for each picture; they hold the outputs of the best ones.
        pictures: the problems and the splits that these are judged by.
    """
    known = next((e for e in best if e.operator == KNOWN), None)
    made = next((e for e in best if e.operator != KNOWN), None)
    if known is None or made is None:
        return SearchGain(None if known is None else known.number, None if made is None else made.number)
    pair = (known, made)
    if not deliveries or not all(e.number in one.members for e in pair for one in deliveries):
        estimates = [e.estimated_psnr for e in pair if e.estimated_psnr is not None]
        gain = estimates[1] - estimates[0] if len(estimates) == 2 else None
        return SearchGain(known.number, made.number, gain)
    errors = [
        block_errors(
            [[one.members[e.number].output.judged] for e in pair], picture.problem, split=picture.split
        )
        for one, picture in zip(deliveries, pictures, strict=True)
    ]
    before, after = standings(errors)
    # Both stand against the better one.
    worse = min(before, after, key=lambda one: one.estimated_psnr)
    gain = after.estimated_psnr - before.estimated_psnr
    return SearchGain(known.number, made.number, gain, worse.standard_error)
