"""Defects: single pixels of a sensor that are hot, warm or dead, and say nothing of the scene.

They stand out alone, which neither stars nor beads do (their neighbours rise with them) nor texture (the pixels around
stand out, too). They are few, and the rest of the picture has nothing that leads up to them.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import maximum_filter, minimum_filter
from torch import Tensor

from ..array_types import Bits, Values

OUTSTANDING = 8.0
"""A defect is so many times the noise away from the median of its eight neighbours..."""

RISES = 0.14
"""...and the mean of the four beside it rises by less than this of its height: of a star 1.5 pixels wide at half of its
height by at least 0.29, wherever its middle lies."""

SHARED = 0.5
"""...and none of the eight rises by more than this."""

TO_MEDIAN = 0.6744897501960817
"""The median of the absolute value of Gaussian noise, of its sigma."""

INNER = [6, 7, 8, 11, 12, 13, 16, 17, 18]
"""Of the 25 values of a square of 5 × 5: the pixel and the eight around it."""

EIGHT = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
"""The neighbours of a pixel."""

AT_ONCE = 100_000
"""Pixels whose surroundings are copied at a time."""

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
    found = np.zeros(plane.shape, dtype=bool)
    possible = (plane <= 0) | (plane >= 1) if ends_only else ~found
    highest, lowest = (
        filtered(plane, footprint=EIGHT, mode="mirror") for filtered in (maximum_filter, minimum_filter)
    )
    extreme = (plane > highest) | (plane < lowest)
    if not (extreme & possible).any():
        return found
    rise = plane - _medians_of_eight(plane)
    away = np.abs(rise)
    typical = float(np.median(away)) / TO_MEDIAN
    places = np.flatnonzero(extreme & (away > LEADING * typical))
    if typical == 0 or not len(places):
        return found
    squares, surroundings = _windows(plane, 5), _windows(away, NEAR)
    outstanding, leading = [], 0
    for first in range(0, len(places), AT_ONCE):
        rows, columns = np.unravel_index(places[first : first + AT_ONCE], plane.shape)
        alone = _alone(squares[rows, columns].reshape(-1, 25), np.sign(rise[rows, columns]))
        rows, columns = rows[alone], columns[alone]
        around = np.median(surroundings[rows, columns].reshape(len(rows), NEAR**2), axis=-1) / TO_MEDIAN
        height = away[rows, columns] / np.maximum(around, typical)
        out = height > OUTSTANDING
        outstanding.append(np.ravel_multi_index((rows[out], columns[out]), plane.shape))
        leading += int(((height > LEADING) & ~out).sum())
    there = np.concatenate(outstanding)
    if len(there) > leading:
        found.ravel()[there] = True
    return np.asarray(found & possible)


def _alone(squares: Values, sign: Values) -> Bits:
    """Whether the middles of squares (n, 25) stand out, up or down by ``sign``, and their neighbours do not."""
    # The eight of a star rise with it, so what it stands on is that of the sixteen beyond.
    base = np.median(np.delete(squares, INNER, axis=-1), axis=-1)
    toward = (squares[:, INNER] - base[:, None]) * sign[:, None]
    whole = toward[:, 4]
    nearest = np.delete(toward, 4, axis=-1).max(-1)
    return np.asarray((nearest < SHARED * whole) & (toward[:, [1, 3, 5, 7]].mean(-1) < RISES * whole))


def _medians_of_eight(plane: Values) -> Values:
    """Of the neighbours of each pixel, a strip at a time: eight values a pixel are too many of a large picture."""
    windows, strip = _windows(plane, 3), max(1, AT_ONCE // plane.shape[1])
    medians = np.empty_like(plane)
    for top in range(0, len(plane), strip):
        near = np.delete(windows[top : top + strip].reshape(-1, plane.shape[1], 9), 4, axis=-1)
        middle = np.partition(near, (3, 4), axis=-1)
        medians[top : top + strip] = (middle[..., 3] + middle[..., 4]) / 2
    return medians


def _windows(plane: Values, side: int) -> Values:
    """The square around each pixel, (H, W, side, side), mirrored beyond the border."""
    padded = np.pad(plane, side // 2, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side))
