"""Thinning: every counted photon goes either to the fit or to the score, at random.

The two parts of a Poisson count are Poisson counts themselves, and independent. Nothing has to be known but
what one count adds to a value.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

from ...errors import InputError
from ..problem import Problem
from ..randomness import generator_for
from .noise_energy import weighted_mean
from .split import Split, count_values

SHARE = 0.1  # of the counts, that judge: as for recorruption
NEAR_ENOUGH = 0.05  # of a count, beside a whole one
ROUNDED = 0.5 / 255 + 1e-6  # what storing counts in 8 bits may do to a value
FEW = 0.01  # share of the values that may lie beside whole counts
SATURATION = 1.5
"""Standard deviations: counts whose surroundings come so near to 1 have often been cut off there."""


def thin(problem: Problem, *, gain: float, offset: float = 0.0, seed: int) -> Split:
    """Divide counts z = (y − ``offset``) / ``gain`` binomially: w ~ Bin(z, a) scores, z − w is fitted, a = 0.1.

    y₁ = gain (z − w)/(1 − a) and y₂ = gain w/a are independent and both have the mean of y. The noise of y₂ has
    the energy gain² E[z]/a. Of it, what the draw of w contributed is known, gain² (w − a z)²/a², and is taken off
    as it is; the rest, the noise of y, averages to gain² z. That leaves a fifth of the variance of gain² w/a².

    Counts above 1/gain are lost when a picture was cut to [0, 1]. Those that are left there vary less than
    counts do, which ties the two parts together; so where the mean of the surroundings lies within 1.5 standard
    deviations of 1, nothing scores (unless that were more than half of the picture), while all is fitted.

    Raises:
        InputError: y is not a picture of whole counts.
    """
    z = whole_counts(problem.y, gain=gain, offset=offset).double().cpu()
    w = torch.binomial(z, torch.full_like(z, SHARE), generator=generator_for("thinning", seed))
    seen = problem.observed
    safe = _unsaturated(problem.y, gain=gain, offset=offset) * seen
    values = count_values(seen, channels=z.shape[1])
    scored = safe if count_values(safe, channels=z.shape[1]) >= values / 2 else seen
    drawn = (gain / SHARE) ** 2 * weighted_mean((w - SHARE * z).square().to(problem.y), scored)
    counted = gain**2 * weighted_mean(z.to(problem.y), scored)
    return Split(
        kind="thinning",
        fit_target=(gain * (z - w) / (1 - SHARE) + offset).to(problem.y),
        fit_weight=seen,
        score_target=(gain * w / SHARE + offset).to(problem.y),
        score_weight=scored,
        score_offset=drawn + counted,
        share=SHARE,
        assumes=f"The values are counts of photons, {1 / gain:g} of them for the value 1.",
        score_noise=math.sqrt(counted / SHARE),
        indirect=not problem.pixelwise,
    )


def off_the_counts(y: Tensor, *, gain: float, offset: float = 0.0, rounding: float = ROUNDED) -> float:
    """Return the share of the values (1, C, h, w) that are no whole count, further than ``rounding`` explains."""
    counts = (y - offset) / gain
    z = counts.round()
    off = ((counts - z).abs() > NEAR_ENOUGH) & ((y - offset - z * gain).abs() > rounding)
    return float((off | (z < 0)).float().mean())


def whole_counts(y: Tensor, *, gain: float, offset: float = 0.0) -> Tensor:
    """Return the counts of (1, C, h, w), whole numbers from 0 on; rounding to 8 bits is seen through.

    Raises:
        InputError: over 1 % of the values are further than 0.05 counts, and than half a grey level, from one.
    """
    share = off_the_counts(y, gain=gain, offset=offset)
    if share > FEW:
        raise InputError(
            f"{100 * share:.0f} % of the values are not whole counts where the value 1 stands for {1 / gain:g}",
            "Poisson noise is in pictures of counted photons, divided by one number",
            "give the number of photons that the value 1 stands for (--photons), or have the noise estimated",
        )
    return ((y - offset) / gain).round().clamp(min=0)


def _unsaturated(y: Tensor, *, gain: float, offset: float) -> Tensor:
    """1 where (1, C, h, w) has been cut off at 1 hardly ever, judged by the 24 values around each."""
    if float(y.max()) > 1 + gain / 2 or float(y.max()) < 1 - gain / 2:
        return torch.ones_like(y)
    values = y.detach().double().cpu().numpy()
    # Without the value itself: choosing by its noise would bias what is left.
    around = (25 * uniform_filter(values, (1, 1, 5, 5)) - values) / 24
    inside = around + SATURATION * np.sqrt(gain * (around - offset).clip(min=0)) <= 1
    return torch.from_numpy(inside).to(y)
