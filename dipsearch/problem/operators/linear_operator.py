"""One's own operator: any pair of a linear map and its adjoint, of whatever shapes, as an operator of ours.

The pair need not be differentiable: the gradient of A is its adjoint, so it may be written in NumPy or call another
program. Objects of other libraries that have ``A`` and ``A_adjoint``, such as deepinv's ``LinearPhysics``, are taken
as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy, deepcopy
from operator import index
from types import MethodType
from typing import Any, Protocol, Self, cast

import numpy as np
import torch
from torch import Tensor

from ...errors import DipsearchError, InputError
from .identity import Identity
from .operator import Operator
from .registry import GIVEN, name_of

Map = Callable[[Tensor], Tensor]

TOLERANCE = 1e-3
"""How far ⟨A x, y⟩ and ⟨x, Aᵀ y⟩ may be apart, as a share of what ⟨A x, y⟩ is about: ‖A x‖ for random y of variance 1,
‖A x‖² for y = A x. In 32 bits a correct pair is at 1e-5; of ‖A x‖ ‖y‖ a wrong one may be, too, in a large image."""


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
        self._divisor = 1.0
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
                made._set_shape(_image_shape_of(made._backward, y), doubled=made.complex_image)
            assert made.image_shape is not None
            out = _tried(made._forward, made._outward(torch.zeros(made.image_shape)), name="A")
            _tried(made._backward, _in_32_bits(torch.zeros_like(out)), name="A_adjoint")
        made.measured_shape, made._complex = tuple(out.shape), out.is_complex()
        return made

    def divided_by(self, divisor: float) -> Self:
        """A and its adjoint, divided by a number: of y, too, that changes nothing but the units."""
        made = copy(self)
        made._divisor = self._divisor * divisor
        return made

    def A(self, x: Tensor) -> Tensor:
        self._find_measured_shape(tuple(x.shape))
        return cast(Tensor, _Linear.apply(x, self._applied, self._returned))  # type: ignore[no-untyped-call]

    def A_adjoint(self, y: Tensor) -> Tensor:
        self._find_measured_shape(self.image_shape)
        return cast(Tensor, _Linear.apply(y, self._returned, self._applied))  # type: ignore[no-untyped-call]

    def to(self, device: torch.device | str) -> Self:
        moved, copies = copy(self), dict[int, Any]()
        moved._forward = _moved(self._forward, device, copies=copies)
        moved._backward = _moved(self._backward, device, copies=copies)
        if torch.device(device).type != "cpu" and not moved._works_on(device):
            moved._forward, moved._backward = _OnCpu(self._forward), _OnCpu(self._backward)
        return moved

    def _works_on(self, device: torch.device | str) -> bool:
        """Whether the parts take tensors of a device: those in NumPy, or with tensors of their own, may not."""
        if self.image_shape is None or self.measured_shape is None:
            return True  # nobody has used it yet
        try:
            with torch.no_grad():
                self._returned(self._applied(torch.zeros(self.image_shape, device=device)))
        except (RuntimeError, TypeError, ValueError):
            return False
        return True

    def inward(self, y: Tensor) -> Tensor:
        """A measurement as A returns it, or without its leading axes of length 1, as (1, c, h, w) of real values.

        Raises:
            InputError: it has another shape than what A returns.
        """
        assert self.measured_shape is not None
        if _squeezed(y.shape) != _squeezed(self.measured_shape):
            raise InputError(
                f"y has the shape {tuple(y.shape)}",
                f"A takes an image {self.image_shape} to {self.measured_shape}",
                "give the measurement as A returns it, and the image_shape that it belongs to",
            )
        if y.is_complex() and not self._complex:
            raise InputError("y is complex", "A returns real values", "give both complex or both real")
        return _four(y.to(torch.complex64) if self._complex else y, self.measured_shape)

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
        assert self.image_shape is not None
        with torch.no_grad():
            out = _tried(self._forward, self._outward(torch.zeros(self.image_shape)), name="A")
        self.measured_shape, self._complex = tuple(out.shape), out.is_complex()

    def _set_shape(self, shape: tuple[int, ...], *, doubled: bool) -> None:
        batch, channels, height, width = four_numbers(shape)
        self.image_shape = (batch, 2 * channels if doubled else channels, height, width)

    def _applied(self, x: Tensor) -> Tensor:
        assert self.measured_shape is not None
        out = _called(self._forward, self._outward(x), name="A")
        return _four(out / self._divisor, self.measured_shape).to(x)

    def _returned(self, y: Tensor) -> Tensor:
        assert self.measured_shape is not None and self.image_shape is not None
        back = _called(self._backward, _as_measured(y, self.measured_shape, complex_values=self._complex),
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
        return (back / self._divisor).reshape(self.image_shape).to(y)

    def _outward(self, x: Tensor) -> Tensor:
        """An image as one's own A takes it."""
        if not self.complex_image:
            return x
        real, imaginary = x.chunk(2, dim=1)
        return torch.complex(real.contiguous(), imaginary.contiguous())


