"""Spread: how much noise the values of a picture allow at all, whatever their order says.

Print, dither and pixels in turn look like noise that is stronger than all of the picture, with a little noise on them.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from ..array_types import Values
from ..noise import NoiseModel
from .plain import plain_values

MORE_THAN_ALL, HALVES_OF_NOISE, MORE_THAN_HALVES = 1.3, 1 - 2 / math.pi, 4.0
"""Noise cannot have more variance than all values (of a faint picture in photons a fifth too much may be found), and
around the best two levels not less than Gaussian noise alone has there; of sigma 100 on grey, cut to [0, 1], half of
that. A dithered print with noise of sigma 10 had 15 times as much, a chequerboard of single pixels 270 times: taken for
noise they went from 31 dB to 15 and 17."""


def more_than_all(y: Tensor, noise: NoiseModel) -> bool:
    """Whether (1, C, h, w) would have more noise than its values allow, plain ones left out."""
    values = y.detach().double().cpu().numpy()[0][~plain_values(y)]
    if noise.kind == "poisson" and noise.gain is not None:
        counted = noise.gain * (float(values.mean()) - noise.offset) + noise.read_sigma**2
        return counted > MORE_THAN_ALL * float(values.var())
    if noise.kind not in ("gaussian", "correlated", "unknown") or not noise.sigma:
        return False
    return noise.sigma**2 > MORE_THAN_HALVES * _around_two(values) / HALVES_OF_NOISE


def _around_two(values: Values) -> float:
    """The mean squared distance of values from the nearer of two levels, the best that Lloyd's rounds find."""
    middle = float(values.mean())
    dark = values <= middle
    for _ in range(10):
        if dark.all():
            return float(values.var())
        middle = (float(values[dark].mean()) + float(values[~dark].mean())) / 2
        dark = values <= middle
    two = np.where(dark, values[dark].mean(), values[~dark].mean())
    return float(np.mean((values - two) ** 2))
