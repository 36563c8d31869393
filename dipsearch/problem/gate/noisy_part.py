"""The noisy part: where noise lies when it is not everywhere, as in a photo that stands in a drawing or beside
a clean one.

Where there is noise no block is quieter than it; elsewhere some are. So the noise's strength is that of the
tiles whose blocks agree, and it lies where no block near is much quieter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn
from torch import Tensor

from ..array_types import Bits, Values
from .blocks import FINE, HIGH, MIDDLE, QUIETEST, SIDE, Blocks, floor
from .evenness import WHITE_RATIO
from .sigma import FOURTH_DIFFERENCE

STEP, MOST = 4, 40_000  # pixels between blocks, and blocks at the most: a bound on time
TILE = 5
"""Blocks per side of a tile: 24 × 24 pixels."""

TILE_EVEN, FEWEST_TILES, ALIKE, OF_THEM = 0.75, 3, 1.3, 0.6
"""A tile is noise where its quietest twentieth has so much of its median's strength (that is 0.93 ± 0.04 of noise, of
texture seldom above 0.7); so many of the tiles have to agree about the strength up to the factor ``ALIKE``."""

FAINTEST = 6.0 / 255
"""Weaker noise than that in a part cannot be told from a part with more texture: in 8 and 12 % of clean crops of coffee
there were 4.8 to 5.6 grey levels that looked white."""

QUIET = 0.55
"""Of sigma: 36 coefficients of noise are so weak with a chance of 1e-8."""

LEAST_QUIET, LEAST_NOISY, MOST_QUIET, PENALTY = 0.08, 0.05, 0.03, 8.0
"""Shares of the blocks: that are quiet somewhere, that are in the noisy rectangle, and that are quiet inside;
and how many blocks of noise a quiet one outweighs when the rectangle is looked for."""

BINS, FEWEST_ASKED, MOSTLY_QUIET = 6, 20, 0.1
"""How many bins of brightness there are inside, how few places outside say nothing, and the share of these that have to
be quieter than the part is at their brightness: in 17 clean tuning pictures with noise of sigma 15 to 40 in a part at
least 0.17 of them were, of photons over the whole picture at most 0.01."""

MOST_CELLS = 64
"""Along the longer side, of the map in which the rectangle is looked for: all of them are tried."""

REACH = 8
"""Pixels by which an edge may be moved to where the noise begins."""


@dataclass(frozen=True)
class NoisyPart:
    """A rectangle with all the noise: top, left, bottom and right, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    def inside(self, shape: tuple[int, ...]) -> Bits:
        """Where it is, (h, w)."""
        found = np.zeros(shape[-2:], dtype=bool)
        found[self.top : self.bottom, self.left : self.right] = True
        return found


