"""Features of a measurement: a few cheap numbers that say which measurements are alike, to choose what comes first.

They are made of what was measured and of its first answer, never of a reference. A picture of a million pixels takes
about a second.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from dipsearch.errors import InputError
from dipsearch.problem import Problem

LONGEST = 512
"""Pixels along a side that are looked at: the middle of a larger picture says enough."""

PATCH, PATCHES = 6, 600
"""Side of the patches that are compared, and how many: every one with every other one takes a few milliseconds."""

LEAST_PERIODS, LEAST_PIXELS = 4, 4
"""The slope of a spectrum is taken from so many periods in the picture to so many pixels a period: between its layout
and what an operator takes away."""


@dataclass(frozen=True)
class MeasurementFeatures:
    """What a measurement is like.

    Args:
        size: log2 of the pixels of the restored picture.
        channels: of it.
        noise: standard deviation of its noise, of values in [0, 1]; 0 where there is none or nothing is known of it.
        missing: share of the measured values that are missing, 0 to 1.
        gap: log2 of 1 + the mean distance in pixels from a missing value to the nearest measured one: large for holes.
        reduction: log2 of the pixels of the picture for each value of a channel that was measured, 0 to 16.
        slope: of the logarithm of the power over that of the frequency: −2 for most photos, lower for smooth ones.
        contrast: standard deviation of the picture.
        similarity: 1 − the distance of a patch to its nearest other one, in that of two of them at random; 0 to 1.
    """

    size: float
    channels: float
    noise: float
    missing: float
    gap: float
    reduction: float
    slope: float
    contrast: float
    similarity: float

    def to_dict(self) -> dict[str, float]:
        """By name, rounded to four digits."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


FEATURES = tuple(MeasurementFeatures.__dataclass_fields__)


def features_of(problem: Problem, image: Tensor) -> MeasurementFeatures:
    """The features of a measurement; every one is finite, also of pictures that are constant, tiny or all missing.

    Args:
        problem: what was measured.
        image: a quick restoration of it, (1, C, H, W).

    Raises:
        InputError: the image is of another shape.
    """
    if tuple(image.shape) != tuple(problem.image_shape):
        raise InputError(
            f"the restoration has the shape {tuple(image.shape)}",
            f"the problem's image has {tuple(problem.image_shape)}",
            "give a restoration of this very measurement",
        )
    _, channels, height, width = problem.image_shape
    known = problem.observed.amax(dim=1)[0].cpu().numpy() > 0  # (h, w)
    grey = _middle(np.nan_to_num(image[0].mean(dim=0).double().cpu().numpy(), posinf=0.0, neginf=0.0))
    return MeasurementFeatures(
        size=math.log2(height * width),
        channels=float(channels),
        noise=_noise(problem),
        missing=float(1 - known.mean()),
        gap=_gap(known),
        reduction=min(16.0, max(0.0, math.log2(channels * height * width / max(problem.y.numel(), 1)))),
        slope=_slope(grey),
        contrast=float(min(grey.std(), 10.0)),
        similarity=_similarity(grey),
    )


def _noise(problem: Problem) -> float:
    noise = problem.noise
    if noise.sigma is not None:
        return float(min(noise.sigma, 10.0))
    if noise.gain is not None:  # of counts: at the mean brightness
        return float(min(math.sqrt(noise.gain * max(float(problem.y.mean()), 0.0)), 10.0))
    return 0.0


def _gap(known: NDArray[np.bool_]) -> float:
    if known.all():
        return 0.0
    if not known.any():  # as far as it goes
        return math.log2(1 + max(known.shape))
    part = _middle(known)
    if part.all() or not part.any():
        part = known
    return math.log2(1 + float(distance_transform_edt(~part)[~part].mean()))


def _middle(values: NDArray[Any]) -> NDArray[Any]:
    top, left = (max(0, (side - LONGEST) // 2) for side in values.shape)
    return values[top : top + LONGEST, left : left + LONGEST]


def _slope(grey: NDArray[np.float64]) -> float:
    """The slope of the spectrum, by least squares over rings of frequencies; 0 where there is nothing to see."""
    side = min(grey.shape)
    rings = np.arange(LEAST_PERIODS, side // LEAST_PIXELS + 1)
    if len(rings) < 3:
        return 0.0
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    rows, columns = (np.fft.fftfreq(length) * side for length in grey.shape)
    ring = np.rint(np.hypot(rows[:, None], columns)).astype(int)
    sums, counts = (
        np.bincount(ring.ravel(), weights=weights, minlength=side + 1)
        for weights in (power.ravel(), np.ones(power.size))
    )
    means = (sums / np.maximum(counts, 1))[rings]
    if not means.min() > 1e-12 * max(1.0, power.max()):
        return 0.0
    return float(np.clip(np.polyfit(np.log(rings), np.log(means), 1)[0], -10, 10))


def _similarity(grey: NDArray[np.float64]) -> float:
    """How near the nearest patch is; 1 where all are the same, or there are too few."""
    rows, columns = grey.shape[0] - PATCH + 1, grey.shape[1] - PATCH + 1
    if rows < 2 or columns < 2:
        return 1.0
    generator = np.random.default_rng(0)
    places = generator.choice(rows * columns, size=min(PATCHES, rows * columns), replace=False)
    windows = np.lib.stride_tricks.sliding_window_view(grey, (PATCH, PATCH))
    patches = windows[places // columns, places % columns].reshape(len(places), -1)
    patches = patches - patches.mean(axis=1, keepdims=True)
    squares = (patches**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * patches @ patches.T, 0)
    # A patch that overlaps is the same content once more.
    overlapping = (np.abs(places[:, None] // columns - places // columns) < PATCH) & (
        np.abs(places[:, None] % columns - places % columns) < PATCH
    )
    if overlapping.all(axis=1).any():
        return 1.0
    typical = float(apart[~overlapping].mean())
    if typical <= 1e-12:
        return 1.0
    nearest = np.where(overlapping, np.inf, apart).min(axis=1)
    return float(np.clip(1 - nearest.mean() / typical, 0, 1))
