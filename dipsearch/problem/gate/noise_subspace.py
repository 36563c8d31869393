"""The noise subspace: the strength of white noise in pictures of several channels, from what their texture leaves free.

Small patches over all channels are vectors, and what a picture holds, fine texture too, varies along few directions
of their space, for it is much the same in every channel. White noise varies along all directions alike: the smallest
eigenvalues of the patches' covariance are its variance. How many belong to it is the largest number whose mean is
their median, as it is of noise (Chen, Zhu and Heng, 2015, An Efficient Statistical Method for Image Noise Level
Estimation). Here channels may have different strengths: they are made equal by what is known of them, and the
subspace says how far they are from it, a few times over.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.ndimage import uniform_filter

from ..array_types import Bits, Values
from .blocks import BESIDE_MIDDLE, MIDDLE
from .clipping import cut_values

SIDE, MOST_VALUES = 4, 150
"""Side of a patch in pixels, and its values over all channels at the most. With 4, 5, 6 and 7 the errors of sigma 40 to
60 were −0.8, −1.7, −2.1 and −2.5 % (median) on the tuning pictures (colour, half size, crops of 96 to 256): the more
values, the smaller the smallest eigenvalues are by chance. Those of sigma 10 to 25 were +1.0 to +2.0 % with all."""

MOST, FEWEST = 20_000, 20
"""Patches that are looked at, a bound on time; and how many there have to be for each of their values: with fewer the
smallest eigenvalues are small by chance (patches overlap: with 10, pure noise on 44 × 44 pixels of one channel was
underrated by 7 %)."""

BLOCK, QUIET = 8, 0.2
"""Of one channel: the side of a block, and the share of them, the quietest, that counts. With 0.05, 0.1 and 0.4 the
errors of sigma 10 were 3.8, 5.0 and 7.4 % (of 0.2: 5.4), those of sigma 25 were 7.7, 2.8 and 1.8 % (1.7)."""

QUIET_BLOCKS = round(FEWEST * int(BESIDE_MIDDLE.sum()) / QUIET)
"""So many blocks are as many quiet ones as there have to be."""

TURNS = 4
"""Channels of sigma (5, 10, 25) and alike, on the tuning pictures: the worst channel's error was 8.4 % (median) after
one turn, 7.2 % after two, 5.9 % after four; 15.5 % before."""

LEAST = 0.02
"""Of the strongest channel's sigma: weaker noise counts as that, so that no channel is divided by nothing."""

DISTANCES, WINDOW, FAR_SHARE = (2.0, 1.5, 1.0), 5, 0.98
"""Sigmas that the surroundings of so many values of a patch have to be away from black and white, tried in turn: nearer
ones were clipped, and say too little. With 0.5 besides, and without 1.0, the errors of sigma 15 to 40 in grey crops of
64 × 64 of the tuning pictures were 3.4 and 3.2 % (median), 9.9 and 10.5 % (95 %), as it is 2.9 and 8.5 %; at 128 × 128
and more there is no difference."""

BRIGHTEST = 0.1
"""Share of the patches that are looked at for themselves: noise that grows with brightness shows in them."""


def noise_of_channels(planes: Values, start: Values, left_out: Bits) -> tuple[Values, Values] | None:
    """Return the standard deviations (C,) of white noise that channels do not share; ``None`` from too few patches.

    On crops of 96 to 256 pixels of the tuning pictures in colour, at half size, the median error was 2.0 % for sigma 10
    (95 % lie below 12 %), 2.3 % from 15 to 25 (4 %), 1.1 % above (7 %), and 7 % from 3 to 5 (57 %), where the pictures
    have noise of their own.

    Args:
        planes: (C, h, w), in units of [0, 1].
        start: (C,), what is known of the strengths.
        left_out: (C, h, w), values that show no noise.

    Returns:
        Those of all patches, and those of the brightest alone.
    """
    patches = cut_patches(planes, start, left_out)
    if patches is None:
        return None
    count = max(round(BRIGHTEST * len(patches)), FEWEST * patches.shape[1])
    brightest = np.argsort(patches.mean(1))[-count:]
    return _strengths(patches, start), _strengths(patches[brightest], start)


