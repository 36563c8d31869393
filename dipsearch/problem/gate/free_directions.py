"""Free directions: white noise beside texture that lies everywhere, from the directions that texture leaves free.

Patches of 7 × 7 pixels are vectors. Ridges, weaves and grain fill a part of their space, in every place of the picture;
the directions of the smallest eigenvalues are free of it, and there all patches have noise alone. That it is noise
shows in two ways: white noise is equally strong in all free directions, and equally strong in all patches, but for
what grows with brightness; fine texture and the camera's noise under it are neither. So nothing has to be quiet. How it
grows is read off patches over all channels: these share texture, which grows with brightness, too, and not their noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincinv
from torch import Tensor

from ..array_types import Bits, Values
from ..noise import LEVELS
from .noise_subspace import LEAST, cut_patches
from .photons import DARK, GROWTH, NO_LINE, PhotonLine, bins_of, fitted_line

SIDE, MOST_VALUES, FREE = 7, 50, 8
"""Side of a patch in pixels, its values over all channels at the most, and how many of its directions are looked at.
With patches of 7 × 7 in single channels the gain of photons was off by 5.7 % (median of 78 cases on 14 tuning pictures
in colour, 95 %: 25 %), with blocks by 6.0 % (29 %), over all channels with 50 values by 2.2 % (12 %), with 80 by 4.4 %
(15 %): the more values, the smaller the smallest eigenvalues are by chance."""

FEWEST = 3000
"""Patches: with fewer the smallest eigenvalues are small by chance. Pure noise on 44, 64 and 96 pixels per side was
underrated by 12, 5 and 2 %."""

MOST_CHANNELS = 4
"""Of more channels these are looked at: a bound on time."""

RARE, LOUD, LEAST_EVEN, MOST_ABOVE, MOST_RISE = 0.02, 0.95, 0.95, 1.03, 1.20
"""Quantiles of the patches' strengths, and what is asked of them, by what they are of noise; and of the strength in the
last free direction by that in the first. On crops of 96 to 256 pixels, at half size, of 20 tuning pictures and 11
made-up ridges, weaves, bricks and wood, white noise of sigma 10 and more that nothing else told had 0.96 to 1.02, 1.00
to 1.02 and 1.02 to 1.22; clean ones of more than 2.4 grey levels at most 0.87, at least 1.08, and 1.07 to 2; random
waves of 4 pixels 0.86 to 0.94, 1.02 to 1.06 and 1.06 to 1.2; noise that was blurred by half a pixel had 0.94 to 1.00,
1.00 to 1.06 and 1.27 to 1.4."""

HARDLY_NOISY = 2.4 / LEVELS
"""Weaker noise is let alone in 8 bits: of clean photos at half size the quietest tenth of the blocks has up to 2.2 grey
levels, which is noise of the camera, and a restoration would gain next to nothing."""

FLAT, QUIETER = 0.5, 0.4
"""Share of the patches of a bin of brightness that count, the flattest in the directions that texture does fill, and
the quantile of their strengths that is taken, as of blocks. On 39 of
72 simulated microscopes, whose noise grows by more than 1.6 times, the gain came out wrong by 6.9 % (median; blocks
6.9 %, without choosing flat ones 5.5 %, but then spots and stars add to it), on 85 photos with photons, where the noise
was sure, by 3.9 % (blocks 5.2 %)."""

ALIKE = 6.0
"""By how much fewer squares of noise a point of the line rests on than are in it, besides overlap: both halves of the
pixels see the same patches, and a quantile says less than a mean. With 3.3 the errors of these lines were 1.6 times as
large as they were said to be."""

ROUNDS = 3
"""Lines that are fitted, every one with the strengths that the last one says: within a bin the darker ones are
quieter."""

ENDS = (0.05, 0.95)
"""Quantiles of brightness, over 3 × 3 pixels, between which noise that grows is compared."""

FEWEST_APART = 10
"""Patches of a bin, without their overlap."""

GROWTH_OF_NOISE = 1.25
"""What white noise does not reach: of sigma 10 to 60 on tuning pictures, where it was sure to be noise, it had at most
1.17 with a slope of three errors."""

LITTLE_RISE = 1.06
"""Up to which rise texture takes no part in what grows in a single channel, so that it need not be found in blocks,
too. Of noise alone it was 1.02 to 1.05, of simulated microscopes 1.01 to 1.05; of pictures of stars, whose bright
places are not flat anywhere, 1.07 to 1.08, with gains of up to five times the true one."""

NEAR = 1.10
"""Directions with up to so much more noise than the first ones count for its strength: of noise alone these are nearly
all 49, of ridges with sigma 10 about eight (10.5 to 11; 11 to 13 with 1.25)."""


@dataclass(frozen=True)
class FreeNoise:
    """What was found in the free directions, strengths in units of [0, 1].

    Attributes:
        sigmas: of every channel that was looked at.
        even: the strength in the quietest patches by that of noise: 1 for noise, less for texture.
        above: likewise in the loudest ones: more for texture.
        rise: the strength in the last free direction by that in the first: about 1 for white noise.
        line: its variance against brightness.
        joint: whether that is of patches over several channels; else of one, as where each is cut somewhere else.
    """

    sigmas: tuple[float, ...]
    even: float
    above: float
    rise: float
    line: PhotonLine
    joint: bool

    @property
    def sigma(self) -> float:
        """The root of the mean of the channels' variances."""
        return float(np.sqrt(np.mean(np.square(self.sigmas))))

    @property
    def white(self) -> bool:
        """Whether it is surely white noise, whatever else the picture holds."""
        return self.alike and self.sigma >= HARDLY_NOISY

    @property
    def alike(self) -> bool:
        """Whether it is equally strong in all patches and directions, however faint."""
        even = self.even >= LEAST_EVEN and self.above <= MOST_ABOVE
        return even and self.rise <= MOST_RISE

    @property
    def grows(self) -> bool:
        """Whether it grows with brightness, for sure, and more than texture that is left can."""
        return self.white and self.line.sure and self.line.growth >= GROWTH * self.rise**2

    @property
    def steady(self) -> bool:
        """Whether it does not grow with brightness, or so little that texture may be what does."""
        little = self.line.growth < GROWTH_OF_NOISE * self.rise**2
        return self.line.gain == 0 or (self.white and little)


