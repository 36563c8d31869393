"""The own range of data: which values of an image are about black and white, where nobody has said it."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .arrays import is_float
from .gate.sigma import estimate_sigma
from .noise import NoiseModel
from .operators import Identity, Mask, Operator, best_level, pseudo_inverse

BEYOND = 0.5
"""Floats that lie further beyond [0, 1] are no values in [0, 1] with noise, whatever the noise."""

LEAST_SPAN = 0.2
"""Floats that reach over less of [0, 1] have a range of their own: a network can hardly make an image of 1e-3."""

UNNOTICED, SIGMAS = 0.02, 4.0
"""How far values lie beyond [0, 1] without a reason, and how many standard deviations of the noise because of it."""

GUESSED, FEW, FEW_GUESSED = 0.1, 0.02, 0.05
"""Where noise is not known, at most so few evened values lie so far beyond [0, 1]; guesses through operators ring."""

SMOOTH = 3
"""Side of the square over which noise is averaged before that is asked: sigma 50 of 255 reaches to -0.8 by itself."""

MARGIN, ON_THE_END = 0.01, 0.001
"""An own range is made wider by this share on a side, unless so many values lie on its end that they were cut off."""

NO_LEVEL = 1e-4
"""An operator that makes less of an image of ones does not measure the level of an image."""

GUESSING = 30
"""Iterations of the least squares that the range of an image is guessed from."""


def data_range_of(
    values: Tensor,
    y: Tensor,
    a: Operator,
    noise: NoiseModel | None,
    observed: Tensor,
    given: tuple[float, float] | None,
    *,
    complex_image: bool,
) -> tuple[float, float]:
    """The values of the image that become 0 and 1."""
    if given is not None:
        return _given_range(given)
    if values.dtype == torch.uint8:
        return 0.0, 255.0
    pixelwise = isinstance(a, Identity | Mask)
    if pixelwise:
        image = y[observed.expand_as(y) > 0]
    else:
        with torch.no_grad():
            rough = y.float()
            shape = tuple(a.A_adjoint(rough).shape)
            # What A does not see of an image A⁺ y leaves at 0, from where all of it would seem to vary.
            level = best_level(a, rough, observed=observed, image_shape=shape)
            rest = rough - a.A(level) * observed
            image = level + pseudo_inverse(a, rest, iterations=GUESSING, damping=_damping(a, rough, noise))
            if not complex_image and float(a.A(torch.ones_like(image)).abs().max()) < NO_LEVEL:
                image = image - image.min()  # differences say nothing of where they begin
    if complex_image:
        most = float(image.abs().max()) or 1.0
        return -most, most
    low, high = _ends(image, robust=not pixelwise)
    even = F.avg_pool2d(y, SMOOTH, 1) if isinstance(a, Identity) else image
    least, most = _ends(even, robust=not pixelwise)
    inside = least >= -BEYOND and most <= 1 + BEYOND
    inside = inside and _explained(a, y, image, even, noise)
    # A guess through an operator varies less than the image: it is measured from black.
    span = high - low if pixelwise else max(high, 0.0) - min(low, 0.0)
    if is_float(values) and inside and (low == high or span >= LEAST_SPAN):
        return 0.0, 1.0
    if noise is not None and noise.kind == "poisson":
        return 0.0, high if high > 0 else 1.0  # counts begin at none
    if low == high:
        return low, low + 1.0
    span = high - low
    cut = [int((image == end).sum()) > max(1.0, ON_THE_END * image.numel()) for end in (low, high)]
    return low - MARGIN * span * (not cut[0]), high + MARGIN * span * (not cut[1])


def _explained(a: Operator, y: Tensor, image: Tensor, even: Tensor, noise: NoiseModel | None) -> bool:
    """Whether values in [0, 1] lie as far beyond it as these, by their noise alone."""
    if not isinstance(a, Identity | Mask):
        return _share_beyond(even, GUESSED) <= FEW_GUESSED
    unknown = noise is None or (noise.kind == "impulse" and noise.sigma is None)
    if unknown and isinstance(a, Identity):
        sigma = estimate_sigma(y.float()).sigma  # of white noise; less than that of other
        few = _share_beyond(even, GUESSED) <= FEW
    else:
        sigma, few = _strength(noise), False
    return few or _share_beyond(image, max(UNNOTICED, SIGMAS * sigma)) <= ON_THE_END


def _strength(noise: NoiseModel | None) -> float:
    """The standard deviation of the noise in a value of 1."""
    if noise is None:
        return 0.0  # values beside missing ones are exact by default
    if noise.gain is not None:
        return math.sqrt(noise.gain + noise.read_sigma**2)
    return noise.sigma or noise.share or 0.0


def _share_beyond(image: Tensor, margin: float) -> float:
    """The share of values that lie further than this beyond [0, 1]."""
    return float(((image < -margin) | (image > 1 + margin)).double().mean())


def _given_range(given: object) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in cast(Any, given))
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(
            f"data_range is {given!r}", "it is two finite numbers, the lower one first", "give (0, 1)"
        )
    return low, high


def _damping(a: Operator, y: Tensor, noise: NoiseModel | None) -> float:
    """The noise's variance in that of the image, by one step of steepest descent: noise is not to be inverted."""
    sigma = None if noise is None else noise.sigma
    if not sigma:
        return 0.0
    back = a.A_adjoint(y)
    again = a.A(back)
    step = float((y * again).double().sum() / again.double().square().sum().clamp(min=1e-30))
    energy = float((step * back).double().square().mean())
    return sigma**2 / energy if energy > 0 else 0.0


def _ends(image: Tensor, *, robust: bool) -> tuple[float, float]:
    """The lowest and the highest value; of a guess without its few wildest."""
    if not robust:
        return float(image.min()), float(image.max())
    low, high = np.quantile(image.double().numpy(), (0.005, 0.995))
    return float(low), float(high)
