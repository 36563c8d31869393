"""The objective: what a candidate is worth, as one number.

The value is the estimated PSNR in dB, from measurements that the candidate was not fitted to, averaged over
the images in dB so that no image dominates. Nothing in here has a reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_ERROR = 1e-5
"""Estimated mean squared errors below this (50 dB) are continued along a straight line.

An estimate is a difference of two noisy numbers and may fall below zero; the line keeps the order of candidates.
"""


@dataclass(frozen=True)
class Level:
    """How good an image is estimated to be.

    Args:
        mse: the estimated mean squared error.
        error: its standard error; below that an estimate only orders.
        estimated_psnr: the same in dB.
    """

    mse: float
    error: float
    estimated_psnr: float

    @property
    def at_least(self) -> float | None:
        """Where the error is not above its own standard error: the PSNR in dB of it and one standard error more."""
        return None if self.mse > self.error else estimated_psnr(max(self.mse, 0.0) + self.error)


def estimated_psnr(error: float) -> float:
    """The PSNR in dB of an estimated mean squared error; -inf where the error is not finite."""
    if not math.isfinite(error):
        return -math.inf
    if error >= LEAST_ERROR:
        return -10 * math.log10(error)
    return -10 * math.log10(LEAST_ERROR) + 10 / math.log(10) * (1 - error / LEAST_ERROR)


def in_decibels(psnr: float, *, digits: int = 1) -> str:
    """An estimated PSNR for people: beyond 50 dB only its order is meant."""
    most = -10 * math.log10(LEAST_ERROR)
    return f"{psnr:.{digits}f} dB" if psnr <= most else f"{most:.0f} dB or more"


def value_of(errors: Sequence[float]) -> float:
    """The mean of the estimated PSNRs in dB over the images, from their estimated mean squared errors."""
    return sum(estimated_psnr(error) for error in errors) / len(errors)
