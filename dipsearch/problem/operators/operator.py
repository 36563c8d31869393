"""Operators: the linear map A from the restored image to the measurement, together with its adjoint.

A problem holds one; the loop applies ``A`` to the generator's output in every step. ``A_adjoint`` is exact:
⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for all x and y. Everything that depends on what was measured follows from these two.
"""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

from torch import Tensor, device


class Operator(Protocol):
    """A linear map (1, C, H, W) -> (1, c, h, w) and its adjoint, the way back.

    An operator may have more, which is used where it is there:

    * ``image_shape``, (1, C, H, W): of the images that it takes;
    * ``observed``, (1, 1, h, w) of 0 and 1: where it measures at all;
    * ``A_pinv(y)``: A⁺ y, of all images that come closest to y under A the one of least energy;
    * what `register` needs to write it to a file.
    """

    def A(self, x: Tensor) -> Tensor: ...
    def A_adjoint(self, y: Tensor) -> Tensor: ...
    def to(self, device: device | str) -> Self: ...


@runtime_checkable
class Invertible(Protocol):
    """An operator that knows its pseudo-inverse in closed form."""

    def A_pinv(self, y: Tensor) -> Tensor: ...
