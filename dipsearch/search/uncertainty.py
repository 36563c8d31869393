"""The uncertainty of a restored picture, pixel by pixel, from how far the members of its stack are apart.

Where networks that were fitted to the same measurement disagree, the measurement did not decide. How far they are
off together is known on average from the score, which none of them was fitted to; that sets the scale. No reference
is needed. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from ..problem import Problem, Split

BOX = 5
"""Side of the square that variances are averaged over: a handful of members tells little of a single pixel."""


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """An estimate of the standard deviation of the error in every pixel, in units of [0, 1].

    Args:
        deviation: the root mean square over the channels, ``(H, W)`` float32; 0 where the measurement is shown.
        scale: what the members' spread was multiplied by; ``None``: the scoring part did not tell, so it is 1.
    """

    deviation: NDArray[np.float32]
    scale: float | None


@dataclass(frozen=True)
class Calibration:
    """How an uncertainty compares with the true error, where a reference exists.

    Args:
        rank_correlation: Spearman's ρ with the root mean square error over the channels, over the pixels whose
            measurement is not shown as it is.
        within_one: the share of their values whose error is below the deviation; 0.68 for Gaussian errors.
        within_two: below twice the deviation; 0.95.
    """

    rank_correlation: float
    within_one: float
    within_two: float


def uncertainty(
    judged: Sequence[Tensor], weights: Sequence[float], problem: Problem, *, split: Split, score: float
) -> Uncertainty | None:
    """Estimate how far a stack is off in every pixel.

    The weighted variance of the members, averaged over 5 × 5 pixels of the same kind (those that were fitted
    without noise, and all others), times a factor that makes its mean over what the score speaks of equal ``score``:
    the scoring part, and with a guide all that was not measured.

    Args:
        judged: what each member was judged by, ``(1, C, H, W)``: fitted to the fitted part of ``split`` only.
        weights: theirs in the stack.
        problem: what was measured.
        split: the members'.
        score: the split's estimate of the mean squared error of the stack.

    Returns:
        ``None`` with fewer than two members of some weight.
    """
    if sum(weight > 0 for weight in weights) < 2:
        return None
    shares = [weight / sum(weights) for weight in weights]
    variance = _variance(judged, shares)
    open_to_doubt = torch.ones_like(variance)
    shown = torch.zeros_like(variance)
    if problem.exact is not None and problem.task != "sr":
        shown = problem.exact.expand_as(variance)
        open_to_doubt = 1 - shown * split.fit_weight
    smooth = _smoothed(variance, open_to_doubt)
    measured = smooth
    if problem.task == "sr":
        measured = _variance([problem.view(image) for image in judged], shares)
    scored = split.score_weight if split.guide is None else split.guide.weight
    weight = scored.expand_as(measured)
    spread = float((measured * weight).double().sum() / weight.double().sum().clamp(min=1))
    scale = (score / spread) ** 0.5 if score > 0 and spread > 0 else None
    deviation = (smooth * (1 - shown))[0].mean(dim=0).sqrt() * (1.0 if scale is None else scale)
    return Uncertainty(deviation.float().cpu().numpy(), scale)


def calibration(found: Uncertainty, restored: Tensor, reference: Tensor) -> Calibration | None:
    """Compare an uncertainty with the error of ``restored``; ``None`` where there is nothing to compare.

    Args:
        found: of the restored picture.
        restored: ``(1, C, H, W)``.
        reference: likewise.
    """
    error = (restored.double() - reference.double()).abs()[0].cpu().numpy()
    doubtful = found.deviation > 0
    if doubtful.sum() < 2:
        return None
    size, deviation = np.sqrt(np.square(error).mean(axis=0))[doubtful], found.deviation[doubtful]
    if np.ptp(size) == 0 or np.ptp(deviation) == 0:
        return None
    correlation = float(np.corrcoef(rankdata(size), rankdata(deviation))[0, 1])
    values = error[:, doubtful]
    return Calibration(
        correlation, float((values <= deviation).mean()), float((values <= 2 * deviation).mean())
    )


def full_scale(values: NDArray[np.floating]) -> float:
    """Where the scale of a map ends: above 99.5 % of its values, and never below 1 % of the range."""
    return float(max(0.01, np.ceil(np.quantile(values, 0.995) * 100) / 100)) if values.size else 0.01


def _variance(images: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """The weighted variance of images ``(1, C, H, W)`` in every value."""
    mean, square = torch.zeros_like(images[0]), torch.zeros_like(images[0])
    for image, share in zip(images, shares, strict=True):
        mean.add_(image, alpha=share)
    for image, share in zip(images, shares, strict=True):
        square.add_((image - mean).square(), alpha=share)
    return square


def _smoothed(variance: Tensor, kind: Tensor) -> Tensor:
    """The mean over a square, of values of the same kind; ``kind`` is 0 or 1 for each value."""
    return kind * _mean_where(variance, kind) + (1 - kind) * _mean_where(variance, 1 - kind)


def _mean_where(values: Tensor, weight: Tensor) -> Tensor:
    total, count = (F.avg_pool2d(part, BOX, stride=1, padding=BOX // 2) for part in (values * weight, weight))
    return total / count.clamp(min=1e-6)