class _Linear(torch.autograd.Function):
    """A linear map whose gradient is its adjoint, whatever it is made of."""

    @staticmethod
    def forward(context: Any, x: Tensor, there: Map, back: Map) -> Tensor:
        context.back = back
        return there(x.detach())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return context.back(gradients[0]), None, None


class _Pair(Protocol):
    def A(self, x: Any) -> Any: ...
    def A_adjoint(self, y: Any) -> Any: ...


def as_operator(given: object) -> Operator:
    """An operator of whatever was given: one of ours, an object or a pair with A and its adjoint; ``None``: identity.

    Raises:
        InputError: it is none of these.
    """
    if given is None:
        return Identity()
    if isinstance(given, LinearOperator) or (name_of(cast(Operator, given)) != GIVEN):
        return cast(Operator, given)
    if isinstance(given, tuple) and len(given) == 2 and all(callable(part) for part in given):
        return LinearOperator(*given)
    if callable(getattr(given, "A", None)) and callable(getattr(given, "A_adjoint", None)):
        return LinearOperator(
            _Method(given, "A"), _Method(given, "A_adjoint"), image_shape=_own_shape(given),
            complex_image=bool(getattr(given, "complex_image", False)),
        )  # fmt: skip
    raise InputError(
        f"the operator is {type(given).__name__}",
        "it has A(x) and A_adjoint(y), or is a pair of such functions; None stands for the identity",
        "give one of dipsearch's, an object with both methods, or (A, A_adjoint)",
    )


def check_adjoint(operator: Operator, *, image_shape: tuple[int, ...]) -> None:
    """Refuse an operator that is not linear, or whose adjoint is not its own: the dot-product test.

    Raises:
        InputError: A(x) is 0, A(0) is not, A(2x) is not 2 A(x), or ⟨A x, y⟩ is not ⟨x, Aᵀ y⟩; all up to rounding.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(image_shape, generator=generator)
    with torch.no_grad():
        Ax = operator.A(x)
        y = torch.randn(Ax.shape, generator=generator)
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
    # A random y finds what is wrong in a few places, such as a border, and A x a factor.
    for value, returned, usual in ((y, back, scale), (Ax, again, scale**2)):
        there, here = float((Ax * value).double().sum()), float((x * returned).double().sum())
        if abs(there - here) > TOLERANCE * usual:
            raise InputError(
                f"A_adjoint is not the adjoint of A: <A x, y> = {there:.6g}, <x, A_adjoint(y)> = {here:.6g}",
                "for all x and y both are the same",
                "correct it (its factor and its border, too), or pass check=False to go on in spite of it",
            )


def four_numbers(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The shape of an image, (H, W), (C, H, W) or (1, C, H, W), as the last of these.

    Raises:
        InputError: it is none of them.
    """
    try:
        sizes = tuple(index(size) for size in shape)
    except TypeError:
        sizes = ()
    whole = (1,) * (4 - len(sizes)) + sizes
    if len(sizes) not in (2, 3, 4) or whole[0] != 1 or min(whole) < 1:
        raise InputError(
            f"the shape of the image is {shape!r}",
            "it is (1, C, H, W), (C, H, W) or (H, W)",
            "give for example image_shape=(1, 3, 256, 256)",
        )
    return whole[0], whole[1], whole[2], whole[3]


class _OnCpu:
    """A part that only works on the CPU; what it is given is brought there, and what it returns is brought back."""

    def __init__(self, part: Map) -> None:
        self.part = part

    def __call__(self, value: Tensor) -> Tensor:
        return self.part(value.cpu())


