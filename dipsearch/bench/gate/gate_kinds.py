"""The kinds of damage that the gate is asked about, and which branches are right for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...problem.gate.diagnosis import LEFT_ALONE
from . import gate_damages as damages
from .gate_damages import Level, Made, Maker

TEXTURES = ("sample:brick", "sample:gravel", "sample:grass")
"""Bundled surfaces that are texture all over."""

HARDLY_GROWS = 2.0
"""Photons whose noise grows by less between dark and bright places may be taken for white, or for uncertain noise."""


@dataclass(frozen=True)
class Kind:
    """A kind of damage.

    Args:
        name: as in the table.
        levels: one of them is drawn.
        make: from a clean picture ``(1, C, H, W)``, a level and a generator to the damaged one.
        right: the branches that are right for it.
        pictures: the only ones that it is done to; by default all that are given.
    """

    name: str
    levels: tuple[Level, ...]
    make: Maker
    right: tuple[str, ...]
    pictures: tuple[str, ...] = ()

    def right_for(self, made: Made) -> tuple[str, ...]:
        """The right branches for one case."""
        if made.gain is not None and made.growth < HARDLY_GROWS and self.right != THINNED:
            return (*self.right, WHITE, HELD_OUT)
        return self.right


WHITE, HELD_OUT, PHOTONS, FALLBACK = "recorruption (white)", "held-out", "held-out (photons)", "fallback"
COVARIANCE = "recorruption (covariance)"
COUNTED, THINNED = ("thinning", PHOTONS), ("thinning",)


def _pairs(first: Sequence[float], second: Sequence[float]) -> tuple[Level, ...]:
    return tuple((a, b) for a in first for b in second)


def _single(*levels: float) -> tuple[Level, ...]:
    return tuple((level,) for level in levels)


STRONG = (10.0, 15.0, 25.0, 40.0, 60.0)
CAMERAS: tuple[Level, ...] = tuple(
    (most, gain, offset, read)
    for most, read in ((10, 0), (20, 1), (50, 2), (100, 4), (200, 3), (300, 10))
    for gain, offset in ((2, 100), (10, 500), (40, 300))
)
"""Photons at white, gain, offset, and noise of reading in photons."""

KINDS = (
    Kind("white, σ 10–60", _single(*STRONG), damages.white, (WHITE,)),
    Kind("white, σ 10–60, 8 bits", _single(*STRONG), damages.white_in_8_bits, (WHITE,)),
    Kind("white, σ 3–5, 8 bits", _single(3, 4, 5), damages.white_in_8_bits, (WHITE, HELD_OUT)),
    Kind("own σ per channel, 8 bits", ((5, 10, 25), (25, 10, 15), (40, 20, 10), (10, 10, 30)),
         damages.by_channel, (WHITE,)),
    Kind("one colour of three, 8 bits", _single(10, 25, 40), damages.one_colour, (WHITE,)),
    Kind("grey as RGB, 8 bits", _single(10, 25, 40), damages.grey_as_rgb, (WHITE,)),
    Kind("letterboxed, 8 bits", _single(10, 25, 40), damages.letterboxed, (WHITE,)),
    Kind("in a screenshot, 8 bits", _single(10, 25, 40), damages.screenshot, (WHITE,)),
    Kind("in a part only, 8 bits", _single(15, 25, 40), damages.part_only, (WHITE,)),
    Kind("blurred by 0.5–1 px, σ 10–50", _pairs((10, 25, 50), (0.5, 0.6, 0.8, 1.0)), damages.blurred,
         (COVARIANCE, FALLBACK)),
    Kind("demosaicked, σ 10–40", _single(10, 20, 40), damages.demosaicked, (COVARIANCE, FALLBACK)),
    Kind("counts, 5–100 photons, 8 bits", _single(5, 10, 20, 30, 50, 100), damages.simulated("poisson"), THINNED),
    Kind("counts, 120–300 photons, 8 bits", _single(120, 150, 200, 250, 300), damages.simulated("poisson"), COUNTED),
    Kind("photons, offset, reading; 16 bits", CAMERAS, damages.photons, COUNTED),
    Kind("photons, offset, reading; 8 bits", CAMERAS, damages.photons_in_8_bits, COUNTED),
    Kind("photons, offset, reading; floats", CAMERAS, damages.photons_as_floats, COUNTED),
    Kind("speckle, 20–35 %, 8 bits", _single(20, 35), damages.simulated("speckle"), (HELD_OUT, PHOTONS)),
    Kind("JPEG 30–95 of noise, σ 15–50", _pairs((15, 25, 50), (30, 50, 70, 90, 95)), damages.stored_as_jpeg,
         (FALLBACK, COVARIANCE, WHITE, HELD_OUT)),
    Kind("JPEG 10–95", _single(10, 30, 50, 70, 85, 95), damages.stored_as_jpeg, LEFT_ALONE),
    Kind("impulses, 10–50 %", _single(10, 20, 30, 50), damages.simulated("impulse", rounded=False), ("impulse",)),
    Kind("clean, 8 bits", _single(0), damages.clean, LEFT_ALONE),
    Kind("clean textures, 8 bits", _single(0), damages.clean, LEFT_ALONE, TEXTURES),
    Kind("clean, 12 in 16 bits", _single(0), damages.clean_in_12_bits, LEFT_ALONE),
    Kind("clean, 16 bits", _single(0), damages.clean_in_16_bits, LEFT_ALONE),
    Kind("clean, floats", ((1, 0), (1000, 0), (300, -50), (1e5, 1e4)), damages.clean_as_floats, LEFT_ALONE),
    Kind("white on 12 in 16 bits", _single(10, 25, 40), damages.twelve_in_16_bits, (WHITE,)),
    Kind("white on floats beyond 1", ((25, 1000, 0), (10, 300, -50), (40, 5, -2), (15, 1e5, 1e4)),
         damages.beyond_one, (WHITE,)),
)  # fmt: skip
"""Where σ 5 is as weak as texture, 'held-out' is right, too, for it needs no strength; and so is the fallback for
blurred noise, which takes the measured covariance with a warning. What JPEG leaves of noise may be white still."""
