"""Noise by place: whether noise is stronger in some places of a picture than in others, whatever is shown there.

A lens makes corners noisier, an antenna what is near it, and a panorama has the noise of every one of its pictures.
The strength in a tile is that of its quietest blocks. Texture adds to it; so only tiles count whose blocks agree and
have as much in the high frequencies as in middle ones, which texture does not. In colour what channels do not share has
to differ, too, for fur and cloth are in all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ..array_types import Bits, Values
from ..noise import LEVELS
from ..noise_map import Places, as_places, of_every_pixel
from .blocks import FINE, HIGH, MIDDLE, MOST, ON_THE_ENDS, SIDE, Blocks, floor
from .clipping import is_clipped
from .photons import NO_LINE, PhotonLine

TILE, MOST_TILES = 32, 6
"""Pixels, at least, along the side of a tile that is compared with others, and tiles along a side of the picture."""

CELL, MOST_CELLS = 16, 12
"""The same of the map that is made where they differ; a cell's strength is that of the tile around it."""

STEP = 2
"""Pixels between blocks, at least."""

WHITE, EVEN = 0.85, (0.62, 0.70, 0.72)
"""Of a tile that is noise: its high band by the middle one, and the strength of the quietest twentieth
of its blocks by the median, in pictures of one, two, and more channels (of noise alone 0.8, 0.87 and 0.9)."""

ENOUGH = 0.3
"""Share of a tile's blocks that have to show noise."""

FEWEST, DIFFERENT, STRONG = 3, 2.0, 10 / LEVELS
"""Tiles that have to be noise, the strength of the strongest one by that of the weakest one, and what the strongest one
has at least. On 128 × 128 of 17 tuning pictures, in colour and in green alone, with white noise of sigma 10 to 50 the
ratio was at most 1.63; without noise and with sigma 3 and 5 up to 1.94, where the strongest tile had at most 10.
At half size fur and cloth with sigma 10 (baboon, barbara) had it, without ``UNSHARED``: five, four and two of
810 cases of the gate on 15 tuning pictures with 1.75, 2 and 2.2, which missed corners of rocket that gain 8 dB."""

UNSHARED = 1.5
"""The same ratio in what channels do not share, for texture they do: on 14 tuning pictures in colour, 160 × 160, with
gradients and steps of sigma 8 to 30, half of it shared or none, it was 1.66 to 2.9; in the four cases of the gate on
15 tuning pictures where fur and cloth passed for noise by place, 1.20 to 1.30."""

ROUNDS = 2
"""In which the map is made: the second time without what the first one knows of the growth within a tile."""

FAINTEST = 1e-6
"""Of the range: weaker noise counts as that, so that nothing is divided by nothing."""

SMOOTH = 0.4
"""Of the window under which the map is averaged, in cells; with 0.7 its errors are the same, and steps are softer."""

NEAR, FAR = 0.7, 1e-3
"""Of tiles that are noise, in cells: how far they reach where others are; and the weight of those far away."""


