"""A product of operators: one after the other, as a reduction of a blurred image."""

from __future__ import annotations

from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from .operator import Operator
from .registry import PRODUCT, Arrays, operator_from_arrays, operator_to_arrays, register


@register(PRODUCT)
class Product:
    """Operators one after the other, written as in mathematics: ``Product(P, Q)`` is P Q, of which Q comes first.

    With a factor that is not registered it is one's own, and in no file.

    It has ``observed`` where its outermost (first) factor has, and ``image_shape`` where its innermost (last) one has.

    Args:
        operators: at least one.

    Raises:
        InputError: none, or something that is no operator.
    """

    def __init__(self, *operators: Operator) -> None:
        for operator in operators or (None,):
            if not (hasattr(operator, "A") and hasattr(operator, "A_adjoint")):
                raise InputError(
                    "a product of nothing" if operator is None else f"a factor is {type(operator).__name__}",
                    "the factors of a product are operators, at least one",
                    "give for example Product(Mask(mask), Blur(kernel))",
                )
        self.operators = operators

    @property
    def observed(self) -> Tensor:
        """Where something was measured."""
        return cast(Tensor, cast(Any, self.operators[0]).observed)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(1, C, H, W) of the restored image."""
        return cast(tuple[int, ...], cast(Any, self.operators[-1]).image_shape)

    def A(self, x: Tensor) -> Tensor:
        for operator in reversed(self.operators):
            x = operator.A(x)
        return x

    def A_adjoint(self, y: Tensor) -> Tensor:
        for operator in self.operators:
            y = operator.A_adjoint(y)
        return y

    def to(self, device: torch.device | str) -> Self:
        return type(self)(*(operator.to(device) for operator in self.operators))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        arrays = {"factors": np.array(len(self.operators))}
        for index, operator in enumerate(self.operators):
            arrays |= operator_to_arrays(operator, key=str(index))
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(*(operator_from_arrays(arrays, key=str(index)) for index in range(int(arrays["factors"]))))
