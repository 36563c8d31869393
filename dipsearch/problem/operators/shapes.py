"""Shapes: of images, and of measurements as their operators have them and as a problem has them."""

from __future__ import annotations

from operator import index

import torch
from torch import Tensor

from ...errors import InputError


def four_numbers(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The shape of an image, (H, W), (C, H, W) or (1, C, H, W), as the last of these.

    Raises:
        InputError: it is none of them.
    """
    try:
        sizes = tuple(index(size) for size in shape)
    except TypeError:
        sizes = ()
    whole = (1,) * (4 - len(sizes)) + sizes
    if len(sizes) not in (2, 3, 4) or whole[0] != 1 or min(whole) < 1:
        raise InputError(
            f"the shape of the image is {shape!r}",
            "it is (1, C, H, W), (C, H, W) or (H, W)",
            "give for example image_shape=(1, 3, 256, 256)",
        )
    return whole[0], whole[1], whole[2], whole[3]


def in_32_bits(y: Tensor) -> Tensor:
    return y.to(torch.complex64 if y.is_complex() else torch.float32)


def in_64_bits(y: Tensor) -> Tensor:
    return y.to(torch.complex128 if y.is_complex() else torch.float64)


def as_channels(x: Tensor) -> Tensor:
    """Complex values (1, C, H, W) as (1, 2C, H, W), real parts first; real ones as they are."""
    return torch.cat([x.real, x.imag], dim=1) if x.is_complex() else x


def as_complex(x: Tensor) -> Tensor:
    """The way back."""
    real, imaginary = x.chunk(2, dim=1)
    return torch.complex(real.contiguous(), imaginary.contiguous())


def as_four(y: Tensor, measured: tuple[int, ...]) -> Tensor:
    """A measurement as (1, c, h, w) of real values; of complex ones the real parts come first."""
    y = y.reshape(measured)
    last = y.shape[-2:] if y.ndim >= 2 else (1, y.shape[-1])
    return as_channels(y.reshape(1, -1, *last))


def as_measured(y: Tensor, measured: tuple[int, ...], *, complex_values: bool) -> Tensor:
    """The way back."""
    return (as_complex(y) if complex_values else y).reshape(measured)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without leading axes of length 1."""
    sizes = tuple(shape)
    while sizes and sizes[0] == 1:
        sizes = sizes[1:]
    return sizes
