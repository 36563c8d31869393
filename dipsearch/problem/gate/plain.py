"""Plain areas: constant to the last bit, as borders, letterboxes, windows of a screenshot and burnt-out skies are.

Noise leaves no such area behind, so that these say nothing about it. The gate leaves them out of every
estimate, and where a part of a picture is plain the restoration leaves it as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, maximum_filter, minimum_filter
from torch import Tensor

from ..array_types import Bits

WINDOW = 5
"""Side of a square that is constant: noise that was cut to black or white on half of its values leaves 25 equal ones
with a chance of 3e-8, and rounded noise of one grey level less often still."""


def plain_values(y: Tensor) -> Bits:
    """Return (C, h, w): where a value lies in a square of 5 × 5 equal values of its channel."""
    planes = y.detach().cpu().numpy()[0]
    return np.stack([_of_channel(plane) for plane in planes])


def plain_pixels(y: Tensor) -> Bits:
    """Return (h, w): where all channels are plain."""
    return np.asarray(plain_values(y).all(axis=0))


def _of_channel(plane: NDArray[np.float32]) -> Bits:
    centres = maximum_filter(plane, WINDOW, mode="nearest") == minimum_filter(plane, WINDOW, mode="nearest")
    if not centres.any():
        return np.asarray(centres)
    # Beyond the border a window repeats its last row, and so is a smaller one.
    return np.asarray(binary_dilation(centres, np.ones((WINDOW, WINDOW), dtype=bool)))
