"""The mixture: what an ensemble of candidates would reach, from their scores and from how much their pictures differ.

A mixture with weights w has the error wᵀ P w, where P holds the mean products of the candidates' errors. From two
scores and the mean squared difference of two pictures follows P_ij = (s_i + s_j − d_ij²) / 2, so that sketches do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..fitting.ensemble import RIDGE, ensemble_weights

LEAST_SHARE = 0.1
"""A mixture is not believed to have less than this share of the error of the best candidate: scores are noisy."""


MOST = 32
"""Candidates that are reckoned with, the best ones: of 24 about 14 had a weight, and decisions shall be quick."""


class Drawn(Protocol):
    """A candidate with a sketch and a score."""

    @property
    def number(self) -> int: ...

    @property
    def sketch(self) -> NDArray[np.float32] | None: ...

    @property
    def mse(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Mixture:
    """The best mixture of some candidates.

    Args:
        numbers: of the candidates.
        products: P, ``(K, K)``.
        others: how many worse ones are left out.
    """

    numbers: tuple[int, ...]
    products: NDArray[np.float64]
    others: int = 0

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Theirs, not negative, sum 1, ``(K,)``."""
        return _weights(self.products)

    @cached_property
    def error(self) -> float:
        """Its mean squared error."""
        return _error(self.products, self.weights)

    def gain_if_better(self, number: int, rise: float) -> float:
        """How many dB it gains when one candidate's error shrinks by ``rise`` dB, the same everywhere."""
        if number not in self.numbers or rise <= 0:
            return 0.0
        place, shrunk = self.numbers.index(number), 10 ** (-rise / 20)
        products = self.products.copy()
        products[place] *= shrunk
        products[:, place] *= shrunk
        return 10 * math.log10(self.error / _error(products, _weights(products)))

    def gain_of_one_more(self) -> float:
        """How many dB one more candidate is expected to bring: what each of those there brought, on average."""
        count = len(self.numbers)
        return math.inf if count < 2 else sum(map(self._brought, range(count))) / (count + self.others)

    def _brought(self, index: int) -> float:
        """How many dB the mixture would lose without one candidate; nothing where that has no weight."""
        if self.weights[index] <= 0:
            return 0.0
        rest = np.flatnonzero(np.arange(len(self.numbers)) != index)
        products = self.products[rest[:, None], rest]
        return max(0.0, 10 * math.log10(_error(products, _weights(products)) / self.error))


def mixture_of(candidates: Sequence[Drawn]) -> Mixture:
    """The mixture of the best candidates whose sketch and score can be reckoned with."""
    there = [one for one in candidates if one.sketch is not None and math.isfinite(one.mse) and one.mse > 0]
    best = sorted(there, key=lambda one: one.mse)[:MOST]
    return Mixture(tuple(one.number for one in best), error_products(best), len(there) - len(best))


def error_products(candidates: Sequence[Drawn]) -> NDArray[np.float64]:
    """The mean products of their errors, ``(K, K)``."""
    if not candidates:
        return np.zeros((0, 0))
    sketches = np.stack([np.asarray(one.sketch, dtype=np.float64) for one in candidates])
    errors = np.array([one.mse for one in candidates])
    squares = (sketches**2).mean(axis=1)
    apart = np.clip(squares[:, None] + squares - 2 * sketches @ sketches.T / sketches.shape[1], 0, None)
    return np.asarray((errors[:, None] + errors - apart) / 2)


def _weights(products: NDArray[np.float64]) -> NDArray[np.float64]:
    return ensemble_weights(products, ridge=RIDGE * float(products.diagonal().min()))


def _error(products: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return max(float(weights @ products @ weights), LEAST_SHARE * float(products.diagonal().min()))
