"""The running average of outputs: what a fit delivers instead of its last, restless output.

An exponential average with bias correction, whose memory grows with the fit: a long memory from the first
step on would drag the first, featureless outputs along for hundreds of iterations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 0.1
"""The average never looks back further than about this share of the iterations so far."""


@dataclass(frozen=True)
class Average:
    """Exponential average x̄_t = β_t x̄_{t-1} + (1 - β_t) x_t, as in Ulyanov et al. (2018), with bias correction.

    Args:
        decay: β, in [0, 1); 0 returns the last output. The published setting is 0.99, about 100 iterations.
        value: Σ of the weighted outputs so far, ``(1, C, H, W)``; ``None`` before the first one.
        weight: Σ of the weights so far; ``value / weight`` is the average.
        step: the number of outputs seen.
    """

    decay: float
    value: Tensor | None = None
    weight: float = 0.0
    step: int = 0

    def update(self, output: Tensor) -> Average:
        """Return the average with one more output, shape ``(1, C, H, W)``; works in place on its own memory."""
        step = self.step + 1
        decay = min(self.decay, 1 - 1 / (1 + MEMORY * step))
        value = self.value
        if value is None:
            value = output.detach().mul(1 - decay)
        else:
            value.mul_(decay).add_(output.detach(), alpha=1 - decay)
        return Average(self.decay, value, decay * self.weight + (1 - decay), step)

    def read(self) -> Tensor:
        """The average, a new tensor ``(1, C, H, W)``.

        Raises:
            ValueError: nothing was averaged yet.
        """
        if self.value is None:
            raise ValueError("an average of no outputs does not exist; update it first")
        return torch.div(self.value, self.weight)
