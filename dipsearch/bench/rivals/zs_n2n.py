"""Zero-Shot Noise2Noise: a tiny network learns the noise from two half-size versions of the very picture.

Own code from the formulas of Mansour and Heckel, CVPR 2023 (arXiv 2303.11253): a pair of downsamplers D₁, D₂ that
average the diagonals of 2 × 2 blocks, the symmetric residual loss

    ½ (‖D₁y − f(D₁y) − D₂y‖² + ‖D₂y − f(D₂y) − D₁y‖²)

and the consistency loss ½ Σ ‖Dᵢy − f(Dᵢy) − Dᵢ(y − f(y))‖²; the answer is y − f(y).
"""

from __future__ import annotations

import math
import time

import torch
from torch import Generator, Tensor, nn

from ...problem import Problem
from ...problem.randomness import generator_for
from .rival_limits import Limits


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


WIDTH, LAYERS, SLOPE = 48, 3, 0.2
STEPS, LEARNING_RATE = 2000, 1e-3
HALVED_EVERY = 1000
"""As in the authors' code: the learning rate is halved after so many steps."""


def zero_shot_noise2noise(problem: Problem, limits: Limits) -> Tensor:
    """Denoise y ``(1, C, H, W)`` without any other picture and without knowing its noise."""
    y = problem.y
    draw = generator_for("zero-shot noise2noise", limits.seed)
    network = plain_net(
        y.shape[1], width=WIDTH, layers=LAYERS, activation=nn.LeakyReLU(SLOPE), last_kernel=1, draw=draw
    )
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.StepLR(adam, HALVED_EVERY, gamma=0.5)
    until = time.monotonic() + limits.seconds
    for _ in range(limits.most(STEPS)):
        adam.zero_grad()
        pair_loss(network, y).backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
        if time.monotonic() > until:
            break
    with torch.no_grad():
        noise: Tensor = network(y)
        return (y - noise).clamp(0, 1)


def pair_of(y: Tensor) -> tuple[Tensor, Tensor]:
    """D₁y and D₂y: means of the two diagonals of every 2 × 2 block, ``(1, C, h // 2, w // 2)`` each."""
    height, width = (side - side % 2 for side in y.shape[-2:])
    y = y[..., :height, :width]
    first = (y[..., ::2, 1::2] + y[..., 1::2, ::2]) / 2
    second = (y[..., ::2, ::2] + y[..., 1::2, 1::2]) / 2
    return first, second


def pair_loss(network: nn.Module, y: Tensor) -> Tensor:
    """Residual and consistency loss, a scalar."""
    first, second = pair_of(y)
    from_first, from_second = first - network(first), second - network(second)
    whole_first, whole_second = pair_of(y - network(y))
    residual = _mse(from_first, second) + _mse(from_second, first)
    consistency = _mse(from_first, whole_first) + _mse(from_second, whole_second)
    return (residual + consistency) / 2


def _mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean()
