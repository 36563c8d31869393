"""Evidence: every number that the gate decides by, measured once on one picture."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..array_types import Bits, Values
from .blockiness import Grid, find_grid
from .blocks import (
    HIGH,
    MIDDLE,
    Blocks,
    Line,
    autocorrelation,
    brightness_line,
    ceiling,
    floor,
    of_equal_noise,
    read_blocks,
    spectrum,
)
from .channel_noise import ChannelNoise, channel_noise
from .counts import NO_COMB, Comb, find_comb, sparse_counts
from .cut_noise import cut_sigma
from .evenness import Evenness, evenness
from .free_directions import LITTLE_RISE, FreeNoise, free_noise
from .impulses import Impulses, find_impulses
from .photons import NO_LINE, PhotonLine, photon_line
from .plain import plain_values
from .sigma import SigmaEstimate, estimate_sigma

CORRELATED_RATIO, CORRELATED_WHITENESS = 0.74, 1.30
"""Noise with less in the high band than so much of the middle one, and with less difference between neighbours than
white noise has (1.41), is correlated; see the rows of blurred noise in the section on the gate of BENCHMARKS.md."""

SHARED_EVEN, SHARED_RATIO = 0.87, 0.72
"""Of grey noise of sigma 5, 10 and 25 on colour crops of the tuning pictures evenness was 0.82 to 1.04 and the ratio of
the bands 0.57 to 1.06, and both above these in all but seven of 102 (sigma 5 on much texture); of clean crops of more
than 2.4 grey levels evenness was at most 0.85 where the ratio was above 0.6."""

FREE_EVEN = 0.85
"""Evenness in the free directions of single channels, below which what channels share is their texture. White noise of
sigma 3 to 60 on 14 tuning pictures in colour was off by more than 10 % in 19 of 126 cases without asking, and in 13, 12
and 10 with 0.85, 0.90 and 0.95; noise of which channels share 0.3 to 0.6, by more than 10 % too weak in 1, 8, 24 and 45
of 112, and in 95 % by less than 23, 18, 28 and 36 %."""

SURELY_PHOTONS = 0.9
"""Evenness of the quietest blocks, divided by what the line of photons says for their brightness, from which on it is
believed where no free direction tells. Of tuning pictures with large dark places it was 0.97 to 1.00 with 200 and 800
photons (but of slides with text 0.57 and 0.70), at most 0.87 where they were clean."""

COUNTS_LEAST, COUNTS_EVEN, COUNTS_RATIO = 0.87, 0.92, 0.75
"""Noise by that of counts, its evenness and its high by its middle band. Of 10 to 125 photons in 16 bits, on 18 tuning
pictures they were at least 0.93, 0.95 and 0.80; of clean pictures of 8 bits stored in 12 or 16, whose steps are a
comb, none had as much of all three. Counts beside a noise
of reading of two, of which some lie below the zero, had 0.81."""

COUNTS_MOST = 1.15
"""The same, of what counts alone can have: with a noise of reading of four counts it was 1.20 and 1.25 (cells and
filaments, 30 photons at most), without 0.96 to 1.05."""

PATTERNED = 2.0
"""Of the strength in the weakest frequencies of the whole picture. White noise of sigma 5 to 50, photons, speckle,
impulses and blurred noise had at most 1.22 on fifteen tuning pictures, dither and chess boards under them 2.4 to 250:
they have more in the finest frequencies of every place than any noise can have."""

FEWEST_COUNTS = 2.0
"""In a block, so that its spectrum is that of noise and not of single counts."""

MOST_LEVELS = 70_000
"""Distinct values: of more it is not asked how far they lie apart, nor how many they are."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What can be measured of the noise in a picture; strengths in units of [0, 1].

    Attributes:
        estimate: sigma by three measures over all that is not plain.
        high, middle: the noise in the quietest tenth of the blocks, in two bands of frequencies.
        brighter: as ``high``, but where the noise grows with brightness the strength in brighter places: dark
        ones are quiet
            then.
        ratio: high by middle, after the growth of the noise with brightness was taken out: about 1 for white
            noise, less for correlated noise.
        whiteness: standard deviation of adjacent differences by that of the noise, in the flattest blocks: √2
            for white noise.
        flat_sigma: the noise in the flattest blocks, all frequencies together.
        correlation: its autocorrelation, (9, 9).
        line: its variance against brightness, and whether nearly all of it grows.
        photons: the same as photons have it, with an offset and noise of reading.
        comb: how well the values are whole counts of photons.
        sparse: whether they are so few counts that most places have none, and have the noise of these.
        counts: how even the noise is when what such counts have was taken out; ``None`` where there is no comb.
        grid: how much a grid of JPEG stands out.
        impulses: values at the far end of the range.
        even: whether the quietest blocks agree, as those of noise do.
        channels: how strong it is in each channel, and what channels have in common.
        free: what is in the directions that texture leaves free; ``None`` from too few patches.
        cut: sigma of white noise that was cut to the range nearly everywhere; ``None`` where it was not.
        ceiling: what white noise can have at most, by the weakest frequencies of the whole picture.
        plain: the share of the values that lie in constant areas.
        step: the smallest difference between two values: what the file rounds to.
        levels: the most distinct values in a channel; 0 where there are too many.
    """

    estimate: SigmaEstimate
    high: float
    middle: float
    brighter: float
    ratio: float
    whiteness: float
    flat_sigma: float
    correlation: Values
    line: Line
    photons: PhotonLine
    comb: Comb
    sparse: bool
    counts: Evenness | None
    grid: Grid
    impulses: Impulses
    even: Evenness
    channels: ChannelNoise
    free: FreeNoise | None
    cut: float | None
    ceiling: float
    plain: float
    step: float
    levels: int

    @property
    def level(self) -> float:
        """The noise, or what looks like it, where it is strongest."""
        return max(self.high, self.brighter, self.even.fine)

    @property
    def counted(self) -> bool:
        """Whether the values are whole counts and have the noise of these: the steps of a file are a comb, too."""
        if not self.comb.found or self.counts is None:
            return False
        as_strong = COUNTS_LEAST <= self.counts.fine <= COUNTS_MOST
        return as_strong and self.counts.even >= COUNTS_EVEN and self.counts.ratio >= COUNTS_RATIO

    @property
    def surely_white(self) -> bool:
        """Whether there is white noise whatever texture looks like it."""
        return self.free is not None and self.free.white

    @property
    def patterned(self) -> bool:
        """Whether the quietest places have more than white noise can have: there is a pattern in all of them."""
        return self.high > PATTERNED * self.ceiling

    @property
    def correlated(self) -> bool:
        """Whether the noise is correlated between neighbours, and noise indeed."""
        if self.surely_white:
            return False
        looks = self.ratio < CORRELATED_RATIO and self.whiteness < CORRELATED_WHITENESS
        return looks and self.even.correlated

    @property
    def shares(self) -> bool:
        """Whether what channels have in common is noise; texture they have in common, too."""
        return self.channels.shared and (self.as_even_as_noise or self.correlated)

    @property
    def as_even_as_noise(self) -> bool:
        """Whether hardly any texture can be in what was found in the quietest places."""
        free = self.free is None or self.free.even >= FREE_EVEN
        return free and self.even.even >= SHARED_EVEN and self.ratio >= SHARED_RATIO

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON can hold them; the autocorrelation is left to the noise model."""
        values = dataclasses.asdict(self)
        values.pop("correlation")
        return {key: _rounded(value) for key, value in values.items()}


