"""The engine of a fit: one optimisation step, as fast as the device allows.

``EagerEngine`` runs on every device that PyTorch has. Whatever the step needs is made once, before the loop:
padded input, jitter buffer, optimiser; between check points nothing is read back from the device.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..network import Genome, build, make_input
from ..problem import Problem, Split

JITTER_STREAM = 0x5EED
"""Added to the seed of the jitter, so that it does not repeat the random numbers of z."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A fit that can be gone on with: the network's and the optimiser's state, copied."""

    network: dict[str, Tensor]
    optimiser: dict[str, Any]


class EagerEngine:
    """Fits ``f_θ(z + σ_p n)`` to the fitted part of a split with Adam, in fp32 and channels-last.

    Args:
        genome: architecture, input, learning rate, jitter and loss.
        problem: gives image shape, operator and device.
        split: gives the loss.
        seed: of the weights, of z and of the jitter.
        start: weights to go on from.
    """

    def __init__(
        self, genome: Genome, problem: Problem, *, split: Split, seed: int, start: Weights | None = None
    ) -> None:
        device = problem.y.device
        _, channels, self._height, self._width = problem.image_shape
        stride = 2**genome.depth
        z = make_input(
            genome, height=_up(self._height, stride), width=_up(self._width, stride), seed=seed
        )
        self._z = z.to(device).contiguous(memory_format=torch.channels_last)
        self._jitter = genome.jitter
        # Drawn in one plain block and added: normal_() on a channels-last tensor is eight times slower on CPU.
        self._noise = torch.empty(z.shape, device=device)
        self._draw = torch.Generator(device).manual_seed(seed + JITTER_STREAM)
        self._network: nn.Module = build(genome, channels=channels, seed=seed).to(device)
        self._network.train()
        self._operator, self._split = problem.operator, split
        self._loss = genome.loss
        self._adam = torch.optim.Adam(self._network.parameters(), lr=genome.learning_rate, fused=_fused(device))
        if start is not None:
            self._network.load_state_dict(start.network)
            self._adam.load_state_dict(copy.deepcopy(start.optimiser))

    def step(self) -> tuple[Tensor, Tensor]:
        """Make one step; return the loss before it (0-d) and the output ``(1, C, H, W)`` that had it, detached."""
        z = self._z
        if self._jitter > 0:
            z = z + self._noise.normal_(0, self._jitter, generator=self._draw)
        self._adam.zero_grad(set_to_none=True)
        output = self._network(z)[..., : self._height, : self._width]
        loss = self._split.loss(self._operator.A(output), kind=self._loss)
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        return loss.detach(), output.detach()

    def save(self) -> Weights:
        """A copy of the network and the optimiser as they are now."""
        network = {name: value.detach().clone() for name, value in self._network.state_dict().items()}
        return Weights(network, copy.deepcopy(self._adam.state_dict()))


def _up(size: int, stride: int) -> int:
    return -(-size // stride) * stride


def _fused(device: torch.device) -> bool:
    return device.type in ("cpu", "cuda")
