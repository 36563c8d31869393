"""Blockiness: whether a picture was stored as JPEG, and where its grid of 8 × 8 blocks lies.

JPEG rounds the cosine coefficients of every block, most of them to zero, and they still are nearly zero when
the picture is read, but only on the grid on which it was made. So the share of zeros stands out on one of the
64 grids (the idea of Nikoukhah, Anger, Colom, Morel, Grompone von Gioi, ZERO, IPOL 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn
from torch import Tensor

from ..array_types import Values

SIDE = 8  # of a block of JPEG
LARGEST = 256  # of the part that is looked at, in pixels per side
ZERO = 0.5  # grey levels of 255
FLAT = 0.5  # blocks that vary less have zeros on every grid
LUMA = np.array([0.299, 0.587, 0.114])

ABOVE_OTHERS, FAR_ABOVE_OTHERS = 0.03, 0.15
ABOVE_NEXT = 0.018
ERRORS_ABOVE = 5.0
FEWEST_BLOCKS = 9
"""By how much the share of zeros on one of the 64 grids has to exceed the median of the others, and that of the next
grid unless it is far above; in standard errors; and of how many blocks. See the rows of JPEG files in BENCHMARKS.md,
the gate."""

_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE]
_FINE = _ROWS + _COLUMNS >= 3  # the coefficients that JPEG makes zero


@dataclass(frozen=True)
class Grid:
    """The best of the 64 grids.

    ``excess`` is its share of zeros above the median of all grids, ``lead`` above the second best one;
    ``top`` and ``left`` say where it begins, and ``found`` whether it stands out.
    """

    excess: float
    lead: float
    top: int
    left: int
    found: bool


def find_grid(y: Tensor) -> Grid:
    """Look for the grid of a JPEG file in (1, C, h, w); colours are judged by their luma."""
    planes = y.detach().double().cpu().numpy()[0] * 255
    luma = np.tensordot(LUMA, planes, 1) if len(planes) == 3 else planes.mean(0)
    height, width = luma.shape
    # The cut keeps the phase of the grid.
    top, left = (max(0, size - LARGEST) // 2 // SIDE * SIDE for size in (height, width))
    luma = luma[top : top + LARGEST, left : left + LARGEST]
    shares, counts = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for row, column in np.ndindex(SIDE, SIDE):
        shares[row, column], counts[row, column] = _zeros(luma[row:, column:])
    best = np.unravel_index(int(shares.argmax()), shares.shape)
    others = np.delete(shares.ravel(), shares.argmax())
    excess, lead = float(shares[best] - np.median(others)), float(shares[best] - others.max())
    error = math.sqrt(max(float(shares[best]) * (1 - float(shares[best])), 1e-6) / max(counts[best], 1))
    found = (
        counts[best] >= FEWEST_BLOCKS * int(_FINE.sum())
        and excess >= max(ABOVE_OTHERS, ERRORS_ABOVE * error)
        and (excess >= FAR_ABOVE_OTHERS or lead >= max(ABOVE_NEXT, error))
    )
    return Grid(excess, lead, int(best[0]), int(best[1]), bool(found))


def _zeros(luma: Values) -> tuple[float, int]:
    """The share of zeros among the fine coefficients of the blocks that are not flat, and their number."""
    rows, columns = luma.shape[0] // SIDE, luma.shape[1] // SIDE
    squares = luma[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2)
    blocks = squares.reshape(-1, SIDE, SIDE)
    blocks = blocks[blocks.std((1, 2)) > FLAT]
    if not len(blocks):
        return 0.0, 0
    fine = np.abs(dctn(blocks, axes=(1, 2), norm="ortho"))[:, _FINE]
    return float((fine < ZERO).mean()), fine.size