@dataclass(frozen=True)
class NoiseByPlace:
    """Noise that differs over the picture.

    Attributes:
        sigma: the root of its mean variance, in units of [0, 1].
        places: the strengths in cells, as multiples of it.
    """

    sigma: float
    places: Places

    @property
    def weakest(self) -> str:
        """Where it is weakest, in words."""
        return _named(np.argmin(self.places), np.shape(self.places))

    @property
    def strongest(self) -> str:
        """Where it is strongest."""
        return _named(np.argmax(self.places), np.shape(self.places))

    @property
    def least(self) -> float:
        """The noise of the weakest places: what a twentieth of them stays below."""
        return self.sigma * float(np.quantile(self.places, 0.05))

    @property
    def most(self) -> float:
        """That of the strongest ones."""
        return self.sigma * float(np.quantile(self.places, 0.95))


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Blocks at their places: squared cosine coefficients (C, n, m, 8, 8), mean values (C, n, m), the share of each
    that shows no noise (n, m), and their middles in pixels (n,), (m,)."""

    power: Values
    mean: Values
    cut: Values
    rows: NDArray[Any]
    columns: NDArray[Any]


def _named(index: np.intp, cells: tuple[int, ...]) -> str:
    """A cell in words: "top left", "left", "middle"."""
    thirds = [3 * at // count for at, count in zip(np.unravel_index(int(index), cells), cells, strict=True)]
    words = ("top", "", "bottom")[thirds[0]], ("left", "", "right")[thirds[1]]
    return " ".join(word for word in words if word) or "middle"


def noise_by_place(y: Tensor, plain: Bits, *, line: PhotonLine = NO_LINE) -> NoiseByPlace | None:
    """Measure how noise differs over (1, C, h, w); ``None`` where it is the same everywhere, as far as can be told.

    Args:
        plain: (C, h, w), values that show no noise.
        line: how it may grow with brightness instead; then it differs if it still does without that.
    """
    height, width = y.shape[-2:]
    if min(height, width) < 2 * TILE:
        return None
    blocks = _read(y, plain)
    shape = (height, width)
    found = _map(blocks, shape)
    if found is None or not _differs(blocks, found, shape, least=STRONG):
        return None
    if y.shape[1] > 1:
        unshared = _read(y, plain, without_grey=True)
        own = _map(unshared, shape)
        if own is None or not _differs(unshared, own, shape, ratio=UNSHARED):
            return None
    if line.found:
        variance = line.variance(blocks.mean)
        rest = replace(blocks, power=blocks.power / (variance / variance.mean())[..., None, None])
        beside = _map(rest, shape)
        if beside is None or not _differs(rest, beside, shape):
            return None
    return found


def _differs(
    blocks: _Blocks,
    found: NoiseByPlace,
    shape: tuple[int, int],
    *,
    ratio: float = DIFFERENT,
    least: float = 0.0,
) -> bool:
    strength = _strengths_of_tiles(blocks, found, shape)
    return len(strength) >= FEWEST and bool(strength.max() >= max(ratio * strength.min(), least))


def _strengths_of_tiles(blocks: _Blocks, found: NoiseByPlace, shape: tuple[int, int]) -> Values:
    """Of those tiles that are noise, without what the map says of the growth within them."""
    cells = _cells(shape, TILE, MOST_TILES)
    rest, noise = _floors(_by(blocks, found.places, shape), shape, cells, around=0.5)
    typical = F.adaptive_avg_pool2d(of_every_pixel(found.places, *shape), cells)[0, 0].double().numpy()
    return np.asarray((rest * typical)[noise])


def _map(blocks: _Blocks, shape: tuple[int, int]) -> NoiseByPlace | None:
    cells = _cells(shape, CELL, MOST_CELLS)
    table = np.ones(cells)
    for _ in range(ROUNDS):
        found, noise = _floors(
            _by(blocks, as_places(torch.from_numpy(table)), shape), shape, cells, around=1.0
        )
        if not noise.any():
            return None
        found = found * table
        beside = _from_noise(found, noise)
        # Texture adds to the noise and takes nothing away: what is beside it is the most that there can be. Steps and
        # steep growth are uneven, too, and look as weak as their weaker end: the truth lies between both. With the
        # smaller one alone patches had 27.9 instead of 28.6 dB on halves of 10 and 30, elsewhere 0.1 more or less.
        table = np.where(noise, found, np.sqrt(np.fmin(found, beside) * beside))
    table = np.exp(gaussian_filter(np.log(np.maximum(table, FAINTEST)), SMOOTH, mode="nearest"))
    variance = float(of_every_pixel(as_places(torch.from_numpy(table)), *shape).square().mean())
    sigma = math.sqrt(variance)
    return NoiseByPlace(sigma, as_places(torch.from_numpy(table / sigma)))


def _cells(shape: tuple[int, int], side: int, most: int) -> tuple[int, int]:
    rows, columns = (min(max(size // side, 2), most) for size in shape)
    return rows, columns


def _read(y: Tensor, plain: Bits, *, without_grey: bool = False) -> _Blocks:
    planes = y.detach().double().cpu().numpy()[0]
    step = STEP
    while (planes.shape[1] // step) * (planes.shape[2] // step) * len(planes) > MOST:
        step += 1
    shown = planes - planes.mean(0) if without_grey else planes
    windows = sliding_window_view(shown, (SIDE, SIDE), axis=(1, 2))[:, ::step, ::step]
    ends = (planes <= 0) | (planes >= 1) if is_clipped(y) else np.zeros_like(plain)
    silent = sliding_window_view(ends | plain, (SIDE, SIDE), axis=(1, 2))[:, ::step, ::step]
    rows, columns = (np.arange(count) * step + SIDE // 2 for count in windows.shape[1:3])
    power = dctn(windows, axes=(3, 4), norm="ortho") ** 2
    return _Blocks(power, windows.mean((3, 4)), silent.mean((3, 4)).max(0), rows, columns)


def _by(blocks: _Blocks, places: Places, shape: tuple[int, int]) -> _Blocks:
    """The same, by what a map says of their middles."""
    strength = of_every_pixel(places, *shape)[0, 0].double().numpy()[np.ix_(blocks.rows, blocks.columns)]
    return replace(blocks, power=blocks.power / strength[..., None, None] ** 2)


def _floors(
    blocks: _Blocks, shape: tuple[int, int], cells: tuple[int, int], *, around: float
) -> tuple[Values, Bits]:
    """The strength in each cell, NaN where too little shows noise, and whether it is that of noise.

    Args:
        around: how far the tile of a cell reaches from its middle, by the side of the cell.
    """
    strength, noise = np.full(cells, np.nan), np.zeros(cells, dtype=bool)
    even = EVEN[min(len(blocks.power), len(EVEN)) - 1]
    sides = [
        [
            np.flatnonzero(np.abs(middles - (index + 0.5) * size / count) <= around * size / count)
            for index in range(count)
        ]
        for middles, size, count in zip((blocks.rows, blocks.columns), shape, cells, strict=True)
    ]
    for row, column in np.ndindex(*cells):
        tile = np.ix_(sides[0][row], sides[1][column])
        cut = blocks.cut[tile]
        most = next((most for most in ON_THE_ENDS[:-1] if (cut <= most).mean() >= ENOUGH), None)
        if most is None:
            continue
        power = blocks.power[:, tile[0], tile[1]][:, cut <= most]
        every = power.reshape(-1, SIDE, SIDE)
        part = Blocks(np.zeros(len(every)), every, np.zeros(len(every), dtype=np.int64))
        high, middle, fine = floor(part, HIGH), floor(part, MIDDLE), power[..., FINE].mean((0, 2))
        strength[row, column] = high
        quietest, typical = np.quantile(fine, (0.05, 0.5))
        noise[row, column] = high >= WHITE * middle > 0 and quietest >= even**2 * typical
    return strength, noise


def _from_noise(strength: Values, noise: Bits) -> Values:
    """In every cell what the nearest cells of noise have, as a geometric mean."""
    at, there = np.indices(noise.shape), np.argwhere(noise)
    squares = (at[0][..., None] - there[:, 0]) ** 2 + (at[1][..., None] - there[:, 1]) ** 2
    weight = np.exp(-squares / (2 * NEAR**2)) + FAR * np.exp(-np.sqrt(squares))
    return np.asarray(np.exp((weight * np.log(strength[noise])).sum(-1) / weight.sum(-1)))
