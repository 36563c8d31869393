"""Adam, by PyTorch's own kernels and without its optimiser classes: the first of those imports its compiler, which
takes two seconds of every process, and nothing here is compiled.

Its moments lie in tensors that never move, so that a step can be part of a recorded CUDA graph (Kingma, Ba, Adam: A
Method for Stochastic Optimization, 2015, arXiv 1412.6980).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

BETAS = 0.9, 0.999
EPSILON = 1e-8
"""Those of Kingma and Ba 2015, arXiv:1412.6980, and of the DIP authors' code."""


class Adam:
    """The optimiser of one fit.

    Args:
        parameters: what is fitted.
        learning_rate: above 0.
        weight_decay: what the gradient is added of every weight.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self._parameters = [one for one in parameters if one.requires_grad]
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        device = self._parameters[0].device
        real = not any(one.is_complex() for one in self._parameters)
        self._fused, self._capturable = device.type in ("cpu", "cuda") and real, device.type == "cuda"
        self._first = [torch.zeros_like(one) for one in self._parameters]
        self._second = [torch.zeros_like(one) for one in self._parameters]
        steps_at = device if self._fused or self._capturable else "cpu"
        self._steps = [torch.zeros((), device=steps_at, dtype=torch.float32) for _ in self._parameters]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for one in self._parameters:
            one.grad = None

    @property
    def has_gradient(self) -> bool:
        """Whether a parameter has one."""
        return any(one.grad is not None for one in self._parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Go a step along the gradients; parameters without one stay where they are."""
        there = [index for index, one in enumerate(self._parameters) if one.grad is not None]
        gradients = [self._parameters[index].grad for index in there]
        adam(
            [self._parameters[index] for index in there],
            [one for one in gradients if one is not None],
            [self._first[index] for index in there],
            [self._second[index] for index in there],
            [],
            [self._steps[index] for index in there],
            foreach=False,
            capturable=self._capturable,
            fused=self._fused,
            has_complex=any(self._parameters[index].is_complex() for index in there),
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Its whole state, by name."""
        return {
            f"{index}.{name}": values[index]
            for index in range(len(self._parameters))
            for name, values in (
                ("step", self._steps),
                ("exp_avg", self._first),
                ("exp_avg_sq", self._second),
            )
        }
