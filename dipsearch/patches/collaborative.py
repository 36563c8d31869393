"""Collaborative filtering: a group of similar blocks is nearly sparse in three dimensions, and its noise is not.

Dabov, Foi, Katkovnik and Egiazarian, Image denoising by sparse 3-D transform-domain collaborative filtering (IEEE TIP
16(8), 2007). Cosine transforms in all three dimensions; coefficients below a threshold are noise.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from .groups import Aggregation, Groups, patches_of
from .patch_noise import PatchNoise

WINDOW = 2.0
"""β of the Kaiser window that lowers the weight of a block's border, as in the paper."""


def hard_threshold(y: Tensor, noise: PatchNoise, groups: Groups, *, threshold: float) -> Tensor:
    """Keep the coefficients of each group that stand out of the noise.

    Args:
        y: (1, C, H, W), decorrelated channels.
        noise: in them.
        groups: of similar blocks.
        threshold: in standard deviations of the noise in a coefficient.
    """
    side, (_, channels, height, width) = groups.patch, y.shape
    count = groups.members.shape[1]
    flat = torch.kron(cosines(side), cosines(side)).to(y)  # (k², k²)
    along = cosines(count).to(y)  # (n, n)
    window = _window(side).to(y)
    blocks = patches_of(y, side) @ flat.T
    variance = (flat @ noise.pixels(side) @ flat.T).diagonal().clamp(min=0)
    limits = threshold * (noise.sigmas[:, None] * variance.sqrt()).clamp(min=1e-9)  # (C, k²)
    result = Aggregation(channels=channels, height=height, width=width, patch=side, like=y)
    for members in groups.portions():
        group = torch.einsum("ab,rbcd->racd", along, blocks[members])
        kept = group.abs() > limits
        kept[:, 0, :, 0] = True  # the mean of a group is never noise alone
        estimate = torch.einsum("ab,racd->rbcd", along, group * kept) @ flat
        # The less a group keeps, the less noise is left in it.
        result.add(members, estimate, 1 / kept.sum((1, 3)).to(y))
    return result.image(window, otherwise=y)


def cosines(size: int) -> Tensor:
    """The orthonormal cosine transform, (size, size)."""
    return torch.from_numpy(dct(np.eye(size), axis=0, norm="ortho")).float()


def _window(side: int) -> Tensor:
    line = torch.kaiser_window(side, periodic=False, beta=WINDOW, dtype=torch.float32)
    return torch.outer(line, line).flatten()
