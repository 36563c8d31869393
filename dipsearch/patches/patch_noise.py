"""The noise of a patch: what its covariance is, between pixels and between channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

LEAST = 1e-6
"""Of the strongest direction's variance: noise that is weaker in a direction is taken to be that strong."""

LEAST_SIGMA = 1e-6
"""In units of [0, 1]: noise that is weaker altogether is taken to be that strong."""


@dataclass(frozen=True, eq=False)
class PatchNoise:
    """Gaussian noise, the same everywhere in a picture.

    The covariance of two values is that of their channels times the autocorrelation at the distance of their pixels.

    Args:
        channels: (C, C), covariance of the noise in the channels of one pixel.
        correlation: (2r + 1, 2r + 1), autocorrelation at lags −r to r, rows first; ``None``: white.
    """

    channels: Tensor
    correlation: Tensor | None = None

    @cached_property
    def sigmas(self) -> Tensor:
        """(C,), the standard deviation in every channel."""
        return self.channels.diagonal().clamp(min=0).sqrt()

    def pixels(self, patch: int) -> Tensor:
        """(k², k²), the correlation between the pixels of a patch of side k."""
        if self.correlation is None:
            return torch.eye(patch**2, dtype=torch.float32).to(self.channels)
        reach = len(self.correlation) // 2
        place = torch.arange(patch, device=self.channels.device)
        rows, columns = place.repeat_interleave(patch), place.repeat(patch)
        down, across = rows[:, None] - rows, columns[:, None] - columns
        near = (down.abs() <= reach) & (across.abs() <= reach)
        table = self.correlation.to(self.channels)
        found = table[(down + reach).clamp(0, 2 * reach), (across + reach).clamp(0, 2 * reach)]
        return torch.where(near, found, torch.zeros_like(found))

    def whitening(self, patch: int) -> tuple[Tensor, Tensor]:
        """Two (C k², C k²) matrices: patches times the first one have noise of unit variance, the second leads back."""
        return _whitening(torch.kron(self.channels, self.pixels(patch)))

    def whitening_of_pixels(self, patch: int) -> tuple[Tensor, Tensor]:
        """The same for the pixels of one channel whose noise has unit variance, (k², k²)."""
        return _whitening(self.pixels(patch))


def _whitening(covariance: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(covariance.double())
    roots = values.clamp(min=max(LEAST * float(values.max()), LEAST_SIGMA**2)).sqrt()
    there = vectors / roots @ vectors.T
    back = vectors * roots @ vectors.T
    return there.to(covariance), back.to(covariance)
