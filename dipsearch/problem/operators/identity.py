"""The identity: the measurement is the image itself, as in denoising."""

from __future__ import annotations

from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor

from .registry import Arrays, register


@register("identity")
class Identity:
    """The measurement is the image itself, as in denoising.

    Attributes:
        recognised: whether it was given as a pair of functions.
    """

    recognised = False

    def A(self, x: Tensor) -> Tensor:
        return x

    def A_adjoint(self, y: Tensor) -> Tensor:
        return y

    def A_pinv(self, y: Tensor) -> Tensor:
        return y

    def to(self, device: torch.device | str) -> Self:
        return self

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls()
