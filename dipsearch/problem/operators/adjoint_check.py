"""The check of an operator that is not ours: it is linear, and its adjoint is its own."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import InputError
from .operator import Operator

TOLERANCE = 1e-3
"""How far ⟨A x, y⟩ and ⟨x, Aᵀ y⟩ may be apart, as a share of what ⟨A x, y⟩ is about: ‖A x‖ for random y of variance 1,
‖A x‖² for y = A x. In 32 bits a correct pair is at 1e-5; of ‖A x‖ ‖y‖ a wrong one may be, too, in a large image."""


SIDES = ((-2, 0), (-2, -1), (-1, 0), (-1, -1))
"""The axis and the index of the first and last row and column."""


def check_adjoint(operator: Operator, *, image_shape: tuple[int, ...]) -> None:
    """Refuse an operator that is not linear, or whose adjoint is not its own: the dot-product test.

    Raises:
        InputError: A(x) is 0, A(0) is not, A(2x) is not 2 A(x), or ⟨A x, y⟩ is not ⟨x, Aᵀ y⟩; all up to rounding.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(image_shape, generator=generator, dtype=torch.float32)
    with torch.no_grad():
        Ax = operator.A(x)
        y = torch.randn(Ax.shape, generator=generator, dtype=torch.float32)
        back, again = operator.A_adjoint(y), operator.A_adjoint(Ax)
        double, nothing = operator.A(2 * x), operator.A(torch.zeros_like(x))
    if not all(bool(torch.isfinite(value).all()) for value in (Ax, back, double, nothing)):
        raise InputError(
            "A or A_adjoint returned values that are not finite",
            "a linear map of finite values is finite",
            "correct them",
        )
    scale = float(Ax.double().norm())
    if scale == 0:
        raise InputError("A of an image is 0", "an operator measures something", "correct A")
    off = max(float((double - 2 * Ax).double().norm()) / 2, float(nothing.double().norm()))
    if off > TOLERANCE * scale:
        raise InputError(
            f"A is not linear: A(2x) − 2 A(x) and A(0) have the norm {off:.3g}, A(x) {scale:.3g}",
            "an operator is a linear map, without noise and without a constant",
            "give its linear part, and take the constant from y",
        )
    # A random y finds what is wrong in many places, A x a factor, and what lies on one side of the border alone what is
    # wrong there: of a box that repeats edge pixels a random y saw 1e-4 of ‖A x‖ once, at 256 × 256.
    pairs = [(x, Ax, y, back, scale), (x, Ax, Ax, again, scale**2)]
    for side in SIDES:
        edge = _on_side(side, image_shape, generator)
        with torch.no_grad():
            seen = operator.A(edge)
            returned = operator.A_adjoint(seen)
        # An operator may see next to nothing of a side, and that is rounding.
        pairs.append((edge, seen, seen, returned, max(float(seen.double().norm()), TOLERANCE * scale) ** 2))
    for image, measured, value, returned, usual in pairs:
        there, here = float((measured * value).double().sum()), float((image * returned).double().sum())
        if abs(there - here) > TOLERANCE * usual:
            raise InputError(
                f"A_adjoint is not the adjoint of A: <A x, y> = {there:.6g}, <x, A_adjoint(y)> = {here:.6g}",
                "for all x and y both are the same",
                "correct it (its factor and its border, too), or pass check=False to go on in spite of it",
            )


def _on_side(side: tuple[int, int], image_shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """A random image that is 0 but on one side."""
    x = torch.zeros(image_shape, dtype=torch.float32)
    edge = x.select(*side)
    edge.copy_(torch.rand(edge.shape, generator=generator, dtype=torch.float32))
    return x
