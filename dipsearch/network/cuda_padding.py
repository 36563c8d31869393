"""Borders and bilinear doubling written from slices: for GPUs, where PyTorch's own are the weak spot of the loop.

There the backward passes of reflection, replication and bilinear interpolation add with atomic operations, so
that no two runs are alike and short formats crawl, and the borders lose the channels-last layout, after which
every convolution converts. These do neither, on any device. The numbers are those of PyTorch's operations.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor


def extend(x: Tensor, border: int, mode: Literal["reflect", "replicate"]) -> Tensor:
    """`torch.nn.functional.pad` by `border` pixels on each side of (B, C, H, W); reflection needs H, W > border."""
    result: Tensor = _Extend.apply(x, border, mode)  # type: ignore[no-untyped-call]
    return result


def double(x: Tensor) -> Tensor:
    """Bilinear interpolation of (B, C, H, W) to (B, C, 2H, 2W), `align_corners` False."""
    result: Tensor = _Double.apply(x)  # type: ignore[no-untyped-call]
    return result


class _Extend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, border: int, mode: str) -> Tensor:
        ctx.border, ctx.mirror = border, int(mode == "reflect")
        batch, channels, height, width = x.shape
        out = empty(x, batch, channels, height + 2 * border, width + 2 * border)
        out[..., border:-border, border:-border] = x
        for dim, size in ((2, height), (3, width)):
            rows = out if dim == 3 else out[..., border:-border]
            for target, source in _pairs(size, border, ctx.mirror):
                rows.select(dim, target).copy_(rows.select(dim, source))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        border = ctx.border
        g = gradients[0].clone(memory_format=torch.channels_last)
        for dim in (3, 2):
            rows = g if dim == 3 else g[..., border:-border]
            for target, source in _pairs(g.shape[dim] - 2 * border, border, ctx.mirror):
                rows.select(dim, source).add_(rows.select(dim, target))
        return (
            g[..., border:-border, border:-border].contiguous(memory_format=torch.channels_last),
            None,
            None,
        )


def _pairs(size: int, border: int, mirror: int) -> list[tuple[int, int]]:
    """Which line of the border is a copy of which line of the image, both counted in the result."""
    first, last = border, border + size - 1
    return [
        pair
        for i in range(1, border + 1)
        for pair in ((first - i, first + mirror * i), (last + i, last - mirror * i))
    ]


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        for dim in (2, 3):
            shape = list(x.shape)
            shape[dim] *= 2
            out = empty(x, *shape)
            last = x.shape[dim] - 1
            even, odd = _halves(out, dim)
            even.select(dim, 0).copy_(x.select(dim, 0))
            odd.select(dim, last).copy_(x.select(dim, last))
            lower, upper = x.narrow(dim, 0, last), x.narrow(dim, 1, last)
            even.narrow(dim, 1, last).copy_(torch.lerp(upper, lower, 0.25))
            odd.narrow(dim, 0, last).copy_(torch.lerp(lower, upper, 0.25))
            x = out
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor]:
        g = gradients[0]
        for dim in (3, 2):
            even, odd = _halves(g, dim)
            last = even.shape[dim] - 1
            of_x = torch.add(even, odd).contiguous(memory_format=torch.channels_last).mul_(0.75)
            of_x.narrow(dim, 0, last).add_(even.narrow(dim, 1, last), alpha=0.25)
            of_x.narrow(dim, 1, last).add_(odd.narrow(dim, 0, last), alpha=0.25)
            of_x.select(dim, 0).add_(even.select(dim, 0), alpha=0.25)
            of_x.select(dim, last).add_(odd.select(dim, last), alpha=0.25)
            g = of_x
        return (g,)


def _halves(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The even and the odd lines."""
    return (x[:, :, ::2], x[:, :, 1::2]) if dim == 2 else (x[..., ::2], x[..., 1::2])


def empty(like: Tensor, *shape: int) -> Tensor:
    """An image of this shape with its channels last, of the type of another one."""
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
