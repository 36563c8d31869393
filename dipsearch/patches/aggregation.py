"""Aggregation: every pixel of the result is a weighted mean of what all patches that cover it say."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class Aggregation:
    """Sums estimates of patches and their weights; ``image`` divides one by the other.

    Args:
        channels: of the picture.
        height, width: of the picture.
        patch: side of a patch.
        like: a tensor whose type and device are used.
    """

    def __init__(self, *, channels: int, height: int, width: int, patch: int, like: Tensor) -> None:
        self._size, self._patch, self._channels = (height, width), patch, channels
        patches = (height - patch + 1) * (width - patch + 1)
        self._sums = like.new_zeros(patches, channels, patch**2)
        self._weights = like.new_zeros(patches, channels, 1)

    def add(self, members: Tensor, estimates: Tensor, weights: Tensor | None = None) -> None:
        """Add what groups say of their members.

        Args:
            members: (R, n) indices of patches.
            estimates: (R, n, C, k²).
            weights: (R, C), of each group and channel; ``None``: 1.
        """
        rows, count = members.shape
        where = members.flatten()
        if weights is None:
            weight = estimates.new_ones(rows * count, self._channels, 1)
        else:
            estimates = estimates * weights[:, None, :, None]
            weight = weights[:, None, :, None].expand(-1, count, -1, -1).reshape(rows * count, -1, 1)
        self._sums.index_add_(0, where, estimates.flatten(0, 1))
        self._weights.index_add_(0, where, weight)

    def image(self, window: Tensor, *, otherwise: Tensor) -> Tensor:
        """The weighted mean, (1, C, H, W).

        Args:
            window: (k²,), weights of a patch's pixels.
            otherwise: (1, C, H, W), taken where no patch was estimated.
        """
        total = self._fold(self._sums * window)
        weight = self._fold(self._weights * window)
        return torch.where(weight > 0, total / weight.clamp(min=1e-12), otherwise)

    def _fold(self, values: Tensor) -> Tensor:
        return F.fold(values.flatten(1).T[None], self._size, self._patch)


def patches_of(x: Tensor, patch: int) -> Tensor:
    """All patches of (1, C, H, W), row by row: (P, C, k²)."""
    return F.unfold(x, patch)[0].T.reshape(-1, x.shape[1], patch**2)
