"""The unit in which strengths and values are said: grey levels of 255, or those of the file."""

from __future__ import annotations

from dataclasses import dataclass

from ..noise import LEVELS


@dataclass(frozen=True)
class Unit:
    """What 0 and 1 of a problem are for people.

    Attributes:
        low, high: in the units of the file; where small values are bright there, the first one is the larger.
        eight_bits: whether these are the grey levels that everybody knows.
    """

    low: float = 0.0
    high: float = float(LEVELS)
    eight_bits: bool = True

    def strength(self, sigma: float) -> str:
        """A standard deviation in words: ``25.0 of 255``, or ``131 in the file's units``."""
        value = sigma * self._span
        return f"{value:.1f} of {LEVELS}" if self.eight_bits else f"{value:.4g} in the file's units"

    def given(self, sigma: float) -> str:
        """A standard deviation as it was given."""
        return f"{sigma * self._span:.6g}"

    def number(self, sigma: float) -> str:
        """A standard deviation as a number alone."""
        value = sigma * self._span
        return f"{value:.1f}" if self.eight_bits else f"{value:.3g}"

    @property
    def _span(self) -> float:
        return abs(self.high - self.low)

    def value(self, y: float) -> str:
        """A value of the picture as a number alone."""
        return f"{self.low + y * (self.high - self.low):.4g}"


GREY_LEVELS = Unit()


def unit_of(ends: tuple[float, float]) -> Unit:
    """That of pictures whose 0 and 1 are these values in their file: grey levels for 8 bits and floats in [0, 1]."""
    return GREY_LEVELS if ends in ((0.0, 1.0), (0.0, float(LEVELS))) else Unit(*ends, eight_bits=False)
