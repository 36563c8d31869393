"""Counts: whether the values of a picture are whole numbers of photons, how much one of them is, and where they begin.

The variance of counts is their mean, so the noise says roughly what one count adds. Then the values have to
lie on a comb of that spacing, which no other noise does. Its phase says where the counts begin, up to whole
counts. Rounding to 8 bits blurs the comb, but leaves levels between its teeth that never occur.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..array_types import Bits, Values

AROUND = (1 / 3.2, 2.6)
"""Where the number of photons is looked for, by the rough one: texture makes the noise look too strong, few photons and
what was cut off at white too weak."""

STEP_AGREES = (0.7, 1.25)
"""Whole numbers lie on the comb of their own steps. That one is believed where the noise agrees about it as
far as texture lets it: a gain of 2 units makes the rough number half of it."""

FINENESS, FINEST = 0.1, 0.004  # of a count, at the value 1: of all that is tried, and near the best
MOST_LEVELS = 4000  # more distinct values than that are not counted
MOST_PHOTONS, MOST_IN_8_BITS, FRACTIONAL = 2000.0, 240.0, 400.0
"""Photons for white that are looked for, also where values have 8 bits, and numbers that are no whole ones."""

FEWEST_BETWEEN = 500
"""Values between the ends of the range: fewer have combs by chance."""

ALIKE = 0.9
"""Every multiple of the right number fits as well: the first that comes so near to the best is taken."""

COMB, EXACT_COMB = 0.5, 0.9
"""How much of a perfect comb there has to be: with the zero at 0, and with one that is found, too."""

LEAST_FIT = 0.1
"""In 8 bits: of 230 photons 0.11 is left after rounding."""

ON_TEETH, MISSED = 0.985, 0.7
"""In 8 bits: the share of values on a level that a count is rounded to, and how much of what chance would
leave beside these levels has to be missing."""

LEAST_TAKEN, TAILS = 0.8, 0.02
"""In 8 bits: the share of whole counts that do occur, between the ones that leave so much of the values below and above
them. Of 20 to 300 photons on crops of the tuning pictures it was 0.99 to 1; of palettes and of few grey levels, whose
values lie on the teeth of any fine comb, 0.05 to 0.57."""

COARSEST, FEWEST_LEVELS, FEWEST_SPARSE = 1 / 50, 3, 100
"""Of sparse counts: the least step by the range, as finer ones are many counts and have a comb; the levels, for two are
a mask or print; and the values above 0."""

DISPERSION, SIDE_OF_BLOCK = (0.8, 1.3), 8
"""Squared differences of neighbours by their sums, of which counts have 1 and what is seen adds a little."""

HALF = 1e-3  # of a grey level
WHOLE_PHASE = 0.1  # of a count


@dataclass(frozen=True)
class Comb:
    """How well values lie on a comb: ``photons`` of its teeth fit between 0 and 1, from ``offset`` on.

    ``fit`` is |mean exp(2πi · photons · y)|: 1 for whole counts, 0.77 for 100 photons rounded to 8 bits, about 0
    for anything else. ``found`` says whether it is large enough, in 8 bits together with the levels that never occur.
    """

    photons: float
    fit: float
    found: bool
    offset: float = 0.0
    rounded: bool = False


NO_COMB = Comb(0.0, 0.0, False)


def find_comb(
    y: Tensor,
    *,
    rough: float,
    sure: bool,
    zero: float = 0.0,
    zero_error: float = 0.0,
    left_out: Bits | None = None,
) -> Comb:
    """Look for the number of photons that the value 1 stands for, around the ``rough`` one.

    Pictures of 8 bits are on a comb of 255 anyway and are not looked at beyond 240 photons, where counts can
    hardly be told from rounding; other ones up to 2000.

    Args:
        sure: whether noise says for sure how many they are; otherwise the steps of whole numbers are no counts.
        zero, zero_error: where the counts begin, as the growth of the noise has it.
        left_out: (C, h, w), values that say nothing.
    """
    values = y.detach().double().cpu().numpy()[0]
    levels, counts = np.unique(values if left_out is None else values[~left_out], return_counts=True)
    if not len(levels):
        return NO_COMB
    unit = levels[0] >= 0 and levels[-1] <= 1
    eight = unit and len(levels) <= 256 and np.allclose(levels * 255, np.round(levels * 255), atol=1e-3)
    low, high = max(2.0, AROUND[0] * rough), min(AROUND[1] * rough, MOST_IN_8_BITS if eight else MOST_PHOTONS)
    if not low < high or len(levels) > MOST_LEVELS:
        return NO_COMB
    between = (levels != 0) & (levels != 1)  # the ends lie on every comb
    if between.sum() < 2 or counts[between].sum() < FEWEST_BETWEEN:
        return NO_COMB
    levels, weight = levels[between], counts[between] / counts[between].sum()
    fractional, whole = np.arange(low, min(high, FRACTIONAL), FINENESS), np.arange(np.ceil(low), high)
    tried, order = np.unique(np.concatenate([fractional, whole]), return_index=True)
    waves = np.concatenate([_waves(some, levels, weight) for some in (fractional, whole)])[order]
    if eight:
        return _in_8_bits(tried, waves, levels, weight)
    fits = np.abs(waves)
    # Twice as many photons fit as well: the first that does is meant, and near it the best.
    first = int(np.argmax(fits >= ALIKE * fits.max()))
    near = np.flatnonzero(np.abs(tried - tried[first]) <= 1)
    best = float(tried[near[fits[near].argmax()]])
    agrees = sure and STEP_AGREES[0] < rough / best < STEP_AGREES[1]
    if best > 0.8 / float(np.diff(levels).min()) and not agrees:
        return NO_COMB
    finer = best + np.arange(-FINENESS, FINENESS, FINEST)
    nearest = np.round([best])  # files are scaled by whole numbers, if they tell nothing else
    waves = np.concatenate([_waves(some, levels, weight) for some in (finer, nearest)])
    finer = np.append(finer, nearest)
    fits = np.abs(waves)
    at = len(finer) - 1 if fits[-1] >= fits.max() - 0.002 else int(fits.argmax())
    photons, fit = float(finer[at]), float(fits[at])
    offset = _offset(photons, complex(waves[at]), zero, zero_error, lowest=float(levels[0]))
    found = fit >= COMB and (offset == 0 or fit >= EXACT_COMB)
    return Comb(photons, fit, found, offset)


def sparse_counts(y: Tensor) -> Comb:
    """Whole numbers from 0 on, few, whose differences are as large as those of counts in all directions.

    Both where there is much light and where there is little of it, as half of the light each has. What is drawn, and
    dither, differ more in some directions than in others, and labels hardly at all.
    """
    planes = y.detach().double().cpu().numpy()[0]
    levels = np.unique(planes)
    if not FEWEST_LEVELS <= len(levels) <= 1 / COARSEST or levels[0] != 0:
        return NO_COMB
    step = float(np.diff(levels).min())
    whole = levels / step
    if step < COARSEST or np.abs(whole - np.round(whole)).max() > WHOLE_PHASE:
        return NO_COMB
    counts = np.round(planes / step)
    if (counts > 0).sum() < FEWEST_SPARSE or np.median(counts) > 0:
        return NO_COMB
    alike = all(
        DISPERSION[0] <= found <= DISPERSION[1]
        for down, right in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
        for found in _dispersions(counts, down, right)
    )
    return Comb(1 / step, 1.0, True) if alike else NO_COMB


def _dispersions(counts: Values, down: int, right: int) -> tuple[float, float]:
    """Squared differences by sums of (C, h, w) at one distance, in the brighter and in the darker blocks."""
    height, width = counts.shape[1] - down, counts.shape[2] - right
    one, other = counts[:, :height, :width], counts[:, down:, right:]
    rows, columns = (side // SIDE_OF_BLOCK * SIDE_OF_BLOCK for side in (height, width))

    def by_block(values: Values) -> Values:
        split = values[:, :rows, :columns].reshape(
            len(values), rows // SIDE_OF_BLOCK, SIDE_OF_BLOCK, columns // SIDE_OF_BLOCK, SIDE_OF_BLOCK
        )
        return np.asarray(split.sum(axis=(2, 4)).ravel())

    sums, squares = by_block(one + other), by_block((one - other) ** 2)
    order = np.argsort(-sums)
    bright = np.cumsum(sums[order]) <= sums.sum() / 2
    found = [
        float(squares[order][part].sum() / max(sums[order][part].sum(), 1e-12)) for part in (bright, ~bright)
    ]
    return found[0], found[1]


def _waves(tried: Values, levels: Values, weight: Values) -> NDArray[np.complex128]:
    """The mean of exp(2πi · photons · value) for numbers of photons at equal distances.

    Each is a number in large steps and one in small ones, whose waves are multiplied: of 2,000 × 400 numbers that takes
    90 × 400 exponentials, and a product of matrices.
    """
    if not len(tried):
        return np.zeros(0, np.complex128)
    small = math.ceil(math.sqrt(len(tried)))
    apart = (tried[-1] - tried[0]) / max(1, len(tried) - 1)
    near = np.exp(2j * np.pi * apart * np.arange(small)[:, None] * levels)
    far = np.exp(2j * np.pi * tried[::small, None] * levels) * weight
    return np.asarray((far @ near.T).ravel()[: len(tried)])


def _offset(photons: float, wave: complex, zero: float, error: float, *, lowest: float) -> float:
    """Where counts begin: at the phase of the comb, and of the teeth that have it at the one nearest to ``zero``."""
    phase = float(np.angle(wave)) / (2 * np.pi)  # in counts, from −0.5 to 0.5
    if abs(phase) < WHOLE_PHASE and abs(zero) <= max(3 * error, 1 / photons):
        return 0.0
    counts = round(zero * photons - phase)
    while (counts + phase) / photons > lowest + WHOLE_PHASE / photons:
        counts -= 1
    return (counts + phase) / photons


def _in_8_bits(tried: Values, waves: NDArray[np.complex128], levels: Values, weight: Values) -> Comb:
    """The comb of counts that were rounded to 8 bits; 255 − P photons have the same waves as P, but other teeth."""
    whole = np.round(levels * 255).astype(int)
    fits = np.abs(waves)
    found: list[tuple[float, float, float]] = []
    for index in np.flatnonzero(fits >= LEAST_FIT):
        if found and tried[index] > found[0][0] + 1:
            break  # twice as many photons fit as well
        on, missed = _on_teeth(float(tried[index]), whole, weight)
        if on >= ON_TEETH and missed >= MISSED:
            found.append((float(tried[index]), on, float(fits[index])))
    if not found:
        best = int(fits.argmax())
        return Comb(float(tried[best]), float(fits[best]), False)
    most = max(on for _, on, _ in found)
    able = [(photons, fit) for photons, on, fit in found if on >= most - 0.002]
    whole_ones = [one for one in able if abs(one[0] - round(one[0])) < 1e-9]
    photons, fit = max(whole_ones or able, key=lambda one: one[1])
    return Comb(photons, fit, _taken(photons, whole, weight) >= LEAST_TAKEN, rounded=True)


def _taken(photons: float, whole: NDArray[np.int_], weight: Values) -> float:
    """The share of whole counts that occur, between those of nearly the darkest and the brightest values."""
    counts = np.round(whole / 255 * photons)
    low, high = counts[np.searchsorted(np.cumsum(weight), (TAILS, 1 - TAILS)).clip(0, len(counts) - 1)]
    there = np.unique(counts[(counts >= low) & (counts <= high)])
    return len(there) / float(high - low + 1)


def _on_teeth(photons: float, whole: NDArray[np.int_], weight: Values) -> tuple[float, float]:
    """The share of values on levels that counts are rounded to, and how much of the rest, by chance, is missing."""
    teeth = np.zeros(256, dtype=bool)
    places = np.arange(int(photons) + 1) / photons * 255
    for shift in (-HALF, HALF):  # what lies between two levels may have been rounded to either
        teeth[np.clip(np.round(places + shift), 0, 255).astype(int)] = True
    on = float(weight[teeth[whole]].sum())
    spread = np.convolve(np.bincount(whole, weight, minlength=256), np.ones(9) / 9, mode="same")
    chance = float(spread[~teeth].sum() / max(spread.sum(), 1e-12))
    return on, 0.0 if chance < 0.02 else 1 - (1 - on) / chance
