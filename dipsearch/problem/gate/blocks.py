"""Blocks: the picture in squares of 8 × 8 as cosine spectra, from which noise is read where the picture is flat.

White noise is equally strong in every coefficient of every block; what a picture holds is not: it leaves most
blocks alone, and prefers low frequencies. So the quietest blocks tell the strength of the noise in each band
(its floor), its spectrum, and, sorted by their brightness, whether it grows with the signal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idct
from scipy.special import gammaincinv
from torch import Tensor

from ..array_types import Bits, Values
from .clipping import is_clipped

SIDE = 8  # as in the cosine transform of JPEG, so that what a file has lost shows
REACH = SIDE // 2  # of lags, in pixels
STEP = 4  # blocks overlap by a half: twice the evidence; closer ones say hardly more
MOST = 24_000  # blocks; enough for every figure here, and a bound on time and memory
FEWEST = 60  # of which a tenth are six: with fewer, blocks that are cut or constant in part are taken, too
# Up to this share of a block may lie on the ends of the range, where noise is cut; tried in turn.
ON_THE_ENDS = (0.02, 0.2, 1.0)
# The same for what is constant and shows no noise.
PLAIN = (0.0, 0.02, 0.2)

ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
HIGH: Bits = (ROWS >= 5) & (COLUMNS >= 5)
LOW: Bits = (ROWS + COLUMNS >= 1) & (ROWS + COLUMNS <= 3)
MIDDLE: Bits = (ROWS >= 2) & (COLUMNS >= 2) & (ROWS + COLUMNS >= 5) & (ROWS + COLUMNS <= 8) & ~HIGH
"""Bands of the 64 coefficients: the nine finest, the nine coarsest but the mean, and fourteen between them."""

FINE: Bits = ROWS + COLUMNS >= 7
"""The finer half of the coefficients: 36 of 64, so that a block alone tells the strength of white noise to 12 %."""

BESIDE_MIDDLE: Bits = FINE & ~MIDDLE
"""The 27 of them whose noise says nothing about the middle band, by which flat blocks are chosen."""

_SQUARES = idct(np.eye(SIDE), axis=0, norm="ortho").T ** 2  # (frequency, place)


def seen_by(band: Bits) -> Values:
    """How much the noise of each place (8, 8) of a block has to do with a band, 1 in all."""
    return np.asarray(np.einsum("kx,ly,kl->xy", _SQUARES, _SQUARES, band) / band.sum())


WHERE_SEEN: Values = seen_by(BESIDE_MIDDLE)
"""How much the noise of each place of a block has to do with its fine coefficients, which see more of the middle than
of the border: the brightness that belongs to them is a mean with these weights. With a plain one the gain of photons
came out 4 to 14 % too small where beads, fibres or spots lie on a dark ground."""

QUIETEST, FLAT_SHARE = 0.1, 0.05
"""Shares of the blocks: whose strength is that of the noise, and in which its spectrum is measured."""

WEAKEST = 0.05
"""Of the frequencies: which one of the weakest tells the most that white noise can have."""

OVERLAP = 3.0
"""Blocks overlap by a half in both directions: so many of them say as much as one."""

LOW_LEAK = 1.1
"""The lowest three coefficients hold the most of the picture; they may exceed the next by this much."""

BINS = 6
GROWING_SHARE, GROWING_SIGNIFICANCE, GROWING_BRIGHTNESS = 0.8, 3.0, 1.5
"""Of brightness; and from where on noise is said to grow with it: the share of its variance that does, in standard
errors, and the range of brightness that was seen."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of all channels: mean value (n,), with the weights ``WHERE_SEEN``, squared orthonormal cosine
    coefficients (n, 8, 8), and channel (n,)."""

    mean: Values
    power: Values
    channel: NDArray[np.int64]

    def part(self, chosen: Bits | NDArray[np.int64]) -> Blocks:
        """Some of the blocks, as a mask or by their numbers."""
        return Blocks(self.mean[chosen], self.power[chosen], self.channel[chosen])

    def by(self, variance: Values) -> Blocks:
        """All of them, with their power divided by a variance (n,)."""
        return Blocks(self.mean, self.power / variance[:, None, None], self.channel)


@dataclass(frozen=True)
class Line:
    """Variance of the noise against brightness, over bins of quiet blocks: intercept + slope · mean.

    In units of [0, 1]. ``significance`` is the slope by its standard error, ``share`` the part of the variance, at
    the average brightness, that grows with it: 0 for noise that does not know the signal, 1 for counts of
    photons. ``gain`` is the median of variance / mean, ``typical`` that of the standard deviation; ``brightness`` says
    how many times brighter the last bin is than the first.
    """

    intercept: float
    slope: float
    significance: float
    share: float
    gain: float
    typical: float
    brightness: float

    @property
    def grows(self) -> bool:
        """Whether the noise grows with the signal, for sure, by nearly all of its variance, and enough to matter."""
        return (
            self.share >= GROWING_SHARE
            and self.significance >= GROWING_SIGNIFICANCE
            and self.brightness >= GROWING_BRIGHTNESS
        )


def squares(y: Tensor, *, left_out: Bits | None = None) -> tuple[Values, NDArray[np.int64]]:
    """Return overlapping squares (n, 8, 8) of (1, C, h, w) and the channel of each (n,).

    Args:
        left_out: as for ``read_blocks``.
    """
    planes = y.detach().double().cpu().numpy()[0]
    windows = np.lib.stride_tricks.sliding_window_view(planes, (SIDE, SIDE), axis=(1, 2))
    step = STEP
    while windows[:, ::step, ::step].shape[0] * math.prod(windows[:, ::step, ::step].shape[1:3]) > MOST:
        step += 1
    blocks = windows[:, ::step, ::step].reshape(-1, SIDE, SIDE)
    channel = np.repeat(np.arange(len(planes)), len(blocks) // len(planes))
    if left_out is not None and left_out.any():
        covered = np.lib.stride_tricks.sliding_window_view(left_out, (SIDE, SIDE), axis=(1, 2))
        plain = covered[:, ::step, ::step].reshape(-1, SIDE * SIDE).mean(1)
        for most in PLAIN:
            if (plain <= most).sum() >= FEWEST or most == PLAIN[-1]:
                blocks, channel = blocks[plain <= most], channel[plain <= most]
                break
    return blocks, channel


def read_blocks(y: Tensor, *, left_out: Bits | None = None) -> Blocks:
    """Cut (1, C, h, w) into overlapping blocks; those where noise was cut to [0, 1] are left out if possible.

    Args:
        left_out: (C, h, w), values that show no noise; blocks with such values are left out, too.
    """
    blocks, channel = squares(y, left_out=left_out)
    if is_clipped(y):
        cut = ((blocks <= 0) | (blocks >= 1)).mean((1, 2))
        inside = next(
            chosen
            for most in ON_THE_ENDS
            if (chosen := cut <= most).sum() >= FEWEST or most == ON_THE_ENDS[-1]
        )
        blocks, channel = blocks[inside], channel[inside]
    if not len(blocks):  # all of it is plain
        blocks, channel = np.zeros((1, SIDE, SIDE)), np.zeros(1, dtype=np.int64)
    return Blocks((blocks * WHERE_SEEN).sum((1, 2)), dctn(blocks, axes=(1, 2), norm="ortho") ** 2, channel)


def floor(blocks: Blocks, band: Bits, *, quantile: float = QUIETEST) -> float:
    """Return the standard deviation of the noise in a band, from a low quantile of the blocks' energies there.

    The mean square of k coefficients of white noise follows chi² with k degrees of freedom, so that its
    quantile tells the strength, however few blocks are flat (but at least that share).
    """
    energies = blocks.power[:, band].mean(1)
    degrees = int(band.sum())
    # The quantile of χ²; scipy.stats has it by name and takes half a second to import.
    expected = 2 * float(gammaincinv(degrees / 2, quantile))
    return math.sqrt(float(np.quantile(energies, quantile)) * degrees / expected)


def ceiling(blocks: Blocks) -> float:
    """Return what white noise can have at most: the strength in the weakest frequencies, over all of the blocks.

    Whatever the picture holds adds to the noise in some frequencies and takes nothing from the others. Not the weakest
    one of all; and by what that is of white noise, for of few blocks it is small by chance.
    """
    power = blocks.power.mean(0)[ROWS + COLUMNS > 0]
    degrees = max(len(blocks.mean) / OVERLAP, 1.0)
    expected = 2 * float(gammaincinv(degrees / 2, WEAKEST)) / degrees
    return math.sqrt(float(np.quantile(power, WEAKEST)) / expected)


def spectrum(blocks: Blocks) -> Values:
    """Return the noise's power (8, 8) over the cosine frequencies, from the flattest twentieth of the blocks.

    For each half of the coefficients (a chessboard) blocks are chosen by the other half, whose noise is
    independent of it: choosing quiet blocks by what is measured would underrate it. On 128 × 128 crops of eleven
    of scikit-image's pictures with noise that was blurred by 0.5 to 1 pixel, the strength that this gives was
    within 10 % in 84 % of the cases (root mean square of the errors 10 %, texture adds to it).
    """
    relative = blocks.power / np.maximum(np.median(blocks.power, axis=0), 1e-15)
    found = np.zeros((SIDE, SIDE))
    even = (ROWS + COLUMNS) % 2 == 0
    for measured in (even, ~even):
        others = ~measured & (ROWS + COLUMNS > 0)
        energy = relative[:, others].mean(1)
        flat = energy <= np.quantile(energy, FLAT_SHARE)
        found[measured] = blocks.power[flat].mean(0)[measured]
    next_ones = np.median([found[1, 1], found[0, 2], found[2, 0]])
    for place in ((0, 1), (1, 0)):
        found[place] = min(found[place], LOW_LEAK * next_ones)
    found[0, 0] = max(found[0, 1], found[1, 0])
    return found


def autocorrelation(power: Values) -> Values:
    """Return (2 REACH + 1)² correlations of noise whose power over the cosine frequencies is known.

    The mean over a block of the products of two values at a lag, by each of the cosines, times their power.
    Lags beyond one pixel are drawn to 0 towards the end of the reach, for they rest on little.
    """
    cosines = idct(np.eye(SIDE), axis=0, norm="ortho").T  # (frequency, place)
    lags = np.abs(np.arange(-REACH, REACH + 1))
    products = np.stack([(cosines[:, : SIDE - lag] * cosines[:, lag:]).sum(1) / (SIDE - lag) for lag in lags])
    table = products @ power @ products.T
    taper = np.where(lags <= 1, 1, np.cos(np.pi * lags / (2 * REACH + 2)) ** 2)
    table = table * taper[:, None] * taper
    if table[REACH, REACH] <= 0:  # a picture of one colour
        return np.asarray(np.outer(lags == 0, lags == 0), dtype=np.float64)
    return np.asarray(table / table[REACH, REACH])


def of_equal_noise(blocks: Blocks, line: Line) -> Blocks:
    """Return the blocks with their power divided by what the line says for their brightness."""
    expected = line.intercept + line.slope * blocks.mean
    expected = np.maximum(expected, 0.05 * max(float(np.median(expected)), 1e-12))
    return blocks.by(expected)


def brightness_line(blocks: Blocks, band: Bits = HIGH) -> Line:
    """Fit the variance of the noise in a band against brightness; all zero from fewer than three bins."""
    points = _noise_by_brightness(blocks, band)
    if len(points) < 3:
        return Line(0.0, 0.0, 0.0, 0.0, 0.0, math.sqrt(points[0][1]) if points else 0.0, 1.0)
    mean, variance, count = np.array(points).T
    design = np.stack([np.ones_like(mean), mean], axis=1)
    weight = count / max(float(variance.mean()), 1e-15) ** 2
    for _ in range(3):  # the error of a variance grows with it
        inverse = np.linalg.pinv(design.T @ (design * weight[:, None]))
        intercept, slope = inverse @ (design.T @ (weight * variance))
        fitted = np.maximum(design @ np.array([intercept, slope]), 0.1 * variance.mean())
        weight = count / np.maximum(fitted, 1e-15) ** 2
    residual = math.sqrt(float(np.sum(weight * (variance - fitted) ** 2)) / (len(points) - 2))
    error = max(residual, 1.0) * math.sqrt(max(float(inverse[1, 1]), 1e-30))
    middle = float(np.average(mean, weights=count))
    total = intercept + slope * middle
    return Line(
        intercept=float(intercept),
        slope=float(slope),
        significance=float(slope) / error,
        share=float(slope * middle / total) if total > 0 else 0.0,
        gain=float(np.median(variance / np.maximum(mean, 1e-6))),
        typical=math.sqrt(float(np.median(variance))),
        brightness=float(mean[-1]) / max(float(mean[0]), 1e-6),
    )


def _noise_by_brightness(blocks: Blocks, band: Bits) -> list[tuple[float, float, float]]:
    """Mean, variance and number of blocks in up to six bins of brightness."""
    edges = np.unique(np.quantile(blocks.mean, np.linspace(0, 1, BINS + 1)))
    points = []
    for low, high in pairwise(edges):
        inside = (blocks.mean >= low) & (blocks.mean <= high)
        if inside.sum() >= 12:
            part = blocks.part(inside)
            variance = floor(part, band, quantile=2 * QUIETEST) ** 2
            points.append((float(np.median(part.mean)), variance, float(inside.sum())))
    return points
