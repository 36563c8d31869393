"""Photons: gain and zero of counted light, from the line of the noise's variance against the mean.

A camera gives y = g · Poisson(n) + N(o, r²): gain g, offset o, noise of reading r. So the variance is g ·
(mean − o) + r², a straight line whose slope is the gain. Where it would reach 0, at o − r²/g, is the *zero*:
that is all of offset and noise of reading that a line tells, and all that the strength of the noise depends
on. An offset of its own shows only where the picture is dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..array_types import Bits, Values
from .blocks import BESIDE_MIDDLE, MIDDLE, OVERLAP, Blocks, floor

BINS, FEWEST = 8, 10
"""Bins of equally many blocks, and of equal width beside them, with at least so many blocks each."""

FLAT, QUIETER = 0.5, 0.4
"""Share of the blocks of a bin that count, the flattest by the middle band, whose noise is independent of what is
measured; and the quantile of their strengths that is taken. Simulated cells, fibres, beads, nuclei, membranes and
spots with 40 photons, eight each: gain by the true one 0.96, 0.95, 0.91, 0.96, 0.93, 0.86 with 0.3, and 0.97, 0.95,
0.91, 0.96, 0.95, 0.87 with 0.4; with 0.5 speckle of a tenth is taken for photons (camera)."""

SIGNIFICANCE, GROWTH, LIKELY = 6.0, 1.85, 3.0
"""Of the slope by its error, and of the variance at the bright end by that at the dark one. On crops of fourteen tuning
pictures with white noise of sigma 10, 15, 25 and 40 no line had 6 of the first and 1.4 of the second; with sigma 5 one
had (chelsea, 1.81)."""

ROUNDS, MUCH = 8, 1.5
"""Bins that lie further above the line than so many standard errors count less."""

STRAIGHT = 1.25
"""Speckle's variance is a parabola; a line is kept unless that fits so many times better. On coffee, chelsea, rocket
and camera the ratio was 0.20 to 0.53 for speckle of 10 and 30 %, 1.24 to 3.9 for 20 to 200 photons. Of speckle in
small pictures it comes near 1: where the line leaves no noise well above the darkest places, which those of photons do
not, it is speckle up to this figure itself (64 pixels of zebra, 20 %: 31.9 dB, as a line 23.1)."""

LEAST_SPECKLE = 0.5
"""Of the variance that speckle has in the darkest places: less than that is in the dark of no speckle. Stars of 20,000
and 40,000 photons looked like speckle of 7 and 8 %, which was 0.2 and 0.25."""

DARK = 0.005
"""Quantile of the mean values that stands for the darkest place: a few dead pixels do not count."""


@dataclass(frozen=True)
class PhotonLine:
    """Variance of the noise against brightness, as counted photons have it; in units of [0, 1].

    Attributes:
        gain, gain_error: the slope and its standard error.
        zero, zero_error: the brightness at which no noise would be left, and its standard error.
        least: the smallest variance of any bin: of dark places, where noise of reading alone is left.
        growth: the variance in the brightest bin by that in the darkest one.
        straight: the distance of a parabola from the variances, by that of the line.
        dark: the mean of the darkest places.
        bright_sigma: standard deviation in the brightest bin, by the line.
        share: standard deviation as a share of brightness, where it grows with that.
        surely_noise: whether it is known from elsewhere that nothing but noise is in it.
    """

    gain: float
    gain_error: float
    zero: float
    zero_error: float
    least: float
    growth: float
    straight: float
    dark: float
    bright_sigma: float
    share: float
    surely_noise: bool = False

    def variance(self, mean: Values) -> Values:
        """What the line says for places of so many brightnesses, and at least what the darkest ones have."""
        return np.maximum(self.gain * (mean - self.zero), max(self.least, 1e-15))

    @property
    def grows(self) -> bool:
        """Whether the noise grows with brightness at all, for sure."""
        sure = self.sure if self.surely_noise else self.gain >= SIGNIFICANCE * self.gain_error
        return sure and self.gain > 0 and self.growth >= GROWTH

    @property
    def speckled(self) -> bool:
        """Whether its standard deviation, not its variance, grows with brightness.

        A line that leaves no noise well above the darkest places is bent for that alone.
        """
        bent = self.zero > self.dark + 3 * self.zero_error
        curved = self.grows and self.straight < (STRAIGHT if bent else 1 / STRAIGHT)
        return curved and self.least >= LEAST_SPECKLE * (self.share * self.dark) ** 2

    @property
    def found(self) -> bool:
        """Whether the noise grows with the light as that of photons does, for sure."""
        return self.grows and self.straight >= 1 / STRAIGHT and self.zero <= self.dark + 3 * self.zero_error

    @property
    def likely(self) -> bool:
        """The same, where it is known from elsewhere that noise grows."""
        return self.sure and self.straight >= 1 / STRAIGHT and self.zero <= self.dark + 3 * self.zero_error

    @property
    def sure(self) -> bool:
        """Whether the gain is more than chance."""
        return self.gain > 0 and self.gain >= LIKELY * self.gain_error

    def surer_than(self, other: PhotonLine) -> bool:
        """Whether the gain has the smaller standard error, by what it is."""
        return self.gain_error * other.gain < other.gain_error * self.gain

    @property
    def read_sigma(self) -> float:
        """The noise of reading where the darkest places are taken to be without light."""
        return math.sqrt(max(self.gain * (self.dark - self.zero), 0.0))

    @property
    def read_sigma_error(self) -> float:
        """The standard error of ``read_sigma``, from those of the gain and of the zero."""
        dark = max(self.dark - self.zero, 0.0)
        square = math.hypot(dark * self.gain_error, self.gain * self.zero_error)
        return square / (2 * max(self.read_sigma, math.sqrt(square), 1e-15))


NO_LINE = PhotonLine(0.0, math.inf, 0.0, math.inf, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0)


def photon_line(blocks: Blocks) -> PhotonLine:
    """Fit it; ``NO_LINE`` from fewer than three bins."""
    first = _fitted(blocks, np.ones(len(blocks.mean)))
    if first.gain <= 0:
        return first
    # Within a bin the darker blocks are the quieter ones: now by what the line says for each.
    expected = first.gain * (blocks.mean - first.zero)
    return _fitted(blocks, np.maximum(expected, 0.05 * max(float(np.median(expected)), 1e-15)))


def _fitted(blocks: Blocks, expected: Values) -> PhotonLine:
    mean, variance, count = _points(blocks, expected)
    freedom = count * BESIDE_MIDDLE.sum() / OVERLAP
    return fitted_line(mean, variance, freedom, dark=float(np.quantile(blocks.mean, DARK)))


def fitted_line(
    mean: Values,
    variance: Values,
    freedom: Values,
    *,
    dark: float | None = None,
    ends: tuple[float, float] | None = None,
) -> PhotonLine:
    """Fit it to variances at so many brightnesses; ``NO_LINE`` from fewer than three.

    Args:
        freedom: of each variance, how many squares of noise it is the mean of.
        dark: the mean of the darkest places; by default the darker end.
        ends: the brightnesses between which the growth is meant; by default the first and the last.
    """
    if len(mean) < 3:
        return NO_LINE
    line, curve = (_curve(mean, variance, freedom, power=power) for power in (1, 2))
    intercept, slope = line.values
    if slope <= 0:
        return NO_LINE
    zero = -intercept / slope
    covariance = line.covariance * max(line.misfit, 1.0)
    # d zero = −(d intercept + zero · d slope) / slope
    spread = covariance[0, 0] + 2 * zero * covariance[0, 1] + zero**2 * covariance[1, 1]
    first, last = float(line.fitted[0]), float(line.fitted[-1])
    if ends is not None:
        first, last = (max(float(intercept + slope * end), 0.05 * first) for end in ends)
    return PhotonLine(
        gain=slope,
        gain_error=math.sqrt(max(float(covariance[1, 1]), 0.0)),
        zero=zero,
        zero_error=math.sqrt(max(float(spread), 0.0)) / slope,
        least=float(variance.min()),
        growth=last / first,
        straight=(curve.distance + 1) / (line.distance + 1),
        dark=float(mean.min()) if dark is None else dark,
        bright_sigma=math.sqrt(last),
        share=math.sqrt(max(curve.values[1], 0.0)),
    )


@dataclass(frozen=True)
class _Fit:
    """A constant and a power of brightness, fitted to variances.

    Args:
        values, covariance: of both coefficients.
        fitted: variances.
        misfit: χ² for every degree of freedom, without what is doubted.
        distance: the same, where a residual counts as its logarithm, so that doubt hides nothing.
    """

    values: tuple[float, float]
    covariance: Values
    fitted: Values
    misfit: float
    distance: float


def _curve(mean: Values, variance: Values, freedom: Values, *, power: int) -> _Fit:
    design = np.stack([np.ones_like(mean), mean**power], axis=1)
    error = variance * np.sqrt(2 / freedom)
    doubt = np.ones_like(mean)
    for _ in range(ROUNDS):  # the error of a variance is a share of the true one, so of what the curve says
        weight = doubt / np.maximum(error, 1e-15) ** 2
        inverse = np.linalg.pinv(design.T @ (design * weight[:, None]))
        values = inverse @ (design.T @ (weight * variance))
        fitted = np.maximum(design @ values, 0.5 * variance.min())
        error = fitted * np.sqrt(2 / freedom)
        above = np.maximum((variance - fitted) / np.maximum(error, 1e-15), MUCH)
        doubt = (MUCH / above) ** 2  # texture adds to the noise and takes nothing away
    residual, left = (variance - fitted) ** 2, len(mean) - 2
    return _Fit(
        (float(values[0]), float(values[1])),
        inverse,
        fitted,
        misfit=float(np.sum(weight * residual)) / left,
        distance=float(np.sum(np.log1p(residual / np.maximum(error, 1e-15) ** 2))) / left,
    )


def bins_of(brightness: Values, *, fewest: float) -> Iterator[Bits]:
    """Which of (n,) are in each bin: as many in every one, or as wide as the others, and no fewer than that."""
    shares = np.linspace(0, 1, BINS + 1)
    even = np.linspace(brightness.min(), brightness.max(), BINS + 1)
    edges = np.unique(np.concatenate([np.quantile(brightness, shares), even]))
    low = edges[0]
    for high in edges[1:]:
        inside = (brightness >= low) & ((brightness < high) | (high == edges[-1]))
        if inside.sum() >= fewest:  # else the bin goes on
            yield inside
            low = high


def _points(blocks: Blocks, expected: Values) -> tuple[Values, Values, Values]:
    """Mean, variance and number of blocks in bins of brightness, from their quieter ones; ``expected``
    variances (n,)."""
    steady = blocks.by(expected)
    found = []
    for inside in bins_of(blocks.mean, fewest=FEWEST):
        part = steady.part(inside)
        middle = part.power[:, MIDDLE].mean(1)
        flat = middle <= np.quantile(middle, FLAT)
        strength = floor(part.part(flat), BESIDE_MIDDLE, quantile=QUIETER)
        typical = float(expected[inside][flat].mean())
        found.append((float(part.mean[flat].mean()), strength**2 * typical, float(inside.sum()) * FLAT))
    table = np.array(found, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
