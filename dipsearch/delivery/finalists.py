"""The finalists: the best candidates, judged with their uncertainty, and the choice among them.

Where a search was large enough, they are judged by fits to a second split that selection never saw, and among
those within one standard error of the best one the cheapest wins. Else their scores on the first split are given
with standard errors, and what the candidates agree on helps to choose, as it always does for enlarged pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..network import cost
from ..planning.rescoring import MOST_FINALISTS
from ..trials.problem_files import SplitProblem
from ..trials.trial import Trial
from .bootstrap import BlockErrors, Standing, block_errors, decibels, one_standard_error, standings
from .consensus import consensus_errors
from .delivering import Delivery, Member

FIRST, SECOND, WHOLE_PICTURE = "first", "second", "whole picture"
"""What a finalist's score was computed on: the split that the search used, one that it never saw, or the first split of
the whole picture after a search on a crop."""

ONLY = "it was the only one that came to a score"
"""Why a candidate is chosen that has no others beside it."""


@dataclass(frozen=True)
class Finalist:
    """A candidate among the best.

    Args:
        number: the candidate's.
        digest: the genome's.
        estimated_psnr: estimated PSNR in dB, the mean over seeds and pictures.
        standard_error: of its difference to the best one, in dB; 0 for that; ``None``: too few values to tell.
        error: of the score itself, in dB.
        seeds: fits that the score is the mean of.
        split: "first", "second" or "whole picture".
        at_least: where the score only orders, what PSNR in dB it tells for sure, see ``Standing``; else ``None``.
    """

    number: int
    digest: str
    estimated_psnr: float
    standard_error: float | None
    error: float | None
    seeds: int
    split: str
    at_least: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The finalists, best first, which one is chosen, and why in words."""

    finalists: tuple[Finalist, ...]
    number: int
    because: str


def verdict_on_first(
    best: Sequence[Trial],
    deliveries: Sequence[Delivery],
    pictures: Sequence[SplitProblem],
    *,
    whole: bool,
) -> Verdict:
    """Judge the best candidates by the fits that are there already.

    Args:
        best: the complete candidates, best first.
        deliveries: one for each picture; they hold the candidates' outputs.
        pictures: the problems and the splits that the outputs are judged by.
        whole: the search saw crops, and the outputs are of the whole pictures, which selection never saw.
    """
    common = [e for e in best if all(e.number in delivery.members for delivery in deliveries)][
        :MOST_FINALISTS
    ]
    if not common:
        return Verdict((), best[0].number, "it had the best score of the search")
    errors = [
        block_errors(
            [[delivery.members[e.number].output.judged] for e in common], picture.problem, split=picture.split
        )
        for delivery, picture in zip(deliveries, pictures, strict=True)
    ]
    if whole:
        found = _verdict(common, errors, pictures, split=WHOLE_PICTURE)
        if not all(picture.split.indirect for picture in pictures):
            return found
    else:
        rows = _rows(common, standings(errors), seeds=1, split=FIRST)
        because = f"it had the best score of {len(best)} candidates"
        again = "; the finalists were not scored again on a second split"
        found = Verdict(rows, best[0].number, ONLY if len(best) == 1 else f"{because}{again}")
    numbers = [e.number for e in best if all(e.number in delivery.members for delivery in deliveries)]
    images = [[[d.members[number].output.judged] for number in numbers] for d in deliveries]
    return _with_consensus(found, numbers, images, pictures)


def verdict_on_second(
    finalists: Sequence[Trial],
    fits: Sequence[Sequence[Member]],
    pictures: Sequence[SplitProblem],
    *,
    seeds: int,
) -> Verdict:
    """Judge finalists by their fits to the second split.

    Args:
        finalists: the candidates.
        fits: of each picture, finalist by finalist, seed by seed.
        pictures: the problems with the second split.
        seeds: fits of each finalist.
    """
    images = [
        [
            [member.output.judged for member in members[start : start + seeds]]
            for start in range(0, len(members), seeds)
        ]
        for members in fits
    ]
    errors = [
        block_errors(one, picture.problem, split=picture.split)
        for one, picture in zip(images, pictures, strict=True)
    ]
    found = _verdict(finalists, errors, pictures, split=SECOND)
    # A second split has no luck of selection in it; but where scores see a part only, it sees no more than the first.
    if not all(picture.split.indirect for picture in pictures):
        return found
    return _with_consensus(found, [finalist.number for finalist in finalists], images, pictures)


