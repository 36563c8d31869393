"""Kernels of reduction: the curves by which programs make a picture smaller, as taps for one axis.

A picture that was reduced by another curve than the one assumed is restored less well: on Set5 reduced fourfold by
Pillow's Lanczos filter, which has three lobes, back projection with two lobes gives up some 0.2 dB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError

LANCZOS2 = "lanczos2"
"""The default: that of the Deep Image Prior paper (arXiv 1711.10925)."""

CATMULL_ROM = -0.5
"""The free parameter of Keys's cubic kernel (1981) as Pillow, MATLAB and PyTorch with antialiasing have it."""


@dataclass(frozen=True)
class ReductionKernel:
    """A curve over distances in measured pixels.

    Args:
        curve: its height at distances, float64.
        reach: the distance from which on it is zero.
    """

    curve: Callable[[Tensor], Tensor]
    reach: float

    def taps(self, factor: int) -> Tensor:
        """The curve sampled at image pixels around the middle of a block, float64, sum 1.

        Their number has the parity of the factor, so that they lie symmetrically around the middle.
        """
        count = round(2 * self.reach * factor)
        count -= (count - factor) % 2
        distance = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) / factor
        heights = self.curve(distance)
        return heights / heights.sum()

    @property
    def blocks(self) -> int:
        """How many measured pixels beyond its own block the kernel reaches into."""
        return math.ceil(self.reach - 0.5)


def _cubic(distance: Tensor) -> Tensor:
    a, d = CATMULL_ROM, distance.abs()
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, 0.0))


def _lanczos(lobes: int) -> Callable[[Tensor], Tensor]:
    return lambda distance: torch.sinc(distance) * torch.sinc(distance / lobes)


REDUCTIONS: Mapping[str, ReductionKernel] = {
    LANCZOS2: ReductionKernel(_lanczos(2), 2.0),
    "lanczos3": ReductionKernel(_lanczos(3), 3.0),
    "bicubic": ReductionKernel(_cubic, 2.0),
    "box": ReductionKernel(torch.ones_like, 0.5),
}
"""By the names that ``--kernel`` takes: Lanczos with two and three lobes, Keys's cubic, the mean of each block."""


def reduction_kernel(name: object) -> ReductionKernel:
    """The kernel of this name.

    Raises:
        InputError: there is none.
    """
    if not isinstance(name, str) or name not in REDUCTIONS:
        raise InputError(
            f"the kernel of the reduction is {name!r}",
            f"known are {', '.join(REDUCTIONS)}",
            "choose the one that made the small picture, or leave it out",
        )
    return REDUCTIONS[name]
