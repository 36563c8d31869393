"""Evenness: whether what is left in the quietest places of a picture is noise, or the finest of its texture.

Noise is as strong in the quietest block as in the next ones, within what chance allows, for it does not know
the picture. Texture is uneven: of a meadow, of fur, of cloth there is always a block with half as much. The
measure is a ratio of two floors, from the quietest hundredth and from the quietest tenth of the blocks; both
are the same for noise alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..array_types import Bits, Values
from .blocks import COLUMNS, FINE, HIGH, LOW, MIDDLE, QUIETEST, ROWS, SIDE, Blocks, floor

NEARLY_ALL: Bits = ROWS + COLUMNS >= 2
"""All but the three lowest, which hold the most of the picture."""

FEWEST_QUIET = 12  # blocks, for a correlation that is more than chance
RAREST, FEWEST_RAREST = 0.01, 2.0
"""The quietest hundredth of the blocks, and of small pictures at least the second quietest block."""

WHITE_RATIO, WHITE_EVEN, LEVELS_EVEN = 0.60, 0.70, ((6.0 / 255, 0.58), (15.0 / 255, 0.50))
"""White noise has as much in the high band as in the middle one.

On crops of 128 × 128 of the tuning pictures (coffee, chelsea, rocket, set14, kodak 5, 7 and 8, grass), in 8
bits, at full and at half size: clean ones had an evenness of 0.23 to 0.75 where their quietest tenth was above
2.4 grey levels, or a ratio below 0.55 (grass 0.79 and 0.51); with white noise of sigma 3 it was 0.74 to 1.01
where the ratio was above 0.6, but for a drawing (comic: 0.63, at sigma 5 0.65). From 6 and from 15 levels on
the less even ones are drawings with noise.
"""

WHITENED_EVEN, FLAT_RATIO, SHAPES = 0.60, 0.72, ((0.60, 0.50), (0.72, 0.62))
"""Of noise that was blurred by 0.5 to 1 pixel or demosaicked, on crops of 96 and 192 pixels of ten tuning
pictures at half size: strengths of a block in interleaved frequencies correlate by 0.04 to 0.61 (with sigma 10
on much texture up to 0.8), those of clean pictures by 0.53 to 0.88 (zebra 0.4); the shape of noise is 0.5 to
1.4, that of clean ones up to 0.7. After dividing by its spectrum noise has an evenness from 0.6 on; in the
flattest blocks the high band has up to 0.68 of the middle one, under white noise 0.65 (grass) to 1.09."""

PEAK = 1.3
"""The strength in any ring of frequencies by that in the lowest one: ridges and weaves have a period, noise has none.
On crops of 96 and 192 pixels of ten tuning pictures at full and at half size blurred noise had up to 1.25 and
demosaicked noise 1.05; ridges of 4 to 5 pixels have 1.2 to 1.8, longer ones less."""

RINGS = tuple(np.abs(np.hypot(ROWS, COLUMNS) - radius) <= 0.5 for radius in range(1, SIDE))

FALL, AT_WHITE = 0.48, 0.85
"""Noise that was blurred is nearly as strong in the lowest frequencies as in the middle ones, the more so the
less it was blurred: middle by low is 0.85 · (high by middle)^0.48 within 4 % for blurs of 0.5 to 1 pixel.
Texture has more and more in low ones. The *shape* is how much of that ratio is there."""


@dataclass(frozen=True)
class Evenness:
    """How far the quietest blocks agree about the noise; strengths in units of [0, 1].

    Attributes:
        fine: the noise in the quietest tenth of the blocks, in the finer half of the coefficients.
        even: the same from the quietest hundredth, by ``fine``: 1 for noise.
        even_whitened: likewise over nearly all coefficients, each divided by its power in the flattest blocks.
        low_by_middle: the strength of the lowest coefficients by that of the middle ones, in the flattest blocks.
        ratio: of the high by the middle band.
        flat_ratio: of the high by the middle band, in the flattest blocks.
        peak: the strength in the strongest ring of frequencies by that in the lowest one, in the flattest blocks.
        in_common: how far the strengths of quiet blocks in interleaved frequencies correlate: what makes a
        block of texture
            strong in one makes it strong in the others, and chance does not.
    """

    fine: float
    even: float
    even_whitened: float
    low_by_middle: float
    ratio: float
    flat_ratio: float
    peak: float
    in_common: float

    @property
    def shape(self) -> float:
        """How much of the spectrum of blurred noise there is: 1 for that, less for texture."""
        return float(1 / (self.low_by_middle * AT_WHITE * max(self.flat_ratio, 0.01) ** FALL))

    @property
    def periodic(self) -> bool:
        """Whether there is texture with a period in the flattest places, too."""
        return self.peak > PEAK

    @property
    def white(self) -> bool:
        """Whether there is white noise, and no texture that looks like it."""
        least = min([WHITE_EVEN, *(even for level, even in LEVELS_EVEN if self.fine >= level)])
        return self.ratio >= WHITE_RATIO and self.even >= least

    @property
    def correlated(self) -> bool:
        """Whether there is noise that its neighbours know, and no texture that looks like it."""
        return (
            self.flat_ratio < FLAT_RATIO
            and not self.periodic
            and self.even_whitened >= WHITENED_EVEN
            and any(self.shape >= least and self.in_common <= most for least, most in SHAPES)
        )


def evenness(blocks: Blocks, power: Values) -> Evenness:
    """Measure it on the blocks of a picture whose flattest ones have the spectrum ``power`` (8, 8)."""
    rarest = min(QUIETEST, max(RAREST, FEWEST_RAREST / max(len(blocks.mean), 1)))
    whitened = Blocks(blocks.mean, blocks.power / np.maximum(power, 1e-15), blocks.channel)
    fine, middle, all_of = (
        (floor(part, band, quantile=rarest), floor(part, band))
        for part, band in ((blocks, FINE), (blocks, MIDDLE), (whitened, NEARLY_ALL))
    )
    low, middle_power = float(power[LOW].mean()), float(power[MIDDLE].mean())
    rings = [float(power[ring].mean()) ** 0.5 for ring in RINGS]
    high = floor(blocks, HIGH)
    return Evenness(
        fine=fine[1],
        even=_by(fine[0], fine[1]),
        even_whitened=_by(all_of[0], all_of[1]),
        low_by_middle=(low / middle_power) ** 0.5 if low > 0 and middle_power > 0 else 1.0,
        ratio=_by(high, middle[1]) if middle[1] > 0 else 1.0,
        peak=_by(max(rings), rings[0]) if rings[0] > 0 else 1.0,
        in_common=_in_common(whitened),
        flat_ratio=(float(power[HIGH].mean()) / middle_power) ** 0.5 if middle_power > 0 else 1.0,
    )


def _by(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _in_common(whitened: Blocks) -> float:
    """The correlation of a block's logarithmic strengths in two of three interleaved sets of frequencies.

    Among the blocks that are quiet in the third one, so that the choice says nothing about the other two.
    """
    sets = [(number == (ROWS + COLUMNS) % 3) & NEARLY_ALL for number in range(3)]
    strengths = [whitened.power[:, one].mean(1) for one in sets]
    found = []
    for number in range(3):
        quiet = strengths[number] <= np.quantile(strengths[number], QUIETEST)
        first, second = (np.log(strengths[(number + step) % 3][quiet] + 1e-12) for step in (1, 2))
        if quiet.sum() >= FEWEST_QUIET and first.std() > 0 and second.std() > 0:
            found.append(float(np.corrcoef(first, second)[0, 1]))
    return float(np.mean(found)) if found else 0.0
