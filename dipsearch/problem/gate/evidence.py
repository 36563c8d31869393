"""Evidence: every number that the gate decides by, measured once on one picture."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .blockiness import Grid, find_grid
from .blocks import (
    HIGH,
    MIDDLE,
    Line,
    Values,
    autocorrelation,
    brightness_line,
    floor,
    of_equal_noise,
    read_blocks,
    spectrum,
)
from .counts import Comb, find_comb
from .impulses import Impulses, find_impulses
from .sigma import SigmaEstimate, estimate_sigma

RARE = 0.01
CORRELATED_RATIO, CORRELATED_WHITENESS, EVEN = 0.74, 1.30, 0.80
SURELY_CORRELATED_RATIO = 0.5


@dataclass(frozen=True, eq=False)
class Evidence:
    """What can be measured of the noise in a picture; strengths in units of [0, 1].

    Attributes:
        estimate: sigma by three measures over the whole picture.
        high, middle: the noise in the quietest tenth of the blocks, in two bands of frequencies.
        middle_least: as ``middle``, in the quietest hundredth; noise is as strong there, texture is not.
        brighter: as ``high``, but the median over bins of brightness where the noise grows with it: dark places
            are quiet then.
        ratio: high by middle, after the growth of the noise with brightness was taken out: about 1 for white
            noise, less for correlated noise.
        whiteness: standard deviation of adjacent differences by that of the noise, in the flattest blocks: √2
            for white noise.
        flat_sigma: the noise in the flattest blocks, all frequencies together.
        correlation: its autocorrelation, (9, 9).
        line: its variance against brightness.
        comb: how well the values are whole counts of photons.
        grid: how much a grid of JPEG stands out.
        impulses: values at the far end of the range.
    """

    estimate: SigmaEstimate
    high: float
    middle: float
    middle_least: float
    brighter: float
    ratio: float
    whiteness: float
    flat_sigma: float
    correlation: Values
    line: Line
    comb: Comb
    grid: Grid
    impulses: Impulses

    @property
    def correlated(self) -> bool:
        """Whether the noise is correlated between neighbours, and noise indeed."""
        # Where it is noise, the quietest blocks are about equally quiet; texture leaves some of them alone.
        sure = self.middle_least >= EVEN * self.middle or self.ratio < SURELY_CORRELATED_RATIO
        return sure and self.ratio < CORRELATED_RATIO and self.whiteness < CORRELATED_WHITENESS

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
    estimate = estimate_sigma(y)
    blocks = read_blocks(y)
    line = brightness_line(blocks)
    high = floor(blocks, HIGH)
    brighter = line.typical if line.grows else high
    even = of_equal_noise(blocks, line) if line.grows else blocks
    below = floor(even, MIDDLE)
    ratio = floor(even, HIGH) / below if below > 0 else 1.0
    if ratio < CORRELATED_RATIO:  # then little but texture is left in the high band
        line = brightness_line(blocks, MIDDLE)
    power = spectrum(blocks)
    correlation = autocorrelation(power)
    middle = len(correlation) // 2
    beside = (correlation[middle, middle + 1] + correlation[middle + 1, middle]) / 2
    return Evidence(
        estimate=estimate,
        high=high,
        middle=floor(blocks, MIDDLE),
        middle_least=floor(blocks, MIDDLE, quantile=RARE),
        brighter=brighter,
        ratio=ratio,
        whiteness=math.sqrt(max(2 * (1 - float(beside)), 0.0)),
        flat_sigma=math.sqrt(float(power.mean())),
        correlation=correlation,
        line=line,
        comb=find_comb(y, rough=1 / line.gain if line.gain > 0 else 0.0),
        grid=find_grid(y),
        impulses=find_impulses(y),
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return round(value, 6) if isinstance(value, float) else value
