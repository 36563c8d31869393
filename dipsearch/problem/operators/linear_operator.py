"""One's own operator: any pair of a linear map and its adjoint, of whatever shapes, as an operator of ours.

The pair need not be differentiable: the gradient of A is its adjoint, so it may be written in NumPy or call another
program. Objects of other libraries that have ``A`` and ``A_adjoint``, such as deepinv's ``LinearPhysics``, are taken
as they are.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Any, Self, cast

import torch
from torch import Tensor

from ...errors import InputError, out_of_memory
from .gradient import with_adjoint
from .identity import Identity
from .maps import At, Map, Method, called, devices_of, image_shape_of, moved_to, own_shape, tried
from .operator import Operator
from .registry import is_registered
from .shapes import as_complex, as_four, as_measured, four_numbers, in_32_bits, squeezed


class LinearOperator:
    """A linear map and its adjoint.

    Args:
        A: takes an image (1, C, H, W), complex with ``complex_image``, and returns a measurement of any shape, real or
            complex.
        A_adjoint: takes such a measurement back to an image; of a real image the real part is taken.
        image_shape: (1, C, H, W), or (C, H, W) or (H, W); found out by ``A_adjoint`` where it is ``None``.
        complex_image: whether images are complex. They have 2C real channels inside, real parts first.

    Attributes:
        image_shape: (1, C, H, W) in real channels; ``None``: not known yet.
        measured_shape: of what A returns; ``None`` likewise.
        divisor: what both are divided by, see ``divided_by``.
    """

    def __init__(
        self,
        A: Map,
        A_adjoint: Map,
        *,
        image_shape: tuple[int, ...] | None = None,
        complex_image: bool = False,
    ) -> None:
        for name, part in (("A", A), ("A_adjoint", A_adjoint)):
            if not callable(part):
                raise InputError(
                    f"{name} is {type(part).__name__}", "it is a function of a tensor", "give one"
                )
        self._forward, self._backward = A, A_adjoint
        self.complex_image = complex_image
        self.image_shape: tuple[int, int, int, int] | None = None
        self.measured_shape: tuple[int, ...] | None = None
        self._complex = False
        self.divisor = 1.0
        if image_shape is not None:
            self._set_shape(image_shape, doubled=complex_image)

    def shaped(self, y: Tensor) -> Self:
        """The same operator once it knows its shapes, from a measurement as its A returns it.

        Raises:
            InputError: the measurement and the operator do not belong together.
        """
        made = copy(self)
        with torch.no_grad():
            if made.image_shape is None:
                made._set_shape(image_shape_of(made._backward, y), doubled=made.complex_image)
            tried(made._backward, in_32_bits(torch.zeros_like(made._measure())), name="A_adjoint")
        return made

    def for_images(self, image_shape: tuple[int, ...]) -> LinearOperator:
        """The same pair for images of this shape, as the pair takes them."""
        return LinearOperator(
            self._forward, self._backward, image_shape=image_shape, complex_image=self.complex_image
        )

    def reached_from_cpu(self, y: Tensor, *, home: torch.device | str) -> Self:
        """The same operator for tensors on the CPU, of parts that may hold tensors on the device that y came from.

        Args:
            y: the measurement on the CPU, as A returns it.
            home: the device that it came from.
        """
        if any(one.type != "cpu" for part in (self._forward, self._backward) for one in devices_of(part)):
            return self.to("cpu")
        if torch.device(home).type == "cpu":
            return self
        there = copy(self)
        there._forward, there._backward = At(self._forward, home), At(self._backward, home)
        for one in (self, self.to("cpu"), there):
            try:
                one.shaped(in_32_bits(y))
            except InputError:
                continue
            return one
        return self  # it is said elsewhere what is wrong with it

    def divided_by(self, divisor: float) -> Self:
        """A and its adjoint, divided by a number: of y, too, that changes nothing but the units."""
        made = copy(self)
        made.divisor = self.divisor * divisor
        return made

    def A(self, x: Tensor) -> Tensor:
        self._find_measured_shape(tuple(x.shape))
        return with_adjoint(x, self._applied, self._returned)

    def A_adjoint(self, y: Tensor) -> Tensor:
        self._find_measured_shape(self.image_shape)
        return with_adjoint(y, self._returned, self._applied)

    def to(self, device: torch.device | str) -> Self:
        moved, copies = copy(self), dict[int, Any]()
        moved._forward = moved_to(self._forward, device, copies=copies)
        moved._backward = moved_to(self._backward, device, copies=copies)
        if torch.device(device).type != "cpu" and not moved._works_on(device):
            moved._forward, moved._backward = At(self._forward, "cpu"), At(self._backward, "cpu")
        return moved

    def _works_on(self, device: torch.device | str) -> bool:
        """Whether the parts take tensors of a device: those in NumPy, or with tensors of their own, may not."""
        if self.image_shape is None or self.measured_shape is None:
            return True  # nobody has used it yet
        try:
            with torch.no_grad():
                self._returned(
                    self._applied(torch.zeros(self.image_shape, device=device, dtype=torch.float32))
                )
        except Exception as error:  # it is not our code, and may raise anything
            if out_of_memory(error):
                raise
            return False
        return True

    def inward(self, y: Tensor) -> Tensor:
        """A measurement as A returns it, or without its leading axes of length 1, as (1, c, h, w) of real values.

        Raises:
            InputError: it has another shape than what A returns.
        """
        assert self.measured_shape is not None
        if squeezed(y.shape) != squeezed(self.measured_shape):
            raise InputError(
                f"y has the shape {tuple(y.shape)}",
                f"A takes an image {self.image_shape} to {self.measured_shape}",
                "give the measurement as A returns it, and the image_shape that it belongs to",
            )
        if y.is_complex() and not self._complex:
            raise InputError("y is complex", "A returns real values", "give both complex or both real")
        return as_four(y + 0j if self._complex else y, self.measured_shape)

    def _find_measured_shape(self, image_shape: tuple[int, ...] | None) -> None:
        """Find out what A returns, where no measurement has told: of an operator by itself, or in a product."""
        if self.measured_shape is not None:
            return
        if image_shape is None:
            raise InputError(
                "the operator does not know the shape of its images",
                "it follows from a measurement, or has to be told",
                "give LinearOperator(A, A_adjoint, image_shape=(1, C, H, W))",
            )
        self._set_shape(image_shape, doubled=False)
        with torch.no_grad():
            self._measure()

    def _measure(self) -> Tensor:
        """What A returns of an image of zeros; its shape and kind of numbers are kept."""
        assert self.image_shape is not None
        out = tried(
            self._forward, self._outward(torch.zeros(self.image_shape, dtype=torch.float32)), name="A"
        )
        self.measured_shape, self._complex = tuple(out.shape), out.is_complex()
        return out

    def _set_shape(self, shape: tuple[int, ...], *, doubled: bool) -> None:
        batch, channels, height, width = four_numbers(shape)
        self.image_shape = (batch, 2 * channels if doubled else channels, height, width)

    def _applied(self, x: Tensor) -> Tensor:
        assert self.measured_shape is not None
        out = called(self._forward, self._outward(x), name="A")
        return as_four(out / self.divisor, self.measured_shape).to(x)

    def _returned(self, y: Tensor) -> Tensor:
        assert self.measured_shape is not None and self.image_shape is not None
        back = called(self._backward, as_measured(y, self.measured_shape, complex_values=self._complex),
                       name="A_adjoint")  # fmt: skip
        if self.complex_image:
            imaginary = back.imag if back.is_complex() else torch.zeros_like(back)
            back = torch.cat([back.real.flatten(), imaginary.flatten()])
        elif back.is_complex():
            back = back.real
        if back.numel() != math.prod(self.image_shape):
            raise InputError(
                f"A_adjoint returned the shape {tuple(back.shape)}",
                f"the image has {self.image_shape}",
                "correct A_adjoint, or give the right image_shape",
            )
        return (back / self.divisor).reshape(self.image_shape).to(y)

    def _outward(self, x: Tensor) -> Tensor:
        """An image as one's own A takes it."""
        return as_complex(x) if self.complex_image else x


