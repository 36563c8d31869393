"""The noise of channels: how strong it is in each, and what channels have in common.

Channels of a microscope, or of a camera after its white balance, differ in their noise. What was demosaicked,
or mixed into other colours, shares a part of it. A restoration that takes one strength for all blurs the
cleaner ones and leaves noise in the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import dctn
from torch import Tensor

from ..array_types import Bits, Values
from .blocks import BESIDE_MIDDLE, FINE, MIDDLE, ON_THE_ENDS, QUIETEST, SIDE, Blocks, floor
from .noise_subspace import noise_of_channels, noise_of_quiet

MOST_CHANNELS = 16
"""Of more channels each is taken to have its own noise: what C² pairs have in common rests on too little."""

MOST, STEP, FEWEST = 8_000, 4, 60
"""Blocks that are looked at, pixels between them, and how few of them tell nothing."""

QUIET = 0.08
"""Share of the blocks that count: the quietest by the middle band, in all channels together."""

DIFFERENT = 1.25
"""Strengths that differ by more: white noise of one strength gave at most 1.12 between the channels of the
tuning pictures (128 × 128, sigma 5 to 50), for texture adds to all of them alike."""

IN_COMMON = 0.5
"""Correlation from which on channels share noise: what is left of a grey texture makes up to 0.45 of sigma 5."""

NEARLY_ALL = 0.85
"""Of the noise in the quietest places: what channels do not share is less where they share more than a quarter.
With 0.7, 0.85 and 0.95 the errors of sigma 3 to 60 on tuning pictures were 3.1, 3.8 and 5.5 %, but with 0.7 noise of
which channels share 0.3 to 0.5 was underrated by 17 to 30 %."""

NEXT_TO_NOTHING = 0.05
"""Of the strongest channel's sigma: weaker noise is taken to be as strong as that, so that every channel has some."""


@dataclass(frozen=True)
class ChannelNoise:
    """Standard deviations (C,) in units of [0, 1], and correlations (C, C), of the noise in the channels of
    one pixel.

    ``alone`` (C,) is the noise that channels do not share; ``None`` where that cannot be told: of one channel and of
    very many, of too small a picture, and of one with few places that are not plain. ``alone_bright`` is the same of
    the brightest places, in the channel that has the most of it.
    """

    sigmas: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]
    alone: tuple[float, ...] | None = None
    alone_bright: float = 0.0

    @property
    def strongest_alone(self) -> float | None:
        """Of the noise that channels do not share, in the channel and at the brightness that has the most of it."""
        return None if self.alone is None else max(*self.alone, self.alone_bright)

    def unshared(self, *, even: bool) -> ChannelNoise:
        """The same where nothing that channels have in common is surely noise.

        Args:
            even: whether what was found in the quietest places is as even as noise: then it is noise, and what
                channels share of it, too, so that ``alone`` may say less than all.
        """
        identity = as_plain_values(np.eye(len(self.sigmas)))
        if self.alone is None or (even and _mean(self.alone) < NEARLY_ALL * self.mean_sigma):
            return replace(self, correlation=identity, alone=None)
        return replace(self, sigmas=self.alone, correlation=identity)

    @property
    def differs(self) -> bool:
        """Whether some channel has surely more of it than another."""
        return len(self.sigmas) > 1 and max(self.sigmas) > DIFFERENT * min(self.sigmas)

    @property
    def shared(self) -> bool:
        """Whether channels surely have some of it in common."""
        return any(
            abs(value) >= IN_COMMON
            for row, line in enumerate(self.correlation)
            for column, value in enumerate(line)
            if row != column
        )

    @property
    def mean_sigma(self) -> float:
        """The root of the mean of their variances."""
        return _mean(self.sigmas)

    def relative(self, sigma: float) -> tuple[tuple[float, ...], ...] | None:
        """The covariance in units of sigma², whose diagonal has the mean 1; ``None`` where nothing but sigma
        is sure."""
        if sigma <= 0 or not (self.differs or self.shared):
            return None
        strengths = np.array(self.sigmas) if self.differs else np.ones(len(self.sigmas))
        strengths = np.maximum(strengths, NEXT_TO_NOTHING * strengths.max())
        strengths /= np.sqrt(np.mean(strengths**2))
        table = np.array(self.correlation) if self.shared else np.eye(len(self.sigmas))
        return as_plain_values(strengths[:, None] * table * strengths)


