"""The consensus: what the good candidates agree on has a say in which of them is the best.

Their mean s is nearer to the truth than most of them, so how far a candidate x lies from it tells much of its error:
that is ‖x − s‖² + 2 ⟨x − s, s − truth⟩ and a constant, and where x and s err in unlike ways the middle is small. The
distance has no luck in it but is never quite right; a score is right on average but rests on few hidden values or on
noisy ones. So the scores are shrunk to the distances, by as much of their disagreement as luck explains: with V the
variance that luck gives to a score, and D the variance of score less distance over the candidates, a score counts
1 − V/D (at least 0) and the distance the rest (James and Stein, 1961, in the form of Efron and Morris, 1973).

Of an enlarged picture a score sees little of what is sought, lucky or not, and counts by the share that it sees.
Choosing the output nearest to the mean of several is from ISNAS-DIP (Arican, Kara, Bredell and Konukoglu, CVPR 2022).
Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

import numpy as np
import torch
from torch import Tensor

from ..problem import Problem, Split
from .bootstrap import block_errors
from .delivering import worst_comparable

FEWEST = 3
"""Of two candidates neither is nearer to their mean."""


def consensus_errors(images: Sequence[Tensor], problem: Problem, *, split: Split) -> list[float] | None:
    """What scores and consensus together say of the candidates' mean squared errors: their order, not their height.

    Args:
        images: what each candidate is judged by, ``(1, C, H, W)``.
        problem: what was measured.
        split: that judges them.

    Returns:
        One for each candidate, infinite for one that is not finite; ``None`` where fewer than three have scores at
        most 3 dB behind the best one.
    """
    scores = [float(split.score(problem.view(image))) for image in images]
    limit = worst_comparable([score for score in scores if math.isfinite(score)])
    near = [index for index, score in enumerate(scores) if score <= limit]
    if len(near) < FEWEST:
        return None
    mean = torch.stack([images[index] for index in near]).mean(dim=0)
    weight = _sought(problem).expand_as(mean)
    total = weight.sum()
    distances = [float(((image - mean).square() * weight).sum() / total) for image in images]
    if split.indirect:
        trust = split.share
    else:
        luck = luck_of([images[index] for index in near], problem, split=split)
        apart = variance([scores[index] - distances[index] for index in near])
        trust = max(0.0, 1 - luck / apart) if apart > 0 else 1.0
    return [
        distance + trust * (score - distance) if math.isfinite(score) else math.inf
        for score, distance in zip(scores, distances, strict=True)
    ]


def luck_of(images: Sequence[Tensor], problem: Problem, *, split: Split) -> float:
    """The variance that luck gives to the difference of a score and the mean score, on average over the images.

    Where all values score it is that of the noise: Var(2 ⟨x − s, n⟩ / N) = 4 σ² ‖x − s‖² / N². Where a sample does, it
    comes from how much blocks of the picture disagree about the difference.

    Args:
        images: at least two, ``(1, C, H, W)``.
        problem: what was measured.
        split: that judges them.
    """
    if split.kind in ("recorruption", "thinning"):
        mean = torch.stack(list(images)).mean(dim=0)
        apart = fmean(float((image - mean).square().mean()) for image in images)
        return 4 * split.score_noise**2 * apart / split.scoring_values
    found = block_errors([[image] for image in images], problem, split=split)
    errors, values = found.errors[:, 0], found.values
    apart_in_blocks = errors - errors.mean(axis=0)
    rest = apart_in_blocks - np.outer(apart_in_blocks.sum(axis=1) / values.sum(), values)
    blocks = len(values)
    return float(np.square(rest).sum(axis=1).mean() * blocks / max(blocks - 1, 1) / values.sum() ** 2)


def _sought(problem: Problem) -> Tensor:
    """1 where the picture is not known already: ``(1, 1, H, W)`` or ``(1, C, H, W)``."""
    if problem.exact is None or problem.task == "sr":
        return problem.y.new_ones(1, 1, *problem.image_shape[-2:])
    return 1 - problem.exact
