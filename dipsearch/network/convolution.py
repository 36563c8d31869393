"""Convolutions over one channels-last image: the same numbers as PyTorch's, in the form that is fast on the
machine.

On a CPU with AVX2 the weight gradient of oneDNN reaches a third of the speed of its forward pass, and 1×1
convolutions take a slow path. Both are matrix products over the pixels, and as such run two to three times
faster; wide 3×3 convolutions need fewer multiplications in another basis (`winograd`). Which form is used
depends on the shape and on the instruction set only, never on a measurement, so that the same machine always
computes the same bits. GPUs, other instruction sets and meta tensors use PyTorch's own convolution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import cuda_padding as cuda_padding
from . import winograd
from .gene_rules import Padding

# Rows of the patch matrix that are formed at a time: small enough to stay in the second-level cache.
_PIXELS_AT_ONCE = 512
# Channels in × channels out from which on the matrix products win.
_WIDE = 512


class Convolution(nn.Module):
    """A convolution with bias that keeps the size of its input, or halves it (rounded up) with stride 2.

    Padding by reflection needs more than `kernel // 2` pixels in each direction; on smaller images (the
    deepest scales of a small picture) the border is replicated instead.

    Args:
        channels_in, channels_out: number of channels.
        kernel: odd size.
        stride: 1 or 2.
        padding: what stands beyond the border.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel: int,
        stride: int = 1,
        padding: Padding = "reflect",
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        self.weight = nn.Parameter(
            torch.empty(channels_out, channels_in, kernel, kernel, dtype=torch.float32)
        )
        self.bias = nn.Parameter(torch.empty(channels_out, dtype=torch.float32))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw weight and bias as `torch.nn.Conv2d` does: uniform within 1/√(values that one output sees)."""
        draw_uniform(self.weight, self.bias, fan_in=self.weight[0].numel(), generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        if kernel == 1 and self.stride == 1:
            return pointwise(x, self.weight, self.bias)
        border = kernel // 2
        if border and self.padding != "zero":
            x = pad(x, border, self.padding)
            border = 0
        return convolve(x, self.weight, self.bias, stride=self.stride, border=border)


def draw_uniform(weight: Tensor, bias: Tensor, *, fan_in: int, generator: torch.Generator) -> None:
    """PyTorch's default initialisation of convolutions, from an explicit generator."""
    bound = 1 / math.sqrt(fan_in)
    with torch.no_grad():
        weight.uniform_(-bound, bound, generator=generator)
        bias.uniform_(-bound, bound, generator=generator)


def pad(x: Tensor, border: int, padding: Padding) -> Tensor:
    """Extend `x` (1, C, H, W) by `border` pixels on each side.

    Reflection turns into replication where the image is too small for it.
    """
    if padding == "zero":
        return F.pad(x, (border,) * 4)
    if padding == "reflect" and min(x.shape[2:]) <= border:
        padding = "replicate"
    if device_of(x) == "cuda" or x.dtype is torch.bfloat16:  # of which autocast would make 32 bits and back
        return cuda_padding.extend(x, border, padding)
    return F.pad(x, (border,) * 4, mode=padding)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A 1×1 convolution; on the CPU as one matrix product over the pixels.

    Args:
        x: (B, C, H, W). weight: (O, C, 1, 1). bias: (O,).

    Returns:
        (B, O, H, W).
    """
    if device_of(x) != "cpu":
        return F.conv2d(x, weight, bias)
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)


def convolve(x: Tensor, weight: Tensor, bias: Tensor, *, stride: int = 1, border: int = 0) -> Tensor:
    """`torch.nn.functional.conv2d` with `border` zeros around `x`, in a faster form where there is one.

    Args:
        x: (B, C, H, W). weight: (O, C, k, k). bias: (O,).

    Returns:
        (B, O, H', W').
    """
    if _products_pay(x, weight):
        if stride == 1 and winograd.pays(x, weight, border=border):
            return winograd.winograd(F.pad(x, (border,) * 4) if border else x, weight, bias)
        result: Tensor = _PatchConvolution.apply(x, weight, bias, stride, border)  # type: ignore[no-untyped-call]
        return result
    return F.conv2d(x, weight, bias, stride, border)


def _products_pay(x: Tensor, weight: Tensor) -> bool:
    """Whether gradients are faster as matrix products; measured on AVX2, one thread, one image.

    Narrow layers make thin matrices, and other instruction sets have other kernels: both stay with PyTorch.
    """
    wide = weight.shape[0] * weight.shape[1] >= _WIDE
    # In short numbers PyTorch's own have to do: what is kept for these gradients would be of two kinds.
    plain = not torch.is_autocast_enabled("cpu")
    return wide and plain and device_of(x) == "cpu" and x.shape[0] == 1 and _instruction_set() == "AVX2"


@contextmanager
def as_on(device: str) -> Iterator[None]:
    """Inside the block, meta tensors take the forms that `device` ("cpu", "cuda", …) would take."""
    token = _stands_for.set(device)
    try:
        yield
    finally:
        _stands_for.reset(token)


_stands_for: ContextVar[str] = ContextVar("_stands_for", default="meta")


def device_of(x: Tensor) -> str:
    """The kind of device that `x` is on, or stands for (`as_on`)."""
    return _stands_for.get() if x.device.type == "meta" else x.device.type


@cache
def _instruction_set() -> str:
    return torch.backends.cpu.get_cpu_capability()


class _PatchConvolution(torch.autograd.Function):
    """conv2d of one image whose weight gradient is a sum of matrix products, output gradient × patches."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, border: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.border = stride, border
        return F.conv2d(x, weight, bias, stride, border)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.ops.aten.convolution_backward(
                gradient, x, weight, [0], [ctx.stride] * 2, [ctx.border] * 2, [1, 1], False, [0, 0], 1,
                [True, False, False],
            )[0]  # fmt: skip
        pixels = gradient[0].permute(1, 2, 0)  # (H', W', O)
        if ctx.border:
            x = F.pad(x, (ctx.border,) * 4)
        of_weight = _weight_gradient(
            x[0].permute(1, 2, 0), pixels, kernel=weight.shape[-1], stride=ctx.stride
        )
        return of_x, of_weight, pixels.sum((0, 1)), None, None


def _weight_gradient(x: Tensor, gradient: Tensor, *, kernel: int, stride: int) -> Tensor:
    """Σ over the pixels of output gradient × patch, some rows at a time.

    Args:
        x: padded input (H, W, C). gradient: of the output (H', W', O).

    Returns:
        (O, C, k, k), channels last.
    """
    height, width, channels_out = gradient.shape
    patches = (
        x.unfold(0, kernel, stride).unfold(1, kernel, stride).permute(0, 1, 3, 4, 2)
    )  # (H', W', k, k, C), a view
    size = kernel * kernel * x.shape[2]
    total = x.new_zeros(channels_out, size)
    rows = max(1, _PIXELS_AT_ONCE // width)
    for top in winograd.few_on_meta(list(range(0, height, rows)), x):
        block = patches[top : top + rows].reshape(-1, size)
        total.addmm_(gradient[top : top + rows].reshape(-1, channels_out).t(), block)
    return total.view(channels_out, kernel, kernel, -1).permute(0, 3, 1, 2)
