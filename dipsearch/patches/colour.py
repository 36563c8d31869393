"""Colour: a rotation of the channels after which they have little in common.

Similar patches are found in the first channel after the rotation, where most of the picture and least of the
noise is; and each channel can then be filtered by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

OPPONENT = (
    (1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)),
    (1 / math.sqrt(2), 0.0, -1 / math.sqrt(2)),
    (1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)),
)
"""Sum, red against blue, green against both: near the principal axes of natural pictures."""

TIE = 1e-9
"""Relative to the total variance: channels that are equally strong keep their order."""


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """An orthogonal rotation of channels.

    Attributes:
        matrix: (C, C) float32, one row per new channel, the strongest first.
    """

    matrix: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Rotate the channels of (…, C, H, W)."""
        return _mix(self.matrix, x)

    def inverse(self, z: Tensor) -> Tensor:
        """Rotate them back."""
        return _mix(self.matrix.mT, z)

    def noise_after(self, covariance: Tensor) -> Tensor:
        """Return M Σ Mᵀ, the covariance (C, C) of noise after ``forward``, from the one before."""
        matrix = self.matrix.to(covariance)
        return matrix @ covariance @ matrix.mT


def decorrelation_for(x: Tensor, *, noise_covariance: Tensor | None = None) -> Decorrelation:
    """Choose the rotation for a picture: none for one channel, the opponent colours for three, else its own axes.

    Its own axes are those of the channels' covariance, less what the noise explains, by falling strength. The
    largest entry of each is positive.

    Args:
        x: (1, C, H, W), the picture, with its noise.
        noise_covariance: (C, C) of that noise; ``None`` is none.
    """
    channels = x.shape[-3]
    if channels == 1:
        matrix = torch.ones(1, 1, dtype=torch.float64)
    elif channels == 3:
        matrix = torch.tensor(OPPONENT, dtype=torch.float64)
    else:
        covariance = _covariance(x)
        if noise_covariance is not None:
            covariance = covariance - noise_covariance.detach().cpu().double()
        matrix = _principal_axes(covariance)
    return Decorrelation(matrix.float().to(x.device))


def _covariance(x: Tensor) -> Tensor:
    """Covariance (C, C) of the channels over the pixels, float64 on the CPU."""
    pixels = x.detach()[0].flatten(1).cpu().double()  # (C, H·W)
    deviation = pixels - pixels.mean(1, keepdim=True)
    return deviation @ deviation.mT / pixels.shape[1]


def _principal_axes(covariance: Tensor) -> Tensor:
    """Orthonormal rows, the strongest first, on the CPU so that every device gets the same ones."""
    channels = len(covariance)
    scale = float(covariance.diagonal().abs().sum()) or 1.0
    order = torch.arange(channels, 0, -1, dtype=torch.float64) / channels
    _, axes = torch.linalg.eigh(covariance + TIE * scale * order.diag())
    rows: Tensor = axes.mT.flip(0)
    # Rounded, so that of entries of equal size the first one decides.
    largest = (rows.abs() * 1e6).round().argmax(1, keepdim=True)
    return rows * rows.gather(1, largest).sign()


def _mix(matrix: Tensor, x: Tensor) -> Tensor:
    mixed: Tensor = torch.einsum("ij,...jhw->...ihw", matrix.to(x), x)
    return mixed
