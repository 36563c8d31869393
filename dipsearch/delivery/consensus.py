"""The consensus: where scores are noisy or blind, what the good candidates agree on helps to tell which is the best.

Their mean s is nearer to the truth than most of them, so how far a candidate x lies from it tells much of its error:
that is ‖x − s‖² + 2 ⟨x − s, s − truth⟩ and a constant, and where x and s err in unlike ways the middle is small. The
distance has no luck in it but is never quite right; a score of noisy values is right on average and has. So such
scores are shrunk to the distances, by as much of their disagreement as luck explains: with V the variance that noise
gives to a score, and D the variance of score less distance over the candidates, a score counts 1 − V/D (at least 0)
and the distance the rest (James and Stein, 1961, in the form of Efron and Morris, 1973).

Of an enlarged picture a score sees little of what is sought, lucky or not, and counts by the share that it sees.
Hidden pixels that judge what is missing have a control variate against their luck; there the consensus gained nothing
and is not asked. Choosing the output nearest to the mean of several is from ISNAS-DIP (Arican, Kara, Bredell and
Konukoglu, CVPR 2022). Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

import torch
from torch import Tensor

from ..problem import Problem, Split
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
        One for each candidate, infinite for one that is not finite; ``None`` where the score alone decides: it is of
        hidden values that stand for what is sought, or fewer than three candidates have scores at most 3 dB behind the
        best one.
    """
    noisy = split.kind in ("recorruption", "thinning")
    if not noisy and not split.indirect:
        return None
    errors = [float(split.validation_mse(problem.view(image))) for image in images]
    limit = worst_comparable([error for error in errors if math.isfinite(error)])
    near = [index for index, error in enumerate(errors) if error <= limit]
    if len(near) < FEWEST:
        return None
    mean = torch.stack([images[index] for index in near]).mean(dim=0)
    distances = [float((image - mean).square().mean()) for image in images]
    trust = split.share
    if noisy:
        luck = luck_of([images[index] for index in near], split=split)
        apart = variance([errors[index] - distances[index] for index in near])
        trust = max(0.0, 1 - luck / apart) if apart > 0 else 1.0
    return [
        distance + trust * (error - distance) if math.isfinite(error) else math.inf
        for error, distance in zip(errors, distances, strict=True)
    ]


def luck_of(images: Sequence[Tensor], *, split: Split) -> float:
    """The variance that noise gives to the difference of a score and the mean score, on average over the images.

    Var(2 ⟨x − s, n⟩ / N) = 4 σ² ‖x − s‖² / N², with N noisy values that score.

    Args:
        images: at least two, ``(1, C, H, W)``.
        split: that judges them: all values score, each with its noise.
    """
    mean = torch.stack(list(images)).mean(dim=0)
    apart = fmean(float((image - mean).square().mean()) for image in images)
    return 4 * split.score_noise**2 * apart / split.scoring_values
