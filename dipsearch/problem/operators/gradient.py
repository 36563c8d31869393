"""The gradient of a linear map is its adjoint: nothing that autograd would have to find out.

Autograd through a Fourier transform takes twice as long as the adjoint that an operator has anyway, and through
a sparse product it would transpose the matrix in every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]


def with_adjoint(value: Tensor, there: Map, back: Map) -> Tensor:
    """Return ``there(value)``, with ``back`` as its gradient, and ``there`` as the gradient of that.

    Args:
        value: what the map is applied to.
        there: a linear map.
        back: its adjoint.
    """
    return cast(Tensor, _WithAdjoint.apply(value, there, back))  # type: ignore[no-untyped-call]


class _WithAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, value: Tensor, there: Map, back: Map) -> Tensor:
        context.maps = there, back
        return there(value.detach())  # NumPy takes no tensor that wants a gradient

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        there, back = context.maps
        return with_adjoint(gradients[0], back, there), None, None