def free_noise(y: Tensor, left_out: Bits, *, sigma: float) -> FreeNoise | None:
    """Measure it on (1, C, h, w); ``None`` where every channel has too few patches.

    Args:
        left_out: (C, h, w), values that show no noise.
        sigma: what is known of its strength.
    """
    planes = y.detach().double().cpu().numpy()[0][:MOST_CHANNELS]
    found = [_read(planes[n : n + 1], left_out[n : n + 1], sigma) for n in range(len(planes))]
    channels = [one for one in found if one is not None]
    if not channels:
        return None
    joint = None
    if len(planes) > 1:
        joint = _read(planes, left_out[: len(planes)], sigma, [one.sigma if one else sigma for one in found])
    line = _line(joint or max(channels, key=lambda one: len(one.mean)))
    shares = [one.energy / _expected(one.mean, line) for one in channels]
    energy = np.concatenate([share / max(share.mean(), 1e-30) for share in shares])
    noise = FreeNoise(
        tuple(one.sigma for one in channels),
        even=_strength(energy, RARE),
        above=_strength(energy, LOUD),
        rise=float(np.mean([one.rise for one in channels])),
        line=line,
        joint=joint is not None,
    )
    return replace(noise, line=replace(line, surely_noise=noise.white))


@dataclass(frozen=True, eq=False)
class _Patches:
    """Patches of one channel, or over several, (n,); of several, strengths are those of a mean over all.

    Attributes:
        sigma, rise: as of ``FreeNoise``.
        level: of the middle of each channel, (n, C).
        mean, energy: their brightness, and their mean square in the free directions.
        halves: their brightness by either half of their pixels, whose noise is independent, (2, n).
        near: mean square in all directions that hardly have more than noise, of which there are ``directions``.
        rest: in the others, without the brightness.
        overlap: so many of them say as much as one.
    """

    sigma: float
    rise: float
    level: Values
    mean: Values
    energy: Values
    halves: tuple[Values, Values]
    near: Values
    directions: int
    rest: Values
    overlap: float

    def points(self, line: PhotonLine) -> Values:
        """Brightness, variance, and how many squares that is the mean of, in bins of brightness: (bins, 3).

        Binned by one half of the pixels, the brightness of a bin is that of the other half: else the brightest were
        those whose noise is bright, and the slope too small.
        """
        found, expected = [], _expected(self.mean, line)
        for by, brightness in (self.halves, self.halves[::-1]):
            for inside in bins_of(by, fewest=FEWEST_APART * self.overlap):
                rest = self.rest[inside] / expected[inside]
                flat = np.flatnonzero(inside)[rest <= np.quantile(rest, FLAT)]
                strength = _strength(self.near[flat] / expected[flat], QUIETER, self.directions)
                squares = len(flat) * self.directions / (self.overlap * ALIKE)
                found.append((brightness[flat].mean(), strength**2 * expected[flat].mean(), squares))
        return np.array(found).reshape(-1, 3)


