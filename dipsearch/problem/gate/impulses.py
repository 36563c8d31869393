"""Impulses: single values that are exactly 0 or 1 and say nothing, and the clean ones between them.

Salt-and-pepper noise strikes values of each channel. What it struck can be seen: an end of the range in the
midst of other values. Black and white areas are told apart by their surroundings. All other values are as
they were, so that restoring is inpainting where each channel has a mask of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

from ..array_types import Bits, Values

WINDOW = 7
"""Side of the surroundings that tell a struck value from a black or white area."""

FEWEST_BETWEEN = 0.15
"""In an area that is black (or white) itself, at most this share of what the picture has elsewhere lies between."""

ENOUGH_BETWEEN = 0.2
"""Where fewer values than this lie between the ends, 7 × 7 places without one occur by chance."""

PAGE, MAJORITY = 0.5, 0.75
"""Then an end that at least half of all values have is the page, and clean where so many of the 7 × 7 surroundings have
it. No impulses make as many: of 90 % struck it is 45 %, and 0.75 of a window 1.4e-5 of them by chance."""

FEWEST_STRUCK = 0.02
CLOSE_TO_AN_END = 0.25
MOST_CLOSE = 0.5
MOST_PAIRED, BY_CHANCE = 0.05, 1.2
"""They are impulses where at least so many places are struck, where not too many values lie in the quarter of the
range beside the far end (strong Gaussian noise that was cut has more there than on it), and where pairs are hardly more
frequent than by chance, ``BY_CHANCE`` times and ``MOST_PAIRED``: of 5 to 90 % struck on crops of the tuning pictures
pairs were 0.83 to 1.12 times as frequent as struck values, and up to 0.04 more where blacks of the picture are struck
values, too; in dark text on white of 8 to 20 pixels 1.45 to 2.3 times."""

TOGETHER = 0.5
"""Channels are struck together when all are, in more than this share of the pixels where one is."""

FLAT_SHARE = 0.1
TILE, FEWEST_IN_TILE = 16, 8
"""The flattest tenth of the tiles tells the noise of the values that were not struck; of a tile the side in pixels, and
the values that it has to have."""

EXACT = 4 / 255
"""Clean values with noise up to this are better than any restoration of them, and are kept."""

# Third differences leave nothing of a quadratic trend; divided so that white noise keeps its strength.
THIRD_DIFFERENCE = np.array([1.0, -3.0, 3.0, -1.0]) / math.sqrt(20)


@dataclass(frozen=True)
class Impulses:
    """Values at the far end of the range: 0 where the surroundings are bright, 1 where they are dark.

    ``share`` is their share; ``close`` the share of values within a quarter of that end but not on it;
    ``paired`` how often the next value in the row, or in the column if that is more, is another one. Impulses
    are many, nothing leads up to them, and they are alone: they are ``found`` from 2 % on, with at most half as
    many close to the end, and when pairs are hardly more frequent than chance has it. Strong
    Gaussian noise that was cut has more close to the end than on it, print has pairs.
    """

    share: float
    close: float
    paired: float
    found: bool


def find_impulses(y: Tensor) -> Impulses:
    """Look for salt-and-pepper noise in (1, C, h, w)."""
    far, close, across, down, places = 0, 0, 0, 0, 0
    for plane in y.detach().double().cpu().numpy()[0]:
        between = (plane > 0) & (plane < 1)
        known = uniform_filter(between.astype(float), 5)
        level = uniform_filter(np.where(between, plane, 0), 5) / np.maximum(known, 1e-9)
        bright, dark = (known > 0.05) & (level >= 0.5), (known > 0.05) & (level < 0.5)
        struck = (bright & (plane <= 0)) | (dark & (plane >= 1))
        near = (bright & (plane < CLOSE_TO_AN_END)) | (dark & (plane > 1 - CLOSE_TO_AN_END))
        far, close = far + int(struck.sum()), close + int((near & between).sum())
        across += int((struck[:, 1:] & struck[:, :-1]).sum())
        down += int((struck[1:] & struck[:-1]).sum())
        places += int((bright | dark).sum())
    share, paired = far / max(places, 1), max(across, down) / max(far, 1)
    found = share >= FEWEST_STRUCK and close <= MOST_CLOSE * far and paired <= BY_CHANCE * share + MOST_PAIRED
    return Impulses(share, close / max(places, 1), paired, found)


def clean_values(y: Tensor) -> Tensor:
    """Return (1, C, h, w): 1 where a value was not struck, 0 where it was; on the device of y.

    A value of exactly 0 or 1 counts as struck unless it lies in an area of its own kind: among its 7 × 7
    surroundings, hardly any value lies between the ends (at most 15 % of the share in the whole channel), and
    its own end outnumbers the other one. Where the whole channel has hardly any values between the ends, as print has,
    its own end has to be the page, half of all values, and three quarters of the surroundings. On crops of
    scikit-image's pictures with 10 to 70 % struck, at most one struck value in 1000 passed for clean.
    """
    planes = y.detach().double().cpu().numpy()[0]
    clean = np.stack([_clean_of_channel(plane) for plane in planes])
    return torch.from_numpy(clean)[None].to(y)


def struck_together(clean: Tensor) -> bool:
    """Say whether the channels of (1, C, h, w) were struck at the same pixels."""
    struck = clean == 0
    somewhere = float(struck.any(1).float().mean())
    return somewhere > 0 and float(struck.all(1).float().mean()) > TOGETHER * somewhere


def clean_sigma(y: Tensor) -> float | None:
    """Estimate the noise of the values that were not struck, in units of [0, 1].

    Third differences of four clean values in a row or a column, their root mean square in each of the tiles of
    16 × 16, and of these the 10 % quantile: the noise where the picture is flat. ``None`` when nowhere enough clean
    values lie side by side.
    """
    planes = y.detach().double().cpu().numpy()[0]
    clean = clean_values(y)[0].cpu().numpy() == 1
    energies = [
        energy
        for plane, good in zip(planes, clean, strict=True)
        for energy in (*_tile_energies(plane, good), *_tile_energies(plane.T, good.T))
    ]
    if not energies:
        return None
    return math.sqrt(float(np.quantile(energies, FLAT_SHARE)))


def _clean_of_channel(plane: Values) -> Bits:
    black, white = plane <= 0, plane >= 1
    between = ~(black | white)
    if between.mean() < ENOUGH_BETWEEN:
        end = black if black.mean() > white.mean() else white
        if end.mean() < PAGE:
            return np.asarray(between)
        around = uniform_filter(end.astype(float), WINDOW, mode="reflect")
        return np.asarray(between | (end & (around >= MAJORITY)))
    share = [uniform_filter(part.astype(float), WINDOW, mode="reflect") for part in (between, black, white)]
    ends_only = share[0] <= FEWEST_BETWEEN * between.mean()
    of_its_own = ends_only & np.where(black, share[1] > share[2], share[2] > share[1])
    return np.asarray(between | of_its_own)


def _tile_energies(plane: Values, clean: Bits) -> list[float]:
    """Mean square of the third differences along the rows, in every tile that has enough of them."""
    width = plane.shape[1] - 3
    if width < 1:
        return []
    band = sum(tap * plane[:, i : i + width] for i, tap in enumerate(THIRD_DIFFERENCE))
    whole = np.logical_and.reduce([clean[:, i : i + width] for i in range(4)])
    energies = []
    for top in range(0, plane.shape[0], TILE):
        for left in range(0, width, TILE):
            tile = (slice(top, top + TILE), slice(left, left + TILE))
            count = int(whole[tile].sum())
            if count >= FEWEST_IN_TILE:
                energies.append(float(np.square(np.asarray(band)[tile])[whole[tile]].sum()) / count)
    return energies
