"""Reduction by a whole factor, as in super-resolution."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from .reduction_kernels import LANCZOS2, reduction_kernel
from .registry import Arrays, register


@register("downsample")
class Downsample:
    """Reduction by a whole factor, by default with the antialiased Lanczos-2 kernel of the Deep Image Prior paper.

    Measurement pixel i stands for the image pixels from i·factor to (i + 1)·factor − 1. Its kernel is centred
    on the middle of that block; Lanczos-2 reaches two blocks to each side, so for an even factor it is the paper's
    kernel (phase 0.5, 4·factor taps per axis, normalised). For an odd factor the middle is a pixel, and the
    same curve sampled around it has 4·factor − 1 taps; the authors' code shifts the measurement by half a
    pixel there and loses a row. Beyond the border the edge pixel is repeated. A size that the factor does not
    divide is rounded up, so that every image pixel lies in some block.

    Each axis is one small matrix that has the border in it: A x = R x Cᵀ. That is as fast as strided
    convolutions at the sizes of this field, and the adjoint Rᵀ y C is exact by construction.

    Source: Ulyanov, Vedaldi, Lempitsky, Deep Image Prior, CVPR 2018 (arXiv 1711.10925) and its supplement.

    Args:
        factor: 2 or more (1 is the identity).
        image_shape: (1, C, H, W) of the restored image.
        kernel: "lanczos2", "lanczos3", "bicubic" or "box", see `reduction_kernels`.

    Raises:
        InputError: no such factor or kernel.
    """

    def __init__(self, factor: int, image_shape: tuple[int, ...], *, kernel: str = LANCZOS2) -> None:
        self.factor = _whole(factor)
        self.image_shape = tuple(image_shape)
        self.kernel = kernel
        self.rows = reduction_matrix(image_shape[-2], factor, kernel)
        self.columns = reduction_matrix(image_shape[-1], factor, kernel)

    @property
    def reach(self) -> int:
        """How many measured pixels beyond a cut a measured pixel depends on."""
        return reduction_kernel(self.kernel).blocks

    def A(self, x: Tensor) -> Tensor:
        rows, columns = self.rows.to(x.dtype), self.columns.to(x.dtype)
        return rows @ (x @ columns.mT)

    def A_adjoint(self, y: Tensor) -> Tensor:
        rows, columns = self.rows.to(y.dtype), self.columns.to(y.dtype)
        return rows.mT @ (y @ columns)

    def A_pinv(self, y: Tensor) -> Tensor:
        # Apple's GPUs have no double precision.
        precise = y.to(torch.float32 if y.device.type == "mps" else torch.float64)
        rows, columns = (
            _inverse(size, self.factor, self.kernel).to(precise) for size in self.image_shape[-2:]
        )
        return (rows @ (precise @ columns.mT)).to(y)

    def to(self, device: torch.device | str) -> Self:
        moved = copy(self)
        moved.rows, moved.columns = self.rows.to(device), self.columns.to(device)
        return moved

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "factor": np.array(self.factor),
            "image_shape": np.array(self.image_shape),
            "kernel": np.array(self.kernel),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        shape = tuple(int(size) for size in arrays["image_shape"])
        return cls(int(arrays["factor"]), shape, kernel=str(arrays["kernel"]))


def _whole(factor: object) -> int:
    if isinstance(factor, Integral) and not isinstance(factor, bool) and int(factor) >= 1:
        return int(factor)
    raise InputError(f"the factor is {factor!r}", "it is a whole number of at least 1", "use for example 4")


def reduced_size(size: int, factor: int) -> int:
    """Return the measured size of one axis: size / factor, rounded up."""
    return -(-size // factor)


def reduction_matrix(size: int, factor: int, kernel: str = LANCZOS2) -> Tensor:
    """Return the (reduced size, size) float32 matrix that reduces one axis; every row sums to 1."""
    taps = reduction_kernel(kernel).taps(factor)
    reduced = reduced_size(size, factor)
    first = (factor - len(taps)) // 2  # of block 0; exact, for both lengths have the parity of the factor
    positions = torch.arange(reduced)[:, None] * factor + first + torch.arange(len(taps))
    matrix = torch.zeros(reduced, size, dtype=torch.float64)
    # Several taps beyond the border land on the same edge pixel, hence the sum.
    matrix.scatter_add_(1, positions.clamp(0, size - 1), taps.expand(reduced, -1))
    return matrix.float()


@lru_cache(maxsize=16)
def _inverse(size: int, factor: int, kernel: str) -> Tensor:
    """The pseudo-inverse Rᵀ (R Rᵀ)⁻¹ of one axis of a reduction: (size, reduced size), float64 on the CPU.

    R has full row rank and a condition of 6 at most, so that this is as exact as singular values and, for 4096
    pixels, four times as fast.
    """
    R = reduction_matrix(size, factor, kernel).double()
    inverse: Tensor = torch.linalg.solve(R @ R.mT, R).mT
    return inverse
