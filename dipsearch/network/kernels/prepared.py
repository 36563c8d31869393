"""An image made ready for convolutions: normalised, activated, with a border, in one pass over memory.

PyTorch's way is a normalisation, an activation and a border of its own, seven passes forward and ten back. Numbers are
those of its operations to rounding; the statistics are in 32 bits also where images are stored in 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..cuda_padding import empty
from ..gene_rules import Activation, Padding
from .launch import ACTIVATIONS, PADDINGS, WORKSPACE, Blocks, blocks, launch
from .passes import moments, prepare, sums, unprepare

EPSILON = 1e-5  # beside the variance, as in PyTorch's normalisations


@dataclass(frozen=True, eq=False)
class Scaling:
    """A normalisation per channel.

    Args:
        owner: the module that it belongs to, for its workspace.
        weight, bias: (C,); ``None``: 1 and 0.
        statistics: whether the image's own mean and deviation are taken out first.
    """

    owner: nn.Module
    weight: Tensor | None = None
    bias: Tensor | None = None
    statistics: bool = True

    def affine(self, channels: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift as tensors."""
        weight = like.new_ones(channels, dtype=torch.float32) if self.weight is None else self.weight
        bias = like.new_zeros(channels, dtype=torch.float32) if self.bias is None else self.bias
        return weight, bias


def prepared(
    x: Tensor, scaling: Scaling, *, activation: Activation | None, padding: Padding, borders: tuple[int, ...]
) -> tuple[Tensor, ...]:
    """Normalise and activate an image, and give it each of the borders.

    Args:
        x: (1, C, H, W), channels last, 32 or 16 bits.
        activation: ``None``: none.
        padding: of the borders; reflection needs H, W > border.
        borders: one or two, in pixels.

    Returns:
        For each border (1, C, H + 2 border, W + 2 border) of the same type, channels last. Their gradients are worked
        on in place: nothing else may keep those.
    """
    weight, bias = scaling.affine(x.shape[1], x)
    result: tuple[Tensor, ...] = _Prepared.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, scaling, ACTIVATIONS[activation], PADDINGS[padding], borders
    )
    return result


class _Prepared(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        scaling: Scaling,
        activation: int,
        padding: int,
        borders: tuple[int, ...],
    ) -> tuple[Tensor, ...]:
        x = channels_last(x)
        _, channels, height, width = x.shape
        cut = blocks(channels, itemsize=x.itemsize)
        mean, deviation = statistics(x, x, scaling, cut, up=0)
        outs = []
        for border in borders:
            out = empty(x, 1, channels, height + 2 * border, width + 2 * border)
            launch(
                prepare, cut.grid(out.shape[2] * out.shape[3]),
                x, x, out, mean, deviation, weight, bias, height, width, channels // cut.vec, 0,
                border, padding, activation, UP=0, VEC=cut.vec,
            )  # fmt: skip
            outs.append(out)
        ctx.save_for_backward(x, weight, bias, mean, deviation)
        ctx.settings = scaling, activation, padding, borders, cut
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, deviation = ctx.saved_tensors
        scaling, activation, padding, borders, cut = ctx.settings
        _, channels, height, width = x.shape
        gradients = tuple(channels_last(one) for one in gradients)
        first, second = gradients[0], gradients[-1]
        border, border_b = borders[0], borders[-1]
        two, groups = len(borders) == 2, channels // cut.vec
        of_weight, of_bias = torch.empty_like(weight), torch.empty_like(bias)
        if scaling.statistics or any(borders):
            grid = cut.shared_grid(height * width)
            launch(
                sums, grid, x, x, first, second, *WORKSPACE.of(scaling.owner, grid, device=x.device), of_bias,
                of_weight, mean, deviation, weight, bias, height, width, groups, 0, border, border_b, padding,
                activation, TWO=two, UP=0, VEC=cut.vec,
            )  # fmt: skip
        of_x = torch.empty_like(x)
        launch(
            unprepare, cut.grid(height * width), x, first, second, of_x, of_bias, of_weight, mean, deviation,
            weight, bias, height, width, groups, groups, border, border_b, activation,
            TWO=two, STATISTICS=scaling.statistics, VEC=cut.vec,
        )  # fmt: skip
        learned = scaling.weight is not None
        return of_x, of_weight if learned else None, of_bias if learned else None, None, None, None, None


def statistics(near: Tensor, far: Tensor, scaling: Scaling, cut: Blocks, *, up: int) -> tuple[Tensor, Tensor]:
    """Mean and reciprocal deviation of every channel of [near, far doubled]; 0 and 1 where none are wanted.

    Args:
        near: (1, C, H, W); may have no channels. far: (1, D, H/2, W/2); where ``up`` is 0 there is none.
    """
    further = far.shape[1] if up else 0
    channels, (height, width) = near.shape[1] + further, near.shape[2:]
    device, kind = near.device, torch.float32
    if not scaling.statistics:
        return torch.zeros(channels, device=device, dtype=kind), torch.ones(
            channels, device=device, dtype=kind
        )
    mean, deviation = (torch.empty(channels, device=device, dtype=kind) for _ in range(2))
    grid = cut.shared_grid(height * width)
    launch(
        moments, grid, somewhere(near, far), far,
        *WORKSPACE.of(scaling.owner, grid, device=device), mean, deviation, height, width,
        near.shape[1] // cut.vec, further // cut.vec, EPSILON, UP=up, VEC=cut.vec,
    )  # fmt: skip
    return mean, deviation


def somewhere(near: Tensor, far: Tensor) -> Tensor:
    """An address for a part that may have no channels, of which nothing is read then."""
    return near if near.shape[1] else far


def channels_last(x: Tensor) -> Tensor:
    """The image with its channels last in memory."""
    return x.contiguous(memory_format=torch.channels_last)