class _Method:
    """A method of an object, which may be moved to another device."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name

    def __call__(self, value: Tensor) -> Any:
        return getattr(self.owner, self.name)(value)


def _moved(part: Any, device: torch.device | str, *, copies: dict[int, Any]) -> Any:
    """A part on another device. A module is copied, once for both parts: its ``to`` would move the user's own."""
    if isinstance(part, _Method):
        return _Method(_moved(part.owner, device, copies=copies), part.name)
    if isinstance(part, MethodType):
        return _Method(_moved(part.__self__, device, copies=copies), part.__name__)
    if not callable(getattr(part, "to", None)):
        return part
    if not isinstance(part, torch.nn.Module):
        return part.to(device)
    where, held = torch.device(device), [tensor.device for tensor in (*part.parameters(), *part.buffers())]
    if held and all(one.type == where.type and where.index in (None, one.index) for one in held):
        return part
    return deepcopy(part, copies).to(device)


def _own_shape(given: object) -> tuple[int, ...] | None:
    """What an object says of its images: ours as (1, C, H, W), deepinv's as (C, H, W)."""
    for name in ("image_shape", "img_size"):
        shape = getattr(given, name, None)
        if isinstance(shape, tuple | list | torch.Size) and len(shape) in (2, 3, 4):
            return tuple(int(size) for size in shape)
    return None


def _image_shape_of(backward: Map, y: Tensor) -> tuple[int, ...]:
    """The shape that ``A_adjoint`` returns for y, with or without a leading axis."""
    said: list[str] = []
    for value in (y, y[None], y[None, None]):
        try:
            back = _called(backward, value, name="A_adjoint")
        except Exception as error:  # it is not our code
            said.append(_in_words(error))
            continue
        if 2 <= back.ndim <= 4:
            return tuple(back.shape)
    raise InputError(
        "the shape of the image is not known" + (f": A_adjoint(y) failed ({said[0]})" if said else ""),
        "it is that of A_adjoint(y), for a y of 32 bits as A returns it, or has to be told",
        "correct A_adjoint, or give image_shape=(1, C, H, W)",
    )


def _tried(map_: Map, value: Tensor, *, name: str) -> Tensor:
    """As ``_called`` for the first time, where what is wrong with a map is said in a sentence."""
    try:
        return _called(map_, value, name=name)
    except DipsearchError:
        raise
    except Exception as error:  # it is not our code
        raise InputError(
            f"{name} failed on a tensor {tuple(value.shape)} of the type {value.dtype}: {_in_words(error)}",
            "A takes an image (1, C, H, W) of 32 bits, and A_adjoint a measurement as A returns it",
            f"correct {name}, or give the image_shape=(1, C, H, W) that it takes",
        ) from error


def _called(map_: Map, value: Tensor, *, name: str) -> Tensor:
    out: Any = map_(value)
    if isinstance(out, Tensor):
        return out
    try:
        # Copied, since NumPy may have turned it round, and a tensor may not.
        return torch.from_numpy(np.array(out)) if isinstance(out, np.ndarray) else torch.as_tensor(out)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"{name} returned {type(out).__name__}", "it returns a tensor", "convert its result"
        ) from None


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__


def _in_32_bits(y: Tensor) -> Tensor:
    return y.to(torch.complex64 if y.is_complex() else torch.float32)


def _four(y: Tensor, measured: tuple[int, ...]) -> Tensor:
    """A measurement as (1, c, h, w) of real values; of complex ones the real parts come first."""
    y = y.reshape(measured)
    last = y.shape[-2:] if y.ndim >= 2 else (1, y.shape[-1])
    y = y.reshape(1, -1, *last)
    return torch.cat([y.real, y.imag], dim=1) if y.is_complex() else y


def _as_measured(y: Tensor, measured: tuple[int, ...], *, complex_values: bool) -> Tensor:
    """The way back."""
    if complex_values:
        real, imaginary = y.chunk(2, dim=1)
        y = torch.complex(real.contiguous(), imaginary.contiguous())
    return y.reshape(measured)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without leading axes of length 1."""
    sizes = tuple(shape)
    while sizes and sizes[0] == 1:
        sizes = sizes[1:]
    return sizes