def find_noisy_part(y: Tensor) -> NoisyPart | None:
    """Look for one rectangle of white noise in (1, C, h, w); ``None`` where there is none, or noise is everywhere."""
    planes = y.detach().double().cpu().numpy()[0]
    step = STEP
    while (planes.shape[1] // step) * (planes.shape[2] // step) * len(planes) > MOST:
        step += 1
    windows = np.lib.stride_tricks.sliding_window_view(planes, (SIDE, SIDE), axis=(1, 2))[:, ::step, ::step]
    power = dctn(windows, axes=(3, 4), norm="ortho") ** 2
    rows, columns = power.shape[1:3]
    if min(rows, columns) < 2 * TILE:
        return None
    fine = power[..., FINE].mean((0, 3))
    sigma = _of_tiles(power, fine)
    if sigma is None:
        return None
    quiet = fine < (QUIET * sigma) ** 2
    if quiet.mean() < LEAST_QUIET:
        return None
    down, right = _best_rectangle(np.where(quiet, -PENALTY, 1.0))
    inside = quiet[down[0] : down[1], right[0] : right[1]]
    if inside.size < LEAST_NOISY * quiet.size or inside.mean() > MOST_QUIET or min(inside.shape) < TILE:
        return None
    box = (
        down[0] * step,
        right[0] * step,
        (down[1] - 1) * step + SIDE,
        (right[1] - 1) * step + SIDE,
    )
    if not _stands_out(fine, windows.mean((0, 3, 4)), (slice(*down), slice(*right))):
        return None
    return NoisyPart(*_refined(planes, box, sigma))


def _stands_out(fine: Values, level: Values, part: tuple[slice, slice]) -> bool:
    """Whether places outside the part are quieter than those inside that are as bright.

    Noise that grows with the signal leaves dark places quiet, too: those that are darker than the part say nothing,
    and nor do plain ones.
    """
    outside = fine > 0
    outside[part] = False
    inside, bright = fine[part].ravel(), level[part].ravel()
    bins = np.array_split(np.argsort(bright), BINS)
    levels = [float(bright[one].mean()) for one in bins]
    strengths = [float(np.quantile(inside[one], QUIETEST)) for one in bins]
    asked = outside & (level >= levels[0])
    if asked.sum() < FEWEST_ASKED:
        return False
    quiet = fine[asked] < QUIET**2 * np.interp(level[asked], levels, strengths)
    return bool(quiet.mean() >= MOSTLY_QUIET)


def _best_rectangle(values: Values) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rows and the columns, from and to, of the rectangle with the largest sum (Kadane, for every pair of rows)."""
    side = -(-max(values.shape) // MOST_CELLS)
    height, width = (-(-size // side) * side for size in values.shape)
    padded = np.full((height, width), -PENALTY)
    padded[: values.shape[0], : values.shape[1]] = values
    cells = padded.reshape(height // side, side, width // side, side).sum((1, 3))
    above = np.vstack([np.zeros(cells.shape[1]), np.cumsum(cells, axis=0)])
    best, found = -np.inf, ((0, 1), (0, 1))
    for top in range(len(cells)):
        sums = np.cumsum(above[top + 1 :] - above[top], axis=1)
        before = np.hstack([np.zeros((len(sums), 1)), sums[:, :-1]])
        least = np.minimum.accumulate(before, axis=1)
        gains = sums - least
        row, column = np.unravel_index(int(gains.argmax()), gains.shape)
        if gains[row, column] > best:
            best = float(gains[row, column])
            left = int(before[row, : column + 1].argmin())
            found = ((top, top + int(row) + 1), (left, int(column) + 1))
    (top, bottom), (left, right) = found
    return (
        (top * side, min(bottom * side, values.shape[0])),
        (left * side, min(right * side, values.shape[1])),
    )


def _of_tiles(power: Values, fine: Values) -> float | None:
    """The strength that tiles of noise agree about."""
    channels, rows, columns = power.shape[:3]
    found = []
    for top in range(0, rows - TILE + 1, TILE // 2):
        for left in range(0, columns - TILE + 1, TILE // 2):
            tile = (slice(top, top + TILE), slice(left, left + TILE))
            energy = fine[tile].ravel()
            median = float(np.median(energy))
            if median < FAINTEST**2 or np.quantile(energy, 0.05) < TILE_EVEN**2 * median:
                continue
            part = power[:, tile[0], tile[1]].reshape(channels * TILE * TILE, SIDE, SIDE)
            blocks = Blocks(np.zeros(len(part)), part, np.zeros(len(part), dtype=np.int64))
            middle = floor(blocks, MIDDLE)
            if middle > 0 and floor(blocks, HIGH) >= WHITE_RATIO * middle:
                found.append(math.sqrt(median))
    if len(found) < FEWEST_TILES:
        return None
    typical = float(np.median(found))
    agree = [typical / ALIKE <= value <= typical * ALIKE for value in found]
    return typical if np.mean(agree) >= OF_THEM else None


def _refined(planes: Values, box: tuple[int, int, int, int], sigma: float) -> tuple[int, int, int, int]:
    """The rectangle with its edges where the noise begins, as single rows and columns show it."""
    top, left, bottom, right = box
    height, width = planes.shape[1:]
    rows = _strength(planes[:, :, left:right])
    columns = _strength(planes[:, top:bottom].transpose(0, 2, 1))
    enough = (QUIET + 1) / 2 * sigma
    return (
        _edge(rows, top, -1, enough),
        _edge(columns, left, -1, enough),
        min(height, _edge(rows, bottom - 1, 1, enough) + 1),
        min(width, _edge(columns, right - 1, 1, enough) + 1),
    )


def _strength(planes: Values) -> Values:
    """Of the noise in every row of (C, h, w), from differences along it."""
    taps = FOURTH_DIFFERENCE
    width = planes.shape[2] - len(taps) + 1
    band = sum(tap * planes[:, :, i : i + width] for i, tap in enumerate(taps))
    return np.asarray(np.median(np.abs(np.asarray(band)), axis=2).mean(0) / 0.6744897501960817)


def _edge(strength: Values, start: int, outward: int, enough: float) -> int:
    """The last row outward that is noisy: inward first where the start is not, then outward as far as rows are."""
    at = start
    for _ in range(REACH):
        if strength[at] >= enough or not 0 <= at - outward < len(strength):
            break
        at -= outward
    for _ in range(REACH):
        if not (0 <= at + outward < len(strength)) or strength[at + outward] < enough:
            break
        at += outward
    return at