def noise_of_quiet(planes: Values, sigma: float, left_out: Bits) -> float | None:
    """Return the standard deviation of the noise in one channel (1, h, w); ``None`` from too few blocks.

    There is no second channel that has the same texture, so only blocks that are quiet in the middle frequencies are
    looked at, and of them the fine ones besides. On one channel of the tuning pictures the error was 5.4 % for sigma 10
    and 1.7 % for 25 (95 %: 17 and 6 %), where the estimate over the whole picture or its quietest places had 10.5 and
    3.2 % (26 and 10 %).

    Args:
        sigma: what is known of it.
    """
    blocks = cut_patches(planes, np.array([sigma]), left_out, side=BLOCK, fewest=QUIET_BLOCKS)
    if blocks is None:
        return None
    waves = dctn(blocks.reshape(-1, BLOCK, BLOCK), axes=(1, 2), norm="ortho")
    middle = (waves[:, MIDDLE] ** 2).mean(1)
    fine = waves[middle <= np.quantile(middle, QUIET)][:, BESIDE_MIDDLE]
    covariance = fine.T @ fine / len(fine)
    subspace = _noise_subspace(covariance)
    return math.sqrt(max(float(np.trace(subspace.T @ covariance @ subspace)), 0.0) / subspace.shape[1])


def cut_patches(
    planes: Values, start: Values, left_out: Bits, *, side: int | None = None, fewest: int | None = None
) -> Values | None:
    """Patches (n, C · d²) of values that were neither left out nor near an end of the range, as far as possible."""
    channels, height, width = planes.shape
    side = side or min(SIDE, math.isqrt(MOST_VALUES // channels))
    if side < 2 or min(height, width) < side:
        return None
    step = 1
    while ((height - side) // step + 1) * ((width - side) // step + 1) > MOST:
        step += 1

    def cut(part: NDArray[Any]) -> NDArray[Any]:
        windows = np.lib.stride_tricks.sliding_window_view(part, (side, side), axis=(1, 2))
        return windows[:, ::step, ::step].transpose(1, 2, 0, 3, 4).reshape(-1, channels * side * side)

    found, shown = cut(planes), ~cut(left_out).any(1)
    fewest = fewest or FEWEST * found.shape[1]
    if cut_values(planes):
        level = uniform_filter(planes, (1, WINDOW, WINDOW))
        for distance in DISTANCES:
            far = np.abs(level - 0.5) < 0.5 - distance * start[:, None, None]
            there = shown & (cut(far).mean(1) >= FAR_SHARE)
            if there.sum() >= fewest:
                return np.asarray(found[there])
        return None
    return np.asarray(found[shown]) if shown.sum() >= fewest else None


def _strengths(patches: Values, start: Values) -> Values:
    channels = len(start)
    values = patches.shape[1] // channels
    centred = patches - patches.mean(0)
    covariance = centred.T @ centred / len(centred)
    sigmas = np.maximum(start, max(LEAST * float(start.max()), 1e-9))
    for _ in range(TURNS):
        scale = np.repeat(1 / sigmas, values)
        equal = covariance * scale[:, None] * scale
        subspace = _noise_subspace(equal)
        power = np.einsum("ij,jk,ik->i", subspace, subspace.T @ equal @ subspace, subspace)
        share = (subspace**2).sum(1)
        per_channel = power.reshape(channels, -1).sum(1) / np.maximum(
            share.reshape(channels, -1).sum(1), 1e-12
        )
        sigmas = sigmas * np.sqrt(np.maximum(per_channel, 1e-12))
        sigmas = np.maximum(sigmas, LEAST * sigmas.max())
    return np.asarray(sigmas)


def _noise_subspace(covariance: Values) -> Values:
    """The eigenvectors of the smallest eigenvalues: as many as have their mean as median."""
    variances, directions = np.linalg.eigh(covariance)
    for count in range(len(variances), 1, -1):
        part = variances[:count]
        mean = part.mean()
        if (part > mean).sum() >= (part < mean).sum():
            return np.asarray(directions[:, :count])
    return np.asarray(directions[:, :1])
