"""Stabilisers: maps under which noise that grows with the signal becomes noise of one strength, and the ways back.

A filter of similar patches expects white Gaussian noise. For counts and for speckle it works on ``forward(y)``,
and ``inverse`` takes its answer back. The way back is not the algebraic inverse: a filter averages, and the mean
of a transformed value is not the transform of the mean. It is tabulated once, and exactly, instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

NODES = 2048
QUADRATURE = 200
"""Values of a table between which is interpolated, and points of an integral."""

TAIL = 9.0
"""Standard deviations of Gaussian noise that are integrated over; beyond lie 1e-19 of it."""

LARGEST_MEAN = 200.0
"""Counts up to which the mean of the root is tabulated; from here on its expansion is exact to 1e-7 of a count."""

LARGEST_RATIO = 2048.0
"""Multiples of the floor up to which the mean of the logarithm is tabulated."""

SMALLEST_RATIO = 0.02  # of a value to the floor, where that table begins
HARDLY_ABOVE = 1e-6  # the floor: means so near to it are left out of the inverse, where its slope is 0
MID_GREY = 0.5  # the value whose noise stands for all


@dataclass(frozen=True, eq=False)
class Table:
    """A rising curve through (nodes, values), float64 on the CPU."""

    nodes: Tensor
    values: Tensor

    def at(self, z: Tensor) -> Tensor:
        """Interpolate linearly, on the device and in the precision of z; beyond the ends the end values hold."""
        nodes, values = self.nodes.to(z), self.values.to(z)
        right = torch.searchsorted(nodes, z.contiguous()).clamp(1, len(nodes) - 1)
        left = right - 1
        width = (nodes[right] - nodes[left]).clamp_min(1e-12)  # neighbours may be equal in float32
        return torch.lerp(values[left], values[right], ((z - nodes[left]) / width).clamp(0, 1))


@dataclass(frozen=True)
class GeneralisedAnscombe:
    """For y = ``gain`` · Poisson(λ) + N(``offset``, ``read_sigma``²): photon counts with the noise of reading them out.

    The noise after ``forward`` has a variance of 1 within 1 % from λ = 4 on, and less below (0.7 at λ = 1). With a
    noise of reading of one count it is up to 9 % more (λ = 2). Values that were cut off at the upper end of a range
    are not accounted for.

    Source: Mäkitalo and Foi, Optimal inversion of the Anscombe transformation in low-count Poisson image
    denoising, IEEE TIP 2011, and Optimal inversion of the generalized Anscombe transformation for
    Poisson-Gaussian noise, IEEE TIP 2013.

    Raises:
        InputError: the gain is not above 0, or the noise of reading below 0.
    """

    gain: float
    offset: float = 0.0
    read_sigma: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.gain < math.inf and 0 <= self.read_sigma < math.inf and math.isfinite(self.offset)):
            raise InputError(
                f"the gain is {self.gain}, the offset {self.offset} and the noise of reading {self.read_sigma}",
                "the gain is above 0, the noise of reading not below 0, and all are finite",
                "give for example gain=1/30 when the value 1 stands for 30 counts",
            )

    def forward(self, y: Tensor) -> Tensor:
        """Return 2 √(counts + 3/8 + s²), s being the noise of reading in counts; values below 0 count as 0."""
        counts = (y - self.offset) / self.gain
        return 2 * (counts + 3 / 8 + self._reading**2).clamp_min(0).sqrt()

    def inverse(self, z: Tensor) -> Tensor:
        """Return gain · λ + offset for the λ at which ``forward`` has the mean z: the exact unbiased inverse.

        A z below the mean at λ = 0 gives λ = 0.
        """
        correction = _root_correction(self._reading)
        start, end = (float(correction.nodes[i]) for i in (0, -1))
        z = z.clamp_min(start)
        shift = math.sqrt(1 / 8 + self._reading**2)
        decay = (end / z.clamp_min(end)) ** 4
        # A product, because with much noise of reading the difference of squares would cancel in float32.
        counts = (z / 2 - shift) * (z / 2 + shift) + correction.at(z) * decay
        return self.gain * counts.clamp_min(0) + self.offset

    @property
    def _reading(self) -> float:
        return self.read_sigma / self.gain


@dataclass(frozen=True)
class Logarithm:
    """For speckle, y = x (1 + n) with n ~ N(0, ``speckle``²): ``forward`` is log(max(y, floor) / floor) / s.

    The logarithm has no answer for y ≤ 0, which strong speckle (from about 0.3 on) and black areas lead to: all
    below ``floor`` counts as the floor. s is the standard deviation of the logarithm for x = 0.5. Towards black the
    noise becomes less: at x = 0.05 by nothing for a speckle of 0.2, by 16 % for 0.35, by 41 % for 0.6. A lower floor
    keeps darker details and makes the noise of strong speckle less even. Values that were cut off at 1 are not
    accounted for.

    Raises:
        InputError: the speckle or the floor is not above 0.
    """

    speckle: float
    floor: float = 4 / 255

    def __post_init__(self) -> None:
        if not (0 < self.speckle < math.inf and 0 < self.floor < math.inf):
            raise InputError(
                f"the speckle is {self.speckle} and the floor {self.floor}",
                "both are above 0",
                "give the standard deviation of the speckle as a share of the value, for example 0.2",
            )

    def forward(self, y: Tensor) -> Tensor:
        """Return 0 for all y up to the floor, above it the logarithm in units of its noise."""
        return (y.clamp_min(self.floor) / self.floor).log() / self._spread

    def inverse(self, z: Tensor) -> Tensor:
        """Return the x at which ``forward`` has the mean z, the floor included: the exact unbiased inverse.

        A z of 0 or less gives x = 0.
        """
        table = _logarithm_table(self.speckle)
        mean = z * self._spread
        beyond = (mean - float(table.nodes[-1])).clamp_min(0).exp()
        return self.floor * table.at(mean) * beyond

    @property
    def _spread(self) -> float:
        return _logarithm_spread(self.speckle, MID_GREY / self.floor)


Stabiliser = GeneralisedAnscombe | Logarithm
"""A map of measurements to values whose noise has a standard deviation of 1 everywhere, and its inverse."""


@lru_cache(maxsize=64)
def _root_correction(reading: float) -> Table:
    """What λ is above D²/4 − 1/8 − s², where D is the mean of the root and s ``reading``, over D.

    The expansion of D in λ has no term of the order 1/λ; what is left falls as D⁻⁴.
    """
    start = 3 / 8 + reading**2
    roots = torch.linspace(math.sqrt(start), math.sqrt(LARGEST_MEAN + start), NODES, dtype=torch.float64)
    means = (roots.square() - start).clamp(min=0)
    means[0] = 0
    counts = torch.arange(math.ceil(LARGEST_MEAN + 12 * math.sqrt(LARGEST_MEAN)) + 20, dtype=torch.float64)
    expected_of_count = _mean_root(counts + start, reading)
    expected = []
    for some in torch.split(means, 256):  # keeps the table of probabilities within a few megabytes
        log_chance = torch.special.xlogy(counts, some[:, None]) - some[:, None] - torch.lgamma(counts + 1)
        expected.append(log_chance.exp() @ expected_of_count)
    D = torch.cat(expected)
    return Table(D, means - (D.square() / 4 - 1 / 8 - reading**2))


def _mean_root(centre: Tensor, spread: float) -> Tensor:
    """E[2 √max(t, 0)] for t ~ N(centre, spread²), centre (N,).

    Gauss–Hermite nodes do badly at the kink of the root in 0. Over u = √t the integrand is smooth.
    """
    if spread == 0:
        return 2 * centre.sqrt()
    low, high = ((centre + side * TAIL * spread).clamp_min(0).sqrt() for side in (-1, 1))
    return _integrate(
        lambda u: 4 * u.square() * _density((u.square() - centre[:, None]) / spread) / spread, low, high
    )


@lru_cache(maxsize=64)
def _logarithm_table(speckle: float) -> Table:
    """The ratio x / floor over E[log max(x (1 + n) / floor, 1)]; black where hardly anything exceeds the floor."""
    ratios = torch.linspace(
        math.log(SMALLEST_RATIO), math.log(LARGEST_RATIO), 2 * NODES, dtype=torch.float64
    ).exp()
    means = _logarithm_moment(ratios, speckle, power=1)
    visible = means > HARDLY_ABOVE
    black = torch.zeros(1, dtype=torch.float64)
    return Table(torch.cat((black, means[visible])), torch.cat((black, ratios[visible])))


@lru_cache(maxsize=64)
def _logarithm_spread(speckle: float, ratio: float) -> float:
    at = torch.tensor([ratio], dtype=torch.float64)
    mean, square = (_logarithm_moment(at, speckle, power=power) for power in (1, 2))
    return math.sqrt(float(square - mean.square()))


def _logarithm_moment(ratio: Tensor, speckle: float, *, power: int) -> Tensor:
    """E[vᵖ] for v = log max(ratio (1 + n), 1), n ~ N(0, speckle²), ratio (N,).

    Over v itself the integrand is smooth; over n it has the pole of the logarithm beside it.
    """
    low, high = ((ratio * (1 + side * TAIL * speckle)).clamp_min(1).log() for side in (-1, 1))

    def integrand(v: Tensor) -> Tensor:
        relative = v.exp() / ratio[:, None]
        return v**power * _density((relative - 1) / speckle) * relative / speckle

    return _integrate(integrand, low, high)


def _density(t: Tensor) -> Tensor:
    return torch.exp(-t.square() / 2) / math.sqrt(2 * math.pi)


def _integrate(integrand: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Integrate (N, nodes) -> (N, nodes) from ``low`` to ``high`` (N,) by Gauss and Legendre."""
    points, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(QUADRATURE))
    half = (high - low) / 2
    at = low[:, None] + half[:, None] * (points + 1)
    return half * (integrand(at) @ weights)