def as_operator(given: object) -> Operator:
    """An operator of whatever was given: one of ours, an object or a pair with A and its adjoint; ``None``: identity.

    Raises:
        InputError: it is none of these.
    """
    if given is None:
        return Identity()
    registered = is_registered(given)
    if registered and not all(callable(getattr(given, one, None)) for one in ("A", "A_adjoint", "to")):
        raise InputError(
            f"the operator is {type(given).__name__}, which lacks A, A_adjoint or to",
            "a registered class of operators has these three methods",
            "give it def to(self, device), which returns the operator on that device",
        )
    if isinstance(given, LinearOperator) or registered:
        return cast(Operator, given)
    if isinstance(given, tuple) and len(given) == 2 and all(callable(part) for part in given):
        return LinearOperator(*given)
    if callable(getattr(given, "A", None)) and callable(getattr(given, "A_adjoint", None)):
        return LinearOperator(
            Method(given, "A"), Method(given, "A_adjoint"), image_shape=own_shape(given),
            complex_image=bool(getattr(given, "complex_image", False)),
        )  # fmt: skip
    if str(getattr(given, "dtype", "")) in ("bool", "torch.bool"):
        raise InputError(
            f"the operator is a {type(given).__name__} of the type bool",
            "a mask, True where a pixel was measured, is an operator of its own",
            "write dipsearch.Mask(mask)",
        )
    raise InputError(
        f"the operator is {type(given).__name__}",
        "it has A(x) and A_adjoint(y), or is a pair of such functions; None stands for the identity",
        "give one of dipsearch's, an object with both methods, or (A, A_adjoint)",
    )