def as_plain_values(table: Values) -> tuple[tuple[float, ...], ...]:
    """Return a table of correlations or covariances as ``NoiseModel`` holds it."""
    return tuple(tuple(float(value) for value in row) for row in table)


def _mean(sigmas: tuple[float, ...]) -> float:
    return float(np.sqrt(np.mean(np.square(sigmas))))


def channel_noise(y: Tensor, left_out: Bits, *, sigma: float) -> ChannelNoise:
    """Measure it on (1, C, h, w) in the quietest blocks without values that are ``left_out`` (C, h, w).

    Args:
        sigma: what is known of it, over all channels.
    """
    planes = y.detach().double().cpu().numpy()[0]
    channels = len(planes)
    identity = as_plain_values(np.eye(channels))
    if channels == 1:
        return ChannelNoise((noise_of_quiet(planes, sigma, left_out) or sigma,), identity)
    if channels > MOST_CHANNELS:
        return ChannelNoise((1.0,) * channels, identity)
    windows, covered = (
        np.lib.stride_tricks.sliding_window_view(part, (SIDE, SIDE), axis=(1, 2))
        for part in (planes, left_out)
    )
    step = STEP
    while windows[0, ::step, ::step, 0, 0].size > MOST:
        step += 1
    blocks = windows[:, ::step, ::step].reshape(channels, -1, SIDE, SIDE)
    plain = covered[:, ::step, ::step].reshape(channels, -1, SIDE * SIDE).any(2)
    ends = ((blocks <= 0) | (blocks >= 1)).mean((2, 3))
    spectra = dctn(blocks, axes=(2, 3), norm="ortho")
    own = [
        next((there for most in ON_THE_ENDS if (there := ~flat & (end <= most)).sum() >= FEWEST), ~flat)
        for flat, end in zip(np.asarray(plain), ends, strict=True)
    ]
    sigmas = [
        _quietest(one[there] ** 2) if there.any() else 0.0 for one, there in zip(spectra, own, strict=True)
    ]
    common = np.logical_and.reduce(own)
    table = _correlation(spectra[:, common]) if common.sum() >= FEWEST else np.eye(channels)
    found = ChannelNoise(tuple(float(value) for value in sigmas), as_plain_values(table))
    measured = noise_of_channels(planes, np.array(found.sigmas), left_out)
    if measured is None:
        return found
    alone, bright = measured
    if not found.differs:
        alone = np.full(channels, np.sqrt(np.mean(alone**2)))
    return replace(found, alone=tuple(float(value) for value in alone), alone_bright=float(bright.max()))


def _correlation(spectra: Values) -> Values:
    """Of the noise in the channels of (C, n, 8, 8), (C, C), from the quietest blocks."""
    middle = (spectra[:, :, MIDDLE] ** 2).mean((0, 2))
    quiet = middle <= np.quantile(middle, QUIET)
    fine: Values = spectra[:, quiet][:, :, BESIDE_MIDDLE].reshape(len(spectra), -1)
    covariance = fine @ fine.T / fine.shape[1]
    strengths = np.sqrt(np.maximum(np.diag(covariance), 1e-30))
    table = covariance / np.outer(strengths, strengths)
    np.fill_diagonal(table, 1.0)
    return np.asarray(table)


def _quietest(power: Values) -> float:
    """The strength of one channel (n, 8, 8), between those of its quietest tenth and of its quietest hundredth."""
    blocks = Blocks(np.zeros(len(power)), power, np.zeros(len(power), dtype=np.int64))
    tenth = floor(blocks, FINE)
    rarest = floor(blocks, FINE, quantile=min(QUIETEST, max(0.01, 2 / len(power))))
    return float(tenth**0.2 * rarest**0.8)
