"""Defects: single pixels of a sensor that are hot, warm or dead, and say nothing of the scene.

They stand out alone, which neither stars nor beads do (their neighbours rise with them) nor texture (the pixels around
stand out, too). They are few, and the rest of the picture has nothing that leads up to them.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..array_types import Bits, Values

OUTSTANDING = 8.0
"""A defect is so many times the noise away from the median of its eight neighbours, and from the nearest of them..."""

RISES = 0.14
"""...and the mean of the four beside it rises by less than this of its height: of a star 1.5 pixels wide at half of its
height by at least 0.29, wherever its middle lies."""

SHARED = 0.5
"""...and none of the eight rises by more than this."""

TO_MEDIAN = 0.6744897501960817
"""The median of the absolute value of Gaussian noise, of its sigma."""

INNER = [6, 7, 8, 11, 12, 13, 16, 17, 18]
"""Of the 25 values of a square of 5 × 5: the pixel and the eight around it."""

NEAR = 11
"""Side in pixels of the surroundings that the noise is measured in."""

MOST = 0.02
"""Share of the pixels from which on they are no defects, but noise of another kind."""

LEADING = 5.0
"""Where as many pixels lie between so many times the noise and ``OUTSTANDING``, the noise itself has such a tail."""


def find_defects(pixels: Tensor, *, ends_only: bool) -> Tensor:
    """Return (1, 1, H, W), whether a pixel is a defect, in any channel of (1, C, H, W).

    Args:
        ends_only: only values that are exactly 0 or 1 can be: of 8 bits, which faint defects do not stand out from.
    """
    found = np.zeros(pixels.shape[-2:], dtype=bool)
    for plane in pixels.double().cpu().numpy()[0]:
        found |= _of_plane(plane, ends_only=ends_only)
    few = 0 < found.mean() <= MOST
    return torch.from_numpy(found if few else np.zeros_like(found))[None, None]


def without_defects(pixels: Tensor, defects: Tensor) -> Tensor:
    """The picture with the median of the good neighbours of each defect in its place."""
    if not bool(defects.any()):
        return pixels
    _, _, row, column = defects.nonzero().unbind(1)
    padded = F.pad(torch.where(defects, torch.nan, pixels), (1, 1, 1, 1), value=torch.nan)
    around = torch.stack(
        [padded[0, :, row + down, column + right] for down in range(3) for right in range(3)]
    )
    filled = pixels.clone()
    filled[0, :, row, column] = around.nanmedian(0).values.nan_to_num()
    return filled


def _of_plane(plane: Values, *, ends_only: bool) -> Bits:
    possible = (plane <= 0) | (plane >= 1) if ends_only else np.ones(plane.shape, dtype=bool)
    if not possible.any():
        return possible
    near = np.delete(_windows(plane, 3).reshape(*plane.shape, 9), 4, axis=-1)
    middle = np.partition(near, (3, 4), axis=-1)
    level = (middle[..., 3] + middle[..., 4]) / 2
    rise = plane - level
    away = np.abs(rise)
    typical = float(np.median(away)) / TO_MEDIAN
    if typical == 0:
        return np.zeros(plane.shape, dtype=bool)
    places = np.nonzero(away > LEADING * typical)
    if not len(places[0]):
        return np.zeros(plane.shape, dtype=bool)
    around = np.median(_windows(away, NEAR)[places], axis=(-2, -1)) / TO_MEDIAN
    height, strength = away[places], np.maximum(around, typical)
    # The eight of a star rise with it, so what it stands on is that of the sixteen beyond.
    ring = np.delete(_windows(plane, 5)[places].reshape(-1, 25), INNER, axis=-1)
    base, sign = np.median(ring, axis=-1), np.sign(rise[places])
    toward = (near[places] - base[:, None]) * sign[:, None]
    whole = (plane[places] - base) * sign
    nearest, beside = toward.max(-1), toward[:, [1, 3, 4, 6]].mean(-1)
    alone = (nearest < SHARED * whole) & (beside < RISES * whole)
    outstanding = alone & (height > OUTSTANDING * strength)
    leading = alone & (height > LEADING * strength) & ~outstanding
    found = np.zeros(plane.shape, dtype=bool)
    if outstanding.sum() > leading.sum():
        found[places] = outstanding
    return np.asarray(found & possible)


def _windows(plane: Values, side: int) -> Values:
    """The square around each pixel, (H, W, side, side), mirrored beyond the border."""
    padded = np.pad(plane, side // 2, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side))