def gather(y: Tensor) -> Evidence:
    """Measure everything on (1, C, h, w).

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    plain = plain_values(y)
    estimate = estimate_sigma(y, left_out=plain)
    blocks = read_blocks(y, left_out=plain)
    line, photons = brightness_line(blocks), photon_line(blocks)
    channels = channel_noise(y, plain, sigma=estimate.sigma)
    if channels.differs and not _grows_in_channels(blocks):
        line, photons = dataclasses.replace(line, significance=0.0), NO_LINE
    free = free_noise(y, plain, sigma=estimate.sigma)
    line, photons = _beside_texture(line, photons, free, blocks)
    high = floor(blocks, HIGH)
    brighter = line.typical if line.grows else high
    if photons.found:
        brighter = max(brighter, photons.bright_sigma)
    steady = _steady(blocks, line, photons, channels)
    below = floor(steady, MIDDLE)
    ratio = floor(steady, HIGH) / below if below > 0 else 1.0
    power = spectrum(blocks)
    even = evenness(blocks, power)
    if steady is not blocks:
        even = dataclasses.replace(evenness(steady, spectrum(steady)), fine=even.fine)
    if ratio < CORRELATED_RATIO and not even.periodic:  # then little but texture is left in the high band
        line = brightness_line(blocks, MIDDLE)
    correlation = autocorrelation(power)
    middle = len(correlation) // 2
    beside = (correlation[middle, middle + 1] + correlation[middle + 1, middle]) / 2
    comb = _comb(y, plain, line, photons)
    sparse = NO_COMB if comb.found else sparse_counts(y)
    found = Evidence(
        estimate=estimate,
        high=high,
        middle=floor(blocks, MIDDLE),
        brighter=brighter,
        ratio=ratio,
        whiteness=math.sqrt(max(2 * (1 - float(beside)), 0.0)),
        flat_sigma=math.sqrt(float(power.mean())),
        correlation=correlation,
        line=line,
        photons=photons,
        comb=sparse if sparse.found else comb,
        sparse=sparse.found,
        counts=_of_counts(blocks, comb) if comb.found else None,
        grid=find_grid(y),
        impulses=find_impulses(y),
        even=even,
        channels=channels,
        free=free,
        cut=cut_sigma(y, plain),
        ceiling=ceiling(blocks),
        plain=float(plain.mean()),
        step=_step(y),
        levels=_levels(y),
    )
    if found.shares:
        return found
    return dataclasses.replace(found, channels=channels.unshared(even=found.as_even_as_noise))


def _beside_texture(
    line: Line, photons: PhotonLine, free: FreeNoise | None, blocks: Blocks
) -> tuple[Line, PhotonLine]:
    """Both lines as the free directions have them, for texture may grow with brightness, or hide that noise does."""
    if free is None:
        return line, photons
    several = free.joint  # texture, which channels share, is hardly in the directions free of it
    beside = free.line
    if several and photons.gain > 0:  # the darkest places of single channels are in no patch over all of them
        beside = dataclasses.replace(beside, least=min(beside.least, photons.least))
    noise = photons.found or several or free.rise <= LITTLE_RISE
    rises = beside.found or photons.gain > 0
    if free.grows and noise and rises and not photons.speckled:
        surer = not several and photons.found and photons.surer_than(beside)
        return line, photons if surer else beside
    if free.steady and (free.white or (photons.found and not _surely_photons(blocks, photons))):
        return dataclasses.replace(line, significance=0.0), NO_LINE
    if several and photons.found and beside.found:
        return line, beside
    if several and photons.found and beside.gain > 0 and not beside.grows:
        return dataclasses.replace(line, significance=0.0), NO_LINE
    return line, photons


def _surely_photons(blocks: Blocks, photons: PhotonLine) -> bool:
    """Whether the noise is even when its growth with brightness was taken out, as that of texture is not."""
    steady = blocks.by(photons.variance(blocks.mean))
    return evenness(steady, spectrum(steady)).even >= SURELY_PHOTONS


def _of_counts(blocks: Blocks, comb: Comb) -> Evenness:
    """The noise by what counts have at its brightness."""
    counts = (blocks.mean - comb.offset) * comb.photons
    enough = counts >= min(FEWEST_COUNTS, float(np.median(counts)))
    steady = blocks.part(enough).by(np.maximum(counts[enough], 1e-6) / comb.photons**2)
    return evenness(steady, spectrum(steady))


def _grows_in_channels(blocks: Blocks) -> bool:
    """Whether noise grows with brightness within channels: brighter channels may have more of it for other reasons."""
    numbers = np.unique(blocks.channel)
    return sum(photon_line(blocks.part(blocks.channel == one)).grows for one in numbers) >= len(numbers) / 2


def _steady(blocks: Blocks, line: Line, photons: PhotonLine, channels: ChannelNoise) -> Blocks:
    """The blocks without the growth of their noise with brightness, and without that from channel to channel."""
    if channels.differs and not (photons.found or line.grows or photons.speckled):
        strengths = np.maximum(np.array(channels.sigmas), 1e-9) / max(channels.sigmas)
        return blocks.by(strengths[blocks.channel] ** 2)
    if photons.speckled:
        least = 0.1 * max(float(np.median(blocks.mean)), 1e-9)
        return blocks.by(np.maximum(blocks.mean, least) ** 2)
    if photons.found:
        return blocks.by(photons.variance(blocks.mean))
    return of_equal_noise(blocks, line) if line.grows else blocks


def _comb(y: Tensor, plain: Bits, line: Line, photons: PhotonLine) -> Comb:
    """Look for whole counts, first as many as the line of photons says."""
    found = NO_COMB
    if photons.gain > 0:
        found = find_comb(
            y,
            rough=1 / photons.gain,
            sure=photons.sure,
            zero=photons.zero,
            zero_error=photons.zero_error,
            left_out=plain,
        )
    if not (found.found or photons.found) and line.gain > 0:
        found = find_comb(y, rough=1 / line.gain, sure=line.grows, left_out=plain)
    return found


def _step(y: Tensor) -> float:
    """The smallest difference between two values; 0 where there are too many different ones."""
    values = np.unique(y.detach().cpu().numpy())
    if not 1 < len(values) <= MOST_LEVELS:
        return 0.0
    return float(np.diff(values.astype(np.float64)).min())


def _levels(y: Tensor) -> int:
    """The most distinct values in a channel; 0 where there are too many."""
    most = max(len(np.unique(plane)) for plane in y.detach().cpu().numpy()[0])
    return most if most <= MOST_LEVELS else 0


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
