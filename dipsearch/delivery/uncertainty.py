"""The uncertainty of a restored picture, pixel by pixel, from how far other restorations of it are away.

Where networks that were fitted to the same measurement disagree, and where a classical method does, the measurement
did not decide. How far the result is off on average is known from the score, which none of them was fitted to; that
sets the scale. No reference is needed. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..problem import Problem, Split
from ..problem.splits.noise_energy import weighted_mean

BOX = 3
"""Side of the square that distances are averaged over: a handful of voices tells little of a single pixel.

On 13 measurements of coffee, chelsea, flowers and comic (five damages, eight networks) the mean rank correlation with
the true error was 0.437, 0.430, 0.413 for sides of 3, 5, 7, and 0.459 with the classical restoration among the voices.
"""


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
    combined: Tensor, voices: Sequence[Tensor], problem: Problem, *, split: Split, validation_mse: float
) -> Uncertainty | None:
    """Estimate how far an ensemble is off in every pixel.

    The mean squared distance of the voices from the ensemble, averaged over 3 × 3 pixels of the same kind (those that
    were fitted without noise, and all others), times a factor that makes its mean over what the score speaks of equal
    ``validation_mse``: the scoring part, and with a control variate all that was not measured.

    Args:
        combined: what is uncertain, ``(1, C, H, W)``, as it is judged: made from the fitted part of ``split`` only.
        voices: other opinions, likewise: networks of about the same quality, a classical restoration.
        problem: what was measured.
        split: the members'.
        validation_mse: the split's estimate of the mean squared error of the stack.

    Returns:
        ``None`` where no voice differs from the stack.
    """
    apart = _apart(voices, combined)
    if not bool((apart > 0).any()):
        return None
    open_to_doubt = torch.ones_like(apart)
    shown = torch.zeros_like(apart)
    if problem.exact is not None and problem.pixelwise:
        shown = problem.exact.expand_as(apart)
        open_to_doubt = 1 - shown * split.fit_weight
    smooth = _smoothed(apart, open_to_doubt)
    measured = smooth
    if not problem.pixelwise:
        measured = _apart([problem.view(image) for image in voices], problem.view(combined))
    scored = split.score_weight if split.control is None else split.control.weight
    spread = weighted_mean(measured, scored)
    scale = (validation_mse / spread) ** 0.5 if validation_mse > 0 and spread > 0 else None
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
    from scipy.stats import rankdata  # it takes half a second to import, and only references need it

    correlation = float(np.corrcoef(rankdata(size), rankdata(deviation))[0, 1])
    values = error[:, doubtful]
    return Calibration(
        correlation, float((values <= deviation).mean()), float((values <= 2 * deviation).mean())
    )


def full_scale(values: NDArray[np.floating]) -> float:
    """Where the scale of a map ends: above 99.5 % of its values, and never below 1 % of the range."""
    return float(max(0.01, np.ceil(np.quantile(values, 0.995) * 100) / 100)) if values.size else 0.01


def _apart(images: Sequence[Tensor], centre: Tensor) -> Tensor:
    """The mean squared distance of images ``(1, C, H, W)`` from another one in every value."""
    square = torch.zeros_like(centre)
    for image in images:
        square.add_((image - centre).square(), alpha=1 / len(images))
    return square


def _smoothed(variance: Tensor, kind: Tensor) -> Tensor:
    """The mean over a square, of values of the same kind; ``kind`` is 0 or 1 for each value."""
    return kind * _mean_where(variance, kind) + (1 - kind) * _mean_where(variance, 1 - kind)


def _mean_where(values: Tensor, weight: Tensor) -> Tensor:
    total, count = (F.avg_pool2d(part, BOX, stride=1, padding=BOX // 2) for part in (values * weight, weight))
    return total / count.clamp(min=1e-6)
