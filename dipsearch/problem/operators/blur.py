"""A blur: every pixel is spread over its neighbours by one kernel, as in deconvolution."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from torch import Tensor

from ...errors import InputError
from .gradient import with_adjoint
from .kernels import checked_kernel
from .registry import Arrays, register

Border = Literal["circular", "reflect"]


@register("blur")
class Blur:
    """Every pixel is spread over its neighbours by one kernel, the same in all places and channels.

    A is a convolution, not a correlation: one bright pixel is measured as the kernel as it was given, its centre, row
    kh // 2 and column kw // 2, on that pixel. The kernel is taken as it is: it is not brought to the sum 1, so that
    one of the sum 2 doubles the brightness. The measurement is as large as the image.

    Both borders are computed by Fourier transforms, so that the size of the kernel hardly matters. The transform
    of the kernel is made once for each size of image and kept.

    Args:
        kernel: (kh, kw), odd or even, no larger than the images.
        border: what lies beyond the image. "circular": its other side. "reflect": the image mirrored at its edge, the
            edge pixels repeated (c b a | a b c), as ``numpy.pad`` with mode="symmetric" and ``scipy.ndimage`` with
            mode="reflect".

    Raises:
        InputError: the kernel is no finite real matrix, or 0 everywhere, there is no such border, or, when it is
            applied, the image is smaller than the kernel.
    """

    def __init__(self, kernel: Tensor | NDArray[Any], *, border: Border = "circular") -> None:
        if border not in get_args(Border):
            raise InputError(
                f"the border is '{border}'", "it is 'circular' or 'reflect'", "use for example 'reflect'"
            )
        self.border: Border = border
        # On the CPU and in double precision: what is used in the loop are its transforms.
        self.kernel = checked_kernel(kernel)
        if not bool(self.kernel.any()):
            raise InputError("the kernel is 0 everywhere", "it spreads every pixel", "give its weights")
        self._transforms: dict[tuple[Any, ...], Tensor] = {}

    def A(self, x: Tensor) -> Tensor:
        return with_adjoint(x, self._spread, self._gathered)

    def A_adjoint(self, y: Tensor) -> Tensor:
        return with_adjoint(y, self._gathered, self._spread)

    def to(self, device: torch.device | str) -> Self:
        return self  # The transforms are made where the images are.

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {"kernel": self.kernel.numpy(), "border": np.array(self.border)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        border: Any = str(arrays["border"])
        return cls(arrays["kernel"], border=border)

    def refuse_smaller(self, height: int, width: int) -> None:
        """Raise InputError where an image is smaller than the kernel."""
        kh, kw = self.kernel.shape
        if kh > height or kw > width:
            raise InputError(
                f"the kernel is {kw} × {kh} pixels, the image {width} × {height}",
                "a kernel is no larger than the image",
                "crop the kernel to where it is not zero",
            )

    def _spread(self, x: Tensor) -> Tensor:
        size, transform = self._prepared(x)
        if self.border == "circular":
            return _filtered(x, transform, size)
        kh, kw = self.kernel.shape
        padded = x
        for axis, length in ((-2, kh), (-1, kw)):
            padded = _mirrored(padded, axis, before=length - 1 - length // 2, after=length // 2)
        whole = _filtered(padded, transform, size)
        return whole[..., kh - 1 : kh - 1 + x.shape[-2], kw - 1 : kw - 1 + x.shape[-1]]

    def _gathered(self, y: Tensor) -> Tensor:
        size, transform = self._prepared(y)
        if self.border == "circular":
            return _filtered(y, transform.conj(), size)
        (kh, kw), (height, width) = self.kernel.shape, y.shape[-2:]
        placed = F.pad(y, (kw - 1, size[1] - width - kw + 1, kh - 1, size[0] - height - kh + 1))
        whole = _filtered(placed, transform.conj(), size)[..., : height + kh - 1, : width + kw - 1]
        for axis, length in ((-2, kh), (-1, kw)):
            whole = _folded(whole, axis, before=length - 1 - length // 2, after=length // 2)
        return whole

    def _prepared(self, x: Tensor) -> tuple[tuple[int, int], Tensor]:
        """The size of the transform, and the transform of the kernel at that size, like x in precision and device."""
        height, width = x.shape[-2:]
        kh, kw = self.kernel.shape
        size = (height, width)
        if self.border == "reflect":
            size = (next_fast_len(height + kh - 1, real=True), next_fast_len(width + kw - 1, real=True))
        key = (size, x.dtype, x.device)
        self.refuse_smaller(height, width)
        if key not in self._transforms:
            placed = F.pad(self.kernel, (0, size[1] - kw, 0, size[0] - kh))
            if self.border == "circular":
                placed = placed.roll((-(kh // 2), -(kw // 2)), (0, 1))
            # PyTorch has no complex type on Apple's GPUs in double precision, hence the transform on the CPU.
            self._transforms[key] = torch.fft.rfft2(placed).to(x.dtype.to_complex()).to(x.device)
        return size, self._transforms[key]


def _filtered(x: Tensor, transform: Tensor, size: tuple[int, int]) -> Tensor:
    """x, continued by zeros to the size, with its spectrum multiplied."""
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(x, s=size) * transform, s=size)
    return filtered


def _mirrored(x: Tensor, axis: int, *, before: int, after: int) -> Tensor:
    """x with its first and last pixels along an axis repeated beyond the edge in reverse order."""
    first, last = x.narrow(axis, 0, before), x.narrow(axis, x.shape[axis] - after, after)
    return torch.cat([first.flip(axis), x, last.flip(axis)], dim=axis)


def _folded(x: Tensor, axis: int, *, before: int, after: int) -> Tensor:
    """The adjoint of ``_mirrored``: what lies beyond the edge is added where it was taken from."""
    size = x.shape[axis] - before - after
    inner = x.narrow(axis, before, size).clone()
    inner.narrow(axis, 0, before).add_(x.narrow(axis, 0, before).flip(axis))
    inner.narrow(axis, size - after, after).add_(x.narrow(axis, before + size, after).flip(axis))
    return inner
