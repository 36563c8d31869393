"""Coarse colour noise: blobs of colour, as high sensitivities leave them under the fine grain of brightness.

White noise of brightness is in every channel and hides them there; in the differences of channels they stand out.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..array_types import Bits
from ..noise import LEVELS
from .blocks import read_blocks, spectrum
from .evenness import Evenness, evenness

DIFFERENCES = (
    (1 / math.sqrt(2), 0.0, -1 / math.sqrt(2)),
    (1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)),
)
"""Of red, green and blue, at right angles to their sum: a grey picture has nothing there."""

STRENGTH, LOW_BY_MIDDLE = 5.0 / LEVELS, 2.75
"""In the flattest blocks: all frequencies together, and the strength of the lowest by the middle ones. On crops of
128 × 160 of 14 tuning pictures, at half size and some at full, noise of 6 to 15 grey levels in Cb and Cr that was
blurred by 1 to 2.5 pixels had at least 6.3 levels and 3.1 times; clean ones had at most 3.4 levels, white noise of
sigma 15 at most 1.8 times."""

EVEN = 0.62
"""Evenness, after dividing by the spectrum: such noise had 0.66 to 0.99."""


def coarse_colour(y: Tensor, plain: Bits) -> float:
    """The standard deviation of coarse noise in the colours of (1, 3, h, w), in units of [0, 1]; 0 where there is none.

    Args:
        plain: (3, h, w), values that show no noise.
    """
    if y.shape[1] != len(DIFFERENCES) + 1:
        return 0.0
    matrix = torch.tensor(DIFFERENCES, dtype=torch.float32).to(y)
    colours = torch.einsum("ij,njhw->nihw", matrix, y) + 0.5
    bare = np.broadcast_to(plain.all(0), tuple(colours.shape[1:]))
    blocks = read_blocks(colours, left_out=bare)
    power = spectrum(blocks)
    found: Evenness = evenness(blocks, power)
    strength = math.sqrt(float(power.mean()))
    coarse = found.low_by_middle >= LOW_BY_MIDDLE and found.even_whitened >= EVEN and not found.periodic
    return strength if coarse and strength >= STRENGTH else 0.0