def _verdict(
    finalists: Sequence[Trial],
    errors: Sequence[BlockErrors],
    pictures: Sequence[SplitProblem],
    *,
    split: str,
) -> Verdict:
    """Choose by the one-standard-error rule: selection did not see these scores."""
    found = standings(errors)
    shapes = [picture.problem.image_shape for picture in pictures]
    costs = [_multiply_adds(finalist, shapes) for finalist in finalists]
    chosen = one_standard_error(found, costs)
    top = max(range(len(found)), key=lambda index: found[index].estimated_psnr)
    where = "on the whole picture" if split == WHOLE_PICTURE else "on a second split"
    because = ONLY if len(found) == 1 else f"it had the best score of {len(found)} finalists {where}"
    if chosen != top:
        behind = found[top].estimated_psnr - found[chosen].estimated_psnr
        because = (
            f"{where} it was {behind:.2f} dB behind candidate {finalists[top].number}, within one standard "
            f"error ({found[chosen].standard_error:.2f} dB), and it takes "
            f"{100 * costs[chosen] / costs[top]:.0f} % of its multiply-adds"
        )
    seeds = errors[0].errors.shape[1]
    rows = _rows(finalists, found, seeds=seeds, split=split)
    return Verdict(rows, finalists[chosen].number, because)


def _with_consensus(
    found: Verdict,
    numbers: Sequence[int],
    images: Sequence[Sequence[Sequence[Tensor]]],
    pictures: Sequence[SplitProblem],
) -> Verdict:
    """The verdict after what the candidates agree on was heard; unchanged where they do not.

    Args:
        numbers: of candidates, the finalists among them.
        images: of each picture, candidate by candidate, seed by seed.
    """
    errors = [
        consensus_errors(
            [torch.stack(list(one)).mean(dim=0) for one in candidates], picture.problem, split=picture.split
        )
        for candidates, picture in zip(images, pictures, strict=True)
    ]
    together = [one for one in errors if one is not None]
    if not found.finalists or len(together) < len(errors):
        return found
    means = dict(zip(numbers, decibels(np.array(together)).mean(axis=0), strict=True))
    chosen = max((finalist.number for finalist in found.finalists), key=lambda number: float(means[number]))
    if chosen == found.number:
        return found
    first = found.finalists[0].number
    if chosen == first:
        because = "it had the best score and is nearest to what the candidates agree on"
        return replace(found, number=chosen, because=because)
    blind = all(picture.split.indirect for picture in pictures)
    why = "does not see detail that the measurement lacks" if blind else "partly by luck"
    because = (
        f"it is nearest to what the candidates agree on; the score of candidate {first} is better, but {why}"
    )
    return replace(found, number=chosen, because=because)


def _rows(
    finalists: Sequence[Trial], found: Sequence[Standing], *, seeds: int, split: str
) -> tuple[Finalist, ...]:
    rows = [
        Finalist(
            number=finalist.number,
            digest=finalist.digest or "",
            estimated_psnr=standing.estimated_psnr,
            standard_error=standing.standard_error,
            error=standing.error,
            seeds=seeds,
            split=split,
            at_least=standing.at_least,
        )
        for finalist, standing in zip(finalists, found, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -row.estimated_psnr))


def _multiply_adds(finalist: Trial, shapes: Sequence[tuple[int, int, int, int]]) -> float:
    if finalist.genome is None:  # a network of the user's: its seconds are all that is known
        return finalist.seconds or 0.0
    return sum(cost(finalist.genome, image_shape=shape).multiply_adds for shape in shapes)
