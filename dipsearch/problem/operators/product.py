"""A product of operators: one after the other, as a reduction of a blurred image."""

from __future__ import annotations

from copy import copy
from math import prod
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from .linear_operator import LinearOperator, as_operator
from .operator import Operator
from .registry import PRODUCT, Arrays, operator_from_arrays, operator_to_arrays, register


@register(PRODUCT)
class Product:
    """Operators one after the other, written as in mathematics: ``Product(P, Q)`` is P Q, of which Q comes first.

    With a factor that is not registered it is one's own, and in no file. What it measures has the axes of a picture.

    It has ``observed`` where its outermost (first) factor has, and ``image_shape`` where its innermost (last) one has.

    Args:
        operators: at least one; dipsearch's, objects with ``A`` and ``A_adjoint``, or pairs of such functions. An own
            one that comes first needs ``image_shape``.

    Attributes:
        operators: the factors; of products among them, theirs.

    Raises:
        InputError: none, or something that is no operator.
    """

    def __init__(self, *operators: Any) -> None:
        if not operators or any(operator is None for operator in operators):
            raise InputError(
                "a product of nothing",
                "the factors of a product are operators, at least one",
                "give for example Product(Mask(mask), Blur(kernel))",
            )
        own = (as_operator(operator) for operator in operators)
        # One's own learns its shapes from its place in the product, so each place has one of its own.
        there = (copy(one) if isinstance(one, LinearOperator) else one for one in own)
        self.operators: tuple[Operator, ...] = tuple(factor for one in there for factor in factors_of(one))

    @property
    def divisor(self) -> float:
        """What the product is divided by, see ``divided_by``."""
        return prod(factor.divisor for factor in self.operators if isinstance(factor, LinearOperator))

    def divided_by(self, divisor: float) -> Self:
        """The product and its adjoint, divided by a number, which a factor of one's own takes; else as it is."""
        factors = list(self.operators)
        for index, factor in enumerate(factors):
            if isinstance(factor, LinearOperator):
                factors[index] = factor.divided_by(divisor)
                break
        return type(self)(*factors)

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


def factors_of(operator: Operator) -> tuple[Operator, ...]:
    """The factors of a product, and any other operator by itself."""
    return operator.operators if isinstance(operator, Product) else (operator,)