def _read(
    planes: Values, left_out: Bits, sigma: float, strengths: Sequence[float] = (1.0,)
) -> _Patches | None:
    """Patches over all of (C, h, w), whose channels are made equally strong by what is known of them."""
    channels, side = len(planes), min(SIDE, math.isqrt(MOST_VALUES // len(planes)))
    patches = cut_patches(planes, np.full(channels, sigma), left_out, side=side, fewest=FEWEST)
    if patches is None:
        return None
    pixels = side * side
    by = np.repeat(1 / np.maximum(strengths, max(LEAST * max(strengths), 1e-9)), pixels)
    centred = (patches - patches.mean(0)) * by
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    free = directions[:, :FREE]
    energy = ((centred @ free) ** 2).mean(1)
    lowest = variances[: FREE // 2].mean()
    count = max(int((variances <= NEAR**2 * lowest).sum()), FREE)
    near = variances[variances <= NEAR**2 * lowest].mean() if lowest > 0 else 0.0
    lost = near / variances[:FREE].mean() if near > 0 else 1.0  # the smallest of many are small by chance
    weights = (directions[:, :count] ** 2).mean(1) * by**2
    values = patches.reshape(-1, channels, pixels)
    others = ((values - values.mean(2, keepdims=True)).reshape(patches.shape) * by) @ directions[:, count:]
    middle = slice(side // 2 - 1, side // 2 + 2)
    chessboard = np.tile(np.add.outer(np.arange(side), np.arange(side)).ravel() % 2 == 0, channels)
    apart = pixels / 4  # patches that lie on every pixel: so many say as much as one
    return _Patches(
        math.sqrt(max(near, 0.0)),
        math.sqrt(max(variances[FREE - 1], 0.0) / max(variances[0], 1e-15)),
        values.reshape(-1, channels, side, side)[..., middle, middle].mean((2, 3)),
        _weighted(patches, (free**2).mean(1) * by**2),
        energy * lost,
        (_weighted(patches, weights * chessboard), _weighted(patches, weights * ~chessboard)),
        ((centred @ directions[:, :count]) ** 2).mean(1) / weights.sum(),
        count,
        (others**2).mean(1) if count < len(variances) else np.zeros(len(patches)),
        min(max(1.0, len(patches) * apart / planes[0].size), apart),
    )


def _weighted(patches: Values, weights: Values) -> Values:
    return np.asarray(patches @ (weights / weights.sum()))


def _line(patches: _Patches) -> PhotonLine:
    """The line of all channels together; ``NO_LINE`` where it may be chance."""
    ends = (float(np.quantile(patches.level, ENDS[0])), float(np.quantile(patches.level, ENDS[1])))
    dark, line = float(np.quantile(patches.level, DARK)), NO_LINE
    for _ in range(ROUNDS):
        line = fitted_line(*patches.points(line).T, dark=dark, ends=ends)
    return line if line.sure else NO_LINE


def _expected(mean: Values, line: PhotonLine) -> Values:
    if line.gain <= 0:
        return np.ones_like(mean)
    expected = line.gain * (mean - line.zero)
    return np.maximum(expected, 0.05 * max(float(np.median(expected)), 1e-15))


def _strength(energy: Values, quantile: float, directions: int = FREE) -> float:
    expected = 2 * float(gammaincinv(directions / 2, quantile)) / directions
    return math.sqrt(max(float(np.quantile(energy, quantile)), 0.0) / expected)
