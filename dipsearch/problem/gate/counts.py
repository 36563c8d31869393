"""Counts: whether the values of a picture are whole numbers of photons, and how much one of them is.

The variance of counts is their mean, so the noise says roughly what one count adds. Then the values have to
lie on a comb of that spacing, which no other noise does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

AROUND = (1 / 1.6, 2.6)
"""Where the number of photons is looked for, by the rough one: texture makes the noise look too strong."""

FINENESS = 0.1  # of a count, at the value 1
MOST_LEVELS = 4000  # more distinct values than that are not counted
MOST_PHOTONS, MOST_IN_8_BITS, FRACTIONAL = 2000.0, 170.0, 400.0
FEWEST_BETWEEN = 500
ALIKE = 0.9
COMB = 0.5


@dataclass(frozen=True)
class Comb:
    """How well values lie on a comb: ``photons`` of its teeth fit between 0 and 1.

    ``fit`` is |mean exp(2πi · photons · y)|: 1 for whole counts, 0.77 for 100 photons rounded to 8 bits, about 0
    for anything else. ``found`` says whether it reaches 0.5.
    """

    photons: float
    fit: float
    found: bool


NO_COMB = Comb(0.0, 0.0, False)


def find_comb(y: Tensor, *, rough: float) -> Comb:
    """Look for the number of photons that the value 1 stands for, around the ``rough`` one.

    Pictures of 8 bits are on a comb of 255 anyway and are not looked at beyond 170 photons, where counts can
    hardly be told from rounding; other ones up to 2000.
    """
    levels, counts = np.unique(y.detach().double().cpu().numpy(), return_counts=True)
    eight = len(levels) <= 256 and np.allclose(levels * 255, np.round(levels * 255), atol=1e-3)
    low, high = max(2.0, AROUND[0] * rough), min(AROUND[1] * rough, MOST_IN_8_BITS if eight else MOST_PHOTONS)
    if not low < high or len(levels) > MOST_LEVELS:
        return NO_COMB
    between = (levels != 0) & (levels != 1)  # the ends lie on every comb
    if counts[between].sum() < FEWEST_BETWEEN:
        return NO_COMB
    levels, weight = levels[between], counts[between] / counts[between].sum()
    fractional = np.arange(low, min(high, FRACTIONAL), FINENESS)
    tried = np.unique(np.concatenate([fractional, np.arange(np.ceil(low), high)]))
    fits = np.concatenate(
        [
            np.abs(np.exp(2j * np.pi * part[:, None] * levels) @ weight)
            for part in np.array_split(tried, 1 + len(tried) * len(levels) // 1_000_000)
        ]
    )
    # Twice as many photons fit as well: the first that does is meant, and near it the best.
    first = int(np.argmax(fits >= ALIKE * fits.max()))
    near = np.flatnonzero(np.abs(tried - tried[first]) <= 1)
    best = int(near[fits[near].argmax()])
    whole = int(np.abs(tried - round(tried[best])).argmin())
    if abs(tried[whole] - round(tried[best])) < 1e-9 and fits[whole] >= fits[best] - 0.02:
        best = whole  # files are scaled by whole numbers, if they tell nothing else
    return Comb(float(tried[best]), float(fits[best]), bool(fits[best] >= COMB))
