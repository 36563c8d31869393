"""The parts of the skip network: normalisation, activation, changes of resolution, and the block that
repeats.

Everything takes and returns channels-last images (1, C, H, W). Normalisation always uses the statistics of
the present image: an untrained network that is fitted to one picture has no others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import Convolution, device_of, draw_uniform
from .cuda_padding import double
from .gene_rules import Activation, Downsampling, Norm, Padding, Upsampling

_EPSILON = 1e-5  # beside the variance, as in PyTorch's normalisations

# In place where the gradient can be taken from the result: it saves one copy of every activation.
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2, inplace=True),
    "relu": lambda x: F.relu(x, inplace=True),
    "elu": lambda x: F.elu(x, inplace=True),
    "silu": F.silu,
    "gelu": F.gelu,
}


class Normalisation(nn.Module):
    """Normalise each channel, or group of up to 8 channels, by the mean and variance of the present image.

    A single pixel has no variance; it becomes the learned shift, as the formula says (PyTorch's modules
    refuse it).

    Args:
        kind: "batch" (per channel, learned scale and shift), "instance" (per channel, nothing learned),
            "group" (learned scale and shift) or "none".
        channels: of the image.
    """

    def __init__(self, kind: Norm, channels: int) -> None:
        super().__init__()
        self.kind, self.groups = kind, channels // math.gcd(channels, 8)
        if kind in ("batch", "group"):
            self.weight = nn.Parameter(torch.ones(channels, dtype=torch.float32))
            self.bias = nn.Parameter(torch.zeros(channels, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "batch":
            return torch.batch_norm(
                x, self.weight, self.bias, None, None, True, 0.0, _EPSILON, torch.backends.cudnn.enabled
            )
        if self.kind == "instance":
            return torch.batch_norm(
                x, None, None, None, None, True, 0.0, _EPSILON, torch.backends.cudnn.enabled
            )
        if self.kind == "group":
            return torch.group_norm(
                x, self.groups, self.weight, self.bias, _EPSILON, torch.backends.cudnn.enabled
            )
        return x


class Block(nn.Module):
    """Convolution, (downsampling,) normalisation, activation."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel: int,
        norm: Norm,
        activation: Activation,
        padding: Padding,
        downsampling: Downsampling | None = None,
    ) -> None:
        super().__init__()
        stride = 2 if downsampling == "stride" else 1
        self.convolution = Convolution(
            channels_in, channels_out, kernel=kernel, stride=stride, padding=padding
        )
        self.normalisation = Normalisation(norm, channels_out)
        self.activation, self.downsampling = activation, downsampling

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(x)
        if self.downsampling is not None:
            x = halve(x, self.downsampling)
        return ACTIVATIONS[self.activation](self.normalisation(x))


def halve(x: Tensor, how: Downsampling) -> Tensor:
    """Halve the resolution (H and W even); "stride" was done by the convolution and changes nothing."""
    if how == "average":
        return F.avg_pool2d(x, 2)
    if how == "max":
        return F.max_pool2d(x, 2)
    if how == "lanczos2":
        return _halve_lanczos(x)
    return x


def _halve_lanczos(x: Tensor) -> Tensor:
    """Lanczos-2 with antialiasing and phase 0.5: eight taps per direction, the border replicated."""
    taps = _lanczos_taps(x.dtype, x.device)
    channels = x.shape[1]
    x = F.pad(x, (3, 3, 3, 3), mode="replicate")
    x = F.conv2d(x, taps.view(1, 1, 8, 1).expand(channels, 1, 8, 1), stride=(2, 1), groups=channels)
    return F.conv2d(x, taps.view(1, 1, 1, 8).expand(channels, 1, 1, 8), stride=(1, 2), groups=channels)


@cache  # a CUDA graph cannot be recorded while numbers come from the host
def _lanczos_taps(dtype: torch.dtype, device: torch.device) -> Tensor:
    distance = (torch.arange(8, dtype=torch.float64) - 3.5) / 2
    taps = torch.sinc(distance) * torch.sinc(distance / 2)
    return (taps / taps.sum()).to(device, dtype)


class Upsampler(nn.Module):
    """Double the resolution.

    "pixel_shuffle" is a 1×1 convolution to four times the channels and a rearrangement; "transposed" a 4×4
    transposed convolution with stride 2; the interpolations learn nothing (`align_corners` is False).
    """

    def __init__(self, kind: Upsampling, channels: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "pixel_shuffle":
            self.expand = Convolution(channels, 4 * channels, kernel=1)
        if kind == "transposed":
            self.weight = nn.Parameter(torch.empty(channels, channels, 4, 4, dtype=torch.float32))
            self.bias = nn.Parameter(torch.empty(channels, dtype=torch.float32))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the weights as `torch.nn.ConvTranspose2d` does."""
        if self.kind == "transposed":
            draw_uniform(self.weight, self.bias, fan_in=self.weight[0].numel(), generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "pixel_shuffle":
            return F.pixel_shuffle(self.expand(x), 2)
        if self.kind == "transposed":
            return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1)
        if self.kind == "nearest":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        if self.kind == "bilinear" and device_of(x) == "cuda":
            return double(x)
        return F.interpolate(x, scale_factor=2, mode=self.kind, align_corners=False)


def concatenate(skip: Tensor, deeper: Tensor) -> Tensor:
    """Join two images (1, C, H, W) along their channels."""
    result: Tensor = _Concatenation.apply(skip, deeper)  # type: ignore[no-untyped-call]
    return result


class _Concatenation(torch.autograd.Function):
    """torch.cat whose gradients are whole tensors.

    PyTorch's are views into the joint gradient, over which the backward passes of the interpolations are
    eight times slower on a CPU than over a copy.
    """

    @staticmethod
    def forward(ctx: Any, skip: Tensor, deeper: Tensor) -> Tensor:
        ctx.channels = skip.shape[1], deeper.shape[1]
        return torch.cat([skip, deeper], 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        parts = torch.split(gradients[0], ctx.channels, 1)
        return tuple(part.contiguous(memory_format=torch.channels_last) for part in parts)
