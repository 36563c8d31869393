"""The running average of outputs: what a fit delivers instead of its last, restless output.

An exponential average with bias correction, whose memory grows with the fit: a long memory from the first
step on would drag the first, featureless outputs along for hundreds of iterations.
"""

from __future__ import annotations

import torch
from torch import Tensor

MEMORY = 0.1
"""The average never looks back further than about this share of the iterations so far."""


class Average:
    """Exponential average x̄_t = β_t x̄_{t-1} + (1 - β_t) x_t with bias correction (Ulyanov et al., 2018).

    Everything lies in tensors that never move, the count of outputs too, so that an update can be part of a
    recorded CUDA graph.

    Args:
        decay: β, in [0, 1); 0 returns the last output. The published setting is 0.99, about 100 iterations.
        shape: of the outputs, ``(1, C, H, W)``.
        device: where they are.
    """

    def __init__(self, decay: float, *, shape: tuple[int, ...], device: torch.device | str = "cpu") -> None:
        self.decay = decay
        self.value = torch.zeros(shape, device=device, dtype=torch.float32)
        self.weight = torch.zeros((), device=device, dtype=torch.float32)  # Σ of the weights so far
        self.step = torch.zeros((), device=device, dtype=torch.float32)
        self._one = torch.ones((), device=device, dtype=torch.float32)

    def update(self, output: Tensor) -> None:
        """Take in one more output, shape ``(1, C, H, W)``."""
        self.step.add_(1)
        share = torch.reciprocal(1 + MEMORY * self.step).clamp_(min=1 - self.decay)  # 1 - β_t
        self.value.lerp_(output, share)
        self.weight.lerp_(self._one, share)

    def read(self) -> Tensor:
        """The average, a new tensor ``(1, C, H, W)``; NaN before the first output."""
        return torch.div(self.value, self.weight)

    def tensors(self) -> tuple[Tensor, ...]:
        """Its whole state."""
        return self.value, self.weight, self.step
