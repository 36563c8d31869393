"""The running average of outputs: what a fit delivers instead of its last, restless output.

An average is a small state machine, ``init`` and ``update``, as a stopping rule is. Ours is exponential with bias
correction, and its memory grows with the fit: a long memory from the first step on would drag the first, featureless
outputs along for hundreds of iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from ..errors import InputError

MEMORY = 0.1
"""The average never looks back further than about this share of the iterations so far."""

Memory = tuple[Tensor, ...]
"""What an average remembers: tensors that never move, so that an update can be part of a recorded CUDA graph."""


_M = TypeVar("_M", bound=Memory)


class Average(Protocol[_M]):
    """What every average is: a memory, one step that changes it in place, and the image that it stands for."""

    def init(self, output: Tensor) -> _M:
        """The memory before the first output.

        Args:
            output: zeros ``(1, C, H, W)``, as outputs are, on their device.
        """
        ...

    def update(self, memory: _M, output: Tensor, step: Tensor) -> None:
        """Take in one more output; nothing is read back from the device.

        Args:
            memory: is changed in place.
            output: ``(1, C, H, W)``; the next one takes its place.
            step: ``()``, how many outputs there have been with this one.
        """
        ...

    def read(self, memory: _M) -> Tensor:
        """The image ``(1, C, H, W)`` that is judged and delivered."""
        ...


@dataclass(frozen=True)
class ExponentialAverage(Average[Memory]):
    """Exponential average x̄_t = β_t x̄_{t-1} + (1 - β_t) x_t with bias correction (Ulyanov et al., 2018).

    Args:
        decay: β, in [0, 1); 0 returns the last output. The published setting is 0.99, about 100 iterations.

    Raises:
        InputError: ``decay`` is outside.
    """

    decay: float

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise InputError(f"the decay is {self.decay}", "it is in [0, 1)", "give for example 0.99")

    def init(self, output: Tensor) -> Memory:
        """The average, and the sum of the weights so far."""
        return torch.zeros_like(output), output.new_zeros(())

    def update(self, memory: Memory, output: Tensor, step: Tensor) -> None:
        """Let the new output have its share."""
        value, weight = memory
        share = torch.reciprocal(1 + MEMORY * step).clamp_(min=1 - self.decay)  # 1 - β_t
        value.lerp_(output, share)
        weight.lerp_(torch.ones_like(weight), share)

    def read(self, memory: Memory) -> Tensor:
        """The average; NaN before the first output."""
        return torch.div(*memory)


class RunningAverage:
    """An average of one fit, with its memory.

    Args:
        average: how outputs are averaged.
        shape: of the outputs, ``(1, C, H, W)``.
        device: where they are.

    Attributes:
        step: ``()``, the outputs so far.

    Raises:
        InputError: its memory is no tuple of tensors.
    """

    def __init__(
        self, average: Average[Any], *, shape: tuple[int, ...], device: torch.device | str = "cpu"
    ) -> None:
        self._average, self._shape = average, tuple(shape)
        self.step = torch.zeros((), device=device, dtype=torch.float32)
        memory = average.init(torch.zeros(shape, device=device, dtype=torch.float32))
        if not isinstance(memory, tuple) or not memory or not all(isinstance(one, Tensor) for one in memory):
            raise InputError(
                f"init of the average returned {'an empty tuple' if memory == () else type(memory).__name__}",
                "the memory of an average is a tuple of tensors, which update changes in place and a file keeps",
                "return for example (torch.zeros_like(output),)",
            )
        self._memory = memory

    def update(self, output: Tensor) -> None:
        """Take in one more output, shape ``(1, C, H, W)``.

        Raises:
            InputError: the average does not change its memory in place.
        """
        self.step.add_(1)
        returned: object = self._average.update(self._memory, output, self.step)  # type: ignore[func-returns-value]
        if returned is not None:
            raise InputError(
                f"update of the average returned {type(returned).__name__}",
                "it changes the tensors of its memory in place, and returns nothing",
                "write for example memory[0].add_(output)",
            )

    def read(self) -> Tensor:
        """The average, a new tensor ``(1, C, H, W)``.

        Raises:
            InputError: it is something else.
        """
        image = self._average.read(self._memory)
        if not isinstance(image, Tensor) or tuple(image.shape) != self._shape:
            raise InputError(
                f"read of the average returned {getattr(image, 'shape', type(image).__name__)}",
                f"it is an image {self._shape}",
                "correct read",
            )
        # The memory goes on changing under an image that shares it.
        places = {one.untyped_storage().data_ptr() for one in self._memory}
        return image.clone() if image.untyped_storage().data_ptr() in places else image

    def tensors(self) -> Memory:
        """Its whole state."""
        return *self._memory, self.step
