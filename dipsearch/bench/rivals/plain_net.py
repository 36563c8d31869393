"""A plain chain of 3×3 convolutions with seeded weights, for the small networks among the rivals."""

from __future__ import annotations

import math

from torch import Generator, nn


def plain_net(
    channels: int, *, width: int, layers: int, activation: nn.Module, last_kernel: int, draw: Generator
) -> nn.Sequential:
    """``layers`` convolutions that keep the size, with an activation between them.

    Args:
        channels: of input and output.
        width: channels between the layers.
        activation: without parameters.
        last_kernel: side of the last kernel, odd.
        draw: of the initial weights, which follow PyTorch's defaults.
    """
    parts: list[nn.Module] = []
    for index in range(layers):
        last = index == layers - 1
        kernel = last_kernel if last else 3
        layer = nn.Conv2d(
            width if index else channels, channels if last else width, kernel, padding=kernel // 2
        )
        bound = 1 / math.sqrt(layer.weight[0].numel())
        nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=draw)
        assert layer.bias is not None
        nn.init.uniform_(layer.bias, -bound, bound, generator=draw)
        parts += [layer] if last else [layer, activation]
    return nn.Sequential(*parts)
