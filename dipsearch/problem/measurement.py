"""A measurement as it is handed in from Python: arrays of any kind become the values that a problem holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .form import Form, Layout
from .noise import NoiseModel
from .noise_classifier import diagnose
from .operators import Identity, LinearOperator, Mask, Operator, as_operator, check_adjoint, pseudo_inverse
from .operators.registry import name_of
from .operators.shapes import four_numbers
from .sigma import estimate_sigma

SMALLEST_SIDE = 8  # below it neither the noise nor a split says anything

Shape = tuple[int, int, int, int]

BEYOND = 0.5
"""Floats that lie so far beyond [0, 1], and no further, are values in [0, 1] with noise."""

LEAST_SPAN = 0.2
"""Floats that reach over less of [0, 1] have a range of their own: a network can hardly make an image of 1e-3."""

MARGIN, ON_THE_END = 0.01, 0.001
"""An own range is made wider by this share on a side, unless so many values lie on its end that they were cut off."""

ROUNDING = 0.29
"""The standard deviation of rounding to whole numbers."""

ALIKE = 10.0
"""Operators that make a measurement so many times larger or smaller than its image are divided by that."""

GUESSING = 30
"""Iterations of the least squares that the range of an image is guessed from."""


@dataclass(frozen=True, eq=False)
class Taken:
    """The values of a problem, as its attributes have them."""

    y: Tensor
    operator: Operator
    noise: NoiseModel
    image_shape: Shape
    observed: Tensor
    form: Form


def take_in(
    y: Any,
    operator: object,
    noise: NoiseModel | None,
    *,
    image_shape: tuple[int, ...] | None,
    data_range: tuple[float, float] | None,
    check: bool,
) -> Taken:
    """Make a problem's values of a measurement as a person has it; see `Problem` for the arguments.

    Raises:
        InputError: something about it cannot be used.
    """
    values, form = _tensor(y)
    _refuse_other_noise(noise)
    a = as_operator(operator)
    if isinstance(a, LinearOperator):
        if image_shape is not None:
            a, image_shape = a.for_images(image_shape), None
        values = _channels_first(values, a) if form.kind == "numpy" else values
        a = a.shaped(_single(values))
        seen = a.inward(_single(values))
        form = replace(form, layout=_layout_of_image(form), complex_values=a.complex_image)
    else:
        seen, form = _picture(values, form)
    shape = _image_shape(a, seen, image_shape)
    _refuse_other_shape(a, seen, shape, given=tuple(values.shape))
    if values.is_complex() and not isinstance(a, LinearOperator):
        form = replace(form, complex_values=shape[1] == seen.shape[1])
    form = replace(form, dtype=_plain(form.dtype, complex_values=form.complex_values))
    if min(shape[2:]) < SMALLEST_SIDE:
        raise InputError(
            f"the image is {shape[3]} × {shape[2]}",
            f"an image that can be restored has at least {SMALLEST_SIDE} pixels per side",
            "give a larger one; a NumPy array is (H, W) or (H, W, C), a tensor (C, H, W)",
        )
    if check and (isinstance(a, LinearOperator) or not type(a).__module__.startswith("dipsearch.")):
        check_adjoint(a, image_shape=shape)
    observed = _observed(a, seen)
    seen = _finite(seen, observed, form, picture=not isinstance(a, LinearOperator))
    if isinstance(a, LinearOperator):
        gain = _gain(a, shape)
        a, seen = a.divided_by(gain), seen / gain
        noise = None if noise is None else _in_units(noise, gain)
    low, high = _range(values, seen, a, noise, shape, data_range, complex_image=form.complex_values)
    with torch.no_grad():
        level = low * a.A(torch.ones(shape)) if low else 0.0
    seen = ((seen - level) / (high - low) * observed).contiguous()
    form = replace(form, low=low, high=high)
    known = _scaled(noise, form, whole=not _is_float(values)) if noise else _found_out(seen, a)
    return Taken(seen, a, known, shape, observed, form)


def _gain(a: Operator, shape: Shape) -> float:
    """How much larger a measurement is than its image: a fit in 32 bits needs both about alike."""
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        gain = float(a.A(x).double().square().mean().sqrt() / x.double().square().mean().sqrt())
    return gain if np.isfinite(gain) and gain > 0 and not 1 / ALIKE < gain < ALIKE else 1.0


def _in_units(noise: NoiseModel, unit: float) -> NoiseModel:
    """What is known of the noise in other units."""
    return replace(
        noise,
        sigma=None if noise.sigma is None else noise.sigma / unit,
        gain=None if noise.gain is None else noise.gain / unit,
    )


def _tensor(y: Any) -> tuple[Tensor, Form]:
    """The values as a tensor on the CPU, and how they came."""
    if isinstance(y, Tensor):
        if y.layout != torch.strided or y.is_quantized or y.is_meta:
            raise InputError("y is no plain tensor", "its values are stored one by one", "give y.to_dense()")
        values, kind, name, device = y.detach().cpu(), "tensor", str(y.dtype).split(".")[-1], str(y.device)
    else:
        if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
            raise InputError(
                "y is a masked array",
                "an operator says what was measured",
                "give y.data and dipsearch.Mask(~numpy.ma.getmaskarray(y))",
            )
        try:
            array = np.asarray(y)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"y is no array ({str(error).splitlines()[0]})", "it is an array or a tensor", "convert it"
            ) from error
        if array.dtype.kind not in "iufc":
            raise InputError(
                f"y has the type {array.dtype}", "it has numbers", "convert it, for example y.astype(float)"
            )
        kind, name, device = "numpy", array.dtype.name, "cpu"
        values = torch.from_numpy(np.array(_native(array)))
    if values.dtype == torch.bool:
        raise InputError("y has the type bool", "it has numbers", "convert it, for example y.float()")
    if not values.ndim >= 1 or values.numel() == 0:
        raise InputError(
            f"y has the shape {tuple(values.shape)}",
            "it has at least one axis and one value",
            "give a measurement",
        )
    return values, Form(kind=cast(Any, kind), dtype=name, device=device)


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Types that a tensor has, in the byte order of the machine."""
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        return array.astype(np.int64)
    if array.dtype.kind in "fc" and array.dtype.itemsize > (8 if array.dtype.kind == "f" else 16):
        return array.astype(np.float64 if array.dtype.kind == "f" else np.complex128)
    return array.astype(array.dtype.newbyteorder("="))


def _plain(name: str, *, complex_values: bool) -> str:
    """The type of an image in place of a measurement's: complex where the image is, and else real."""
    name = {"float128": "float64", "complex256": "complex128", "bfloat16": "float32"}.get(name, name)
    if complex_values:
        return name if name.startswith("complex") else "complex128" if name == "float64" else "complex64"
    return {"complex128": "float64", "complex64": "float32", "complex32": "float16"}.get(name, name)


def _refuse_other_noise(noise: object) -> None:
    if noise is not None and not isinstance(noise, NoiseModel):
        raise InputError(
            f"the noise is {noise!r}",
            "it is dipsearch.Gaussian(sigma), Poisson(gain), Impulses() or NoNoise()",
            "give for example noise=dipsearch.Gaussian(25 / 255)",
        )


def _channels_first(values: Tensor, a: LinearOperator) -> Tensor:
    """A NumPy picture (H, W, C) as an operator of tensors has it; other measurements as they are."""
    if values.ndim != 3:
        return values
    moved = values.permute(2, 0, 1)
    if a.image_shape is None:
        return moved if values.shape[2] <= 4 < values.shape[0] else values
    measured = a.shaped(_single(values)).measured_shape or ()
    return moved if measured[-3:] == moved.shape != values.shape else values


def _is_float(values: Tensor) -> bool:
    return values.is_floating_point() or values.is_complex()


def _single(values: Tensor) -> Tensor:
    """In the precision in which operators work."""
    return values.to(torch.complex64 if values.is_complex() else torch.float32)


def _picture(values: Tensor, form: Form) -> tuple[Tensor, Form]:
    """A measurement with the axes of a picture as (1, C, h, w) of real values."""
    layout: Layout
    if values.ndim == 2:
        four, layout = values[None, None], "HW"
    elif values.ndim == 3 and form.kind == "numpy":
        four, layout = values.permute(2, 0, 1)[None], "HWC"
    elif values.ndim == 3:
        four, layout = values[None], "CHW"
    elif values.ndim == 4 and len(values) == 1:
        four, layout = values, "BCHW"
    else:
        raise InputError(
            f"y has the shape {tuple(values.shape)}",
            "a NumPy array is (H, W) or (H, W, C), a tensor (H, W), (C, H, W) or (1, C, H, W)",
            "give one picture at a time, with its axes in this order",
        )
    if four.is_complex():
        four = torch.cat([four.real, four.imag], dim=1)
    return four.float(), replace(form, layout=layout)


def _layout_of_image(form: Form) -> Layout:
    """How an image is handed back whose measurement has other axes."""
    return "HW" if form.kind == "numpy" else "BCHW"


def _image_shape(a: Operator, y: Tensor, given: tuple[int, ...] | None) -> Shape:
    own = getattr(a, "image_shape", None)
    if own is not None:
        _, channels, height, width = four_numbers(tuple(own))
        if given is not None and four_numbers(given) != (1, channels, height, width):
            raise InputError(
                f"image_shape is {tuple(given)}", f"the operator takes images {tuple(own)}", "leave it out"
            )
        return 1, channels, height, width
    if given is not None:
        return four_numbers(given)
    try:
        with torch.no_grad():
            return four_numbers(tuple(a.A_adjoint(y).shape))
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"A_adjoint cannot be applied to y {tuple(y.shape)}: {str(error).splitlines()[0]}",
            "y and the operator belong together",
            "give the operator for this very measurement",
        ) from error


def _refuse_other_shape(a: Operator, y: Tensor, shape: Shape, *, given: tuple[int, ...]) -> None:
    try:
        with torch.no_grad():
            measured = tuple(a.A(torch.zeros(shape)).shape)
    except RuntimeError as error:
        raise InputError(
            f"A cannot be applied to an image {shape}: {str(error).splitlines()[0]}",
            "y, the operator and the image belong together",
            "give image_shape=(1, C, H, W), or the operator for this very measurement",
        ) from None
    if measured != tuple(y.shape):
        raise InputError(
            f"y has the shape {given}",
            f"the operator takes an image {shape} to {measured}",
            "give the operator that belongs to this measurement",
        )


def _observed(a: Operator, y: Tensor) -> Tensor:
    """Where something was measured, (1, 1, h, w) or (1, C, h, w)."""
    own = getattr(a, "observed", None)
    if not isinstance(own, Tensor):
        return torch.ones(1, 1, *y.shape[-2:])
    if own.shape[-2:] != y.shape[-2:]:
        raise InputError(
            f"the mask is {own.shape[-1]} × {own.shape[-2]}",
            f"y is {y.shape[-1]} × {y.shape[-2]}, and a mask has a value for each of its pixels",
            "give the mask of this very measurement",
        )
    if not bool((own > 0).any()):
        raise InputError("nothing was measured", "an operator measures something", "correct its mask")
    return own.to(y)


def _finite(y: Tensor, observed: Tensor, form: Form, *, picture: bool) -> Tensor:
    """Without what lies where nothing was measured, which may be anything."""
    y = torch.where(observed > 0, y, torch.zeros(()))
    wrong = int((~torch.isfinite(y)).sum())
    if wrong:
        finite = "numpy.isfinite(y)" if form.kind == "numpy" else "y.isfinite()"
        axis = {"HWC": ".all(-1)", "CHW": ".all(0)"}.get(form.layout, "")
        raise InputError(
            f"{wrong:,} values of y are NaN or infinite",
            "what was measured is finite",
            f"mark what was not: dipsearch.Mask({finite}{axis}) as the operator"
            if picture
            else "leave them out of y, and out of what A returns",
        )
    return y


def _range(
    values: Tensor,
    y: Tensor,
    a: Operator,
    noise: NoiseModel | None,
    shape: Shape,
    given: tuple[float, float] | None,
    *,
    complex_image: bool,
) -> tuple[float, float]:
    """The values of the image that become 0 and 1."""
    if given is not None:
        return _given_range(given)
    if values.dtype == torch.uint8:
        return 0.0, 255.0
    pixelwise = isinstance(a, Identity | Mask)
    if pixelwise:
        image = y[_observed(a, y).expand_as(y) > 0]
    else:
        with torch.no_grad():
            image = pseudo_inverse(a, y, iterations=GUESSING, damping=_damping(a, y, noise))
    if complex_image:
        most = float(image.abs().max()) or 1.0
        return -most, most
    low, high = _ends(image, robust=not pixelwise)
    inside = low >= -BEYOND and high <= 1 + BEYOND
    if _is_float(values) and inside and (low == high or high - low >= LEAST_SPAN):
        return 0.0, 1.0
    if noise is not None and noise.kind == "poisson":
        return 0.0, high if high > 0 else 1.0  # counts begin at none
    if low == high:
        return low, low + 1.0
    span = high - low
    cut = [int((image == end).sum()) > max(1.0, ON_THE_END * image.numel()) for end in (low, high)]
    return low - MARGIN * span * (not cut[0]), high + MARGIN * span * (not cut[1])


def _given_range(given: object) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in cast(Any, given))
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(
            f"data_range is {given!r}", "it is two finite numbers, the lower one first", "give (0, 1)"
        )
    return low, high


def _damping(a: Operator, y: Tensor, noise: NoiseModel | None) -> float:
    """The noise's variance in that of the image, by one step of steepest descent: noise is not to be inverted."""
    sigma = None if noise is None else noise.sigma
    if not sigma:
        return 0.0
    back = a.A_adjoint(y)
    again = a.A(back)
    step = float((y * again).double().sum() / again.double().square().sum().clamp(min=1e-30))
    energy = float((step * back).double().square().mean())
    return sigma**2 / energy if energy > 0 else 0.0


def _ends(image: Tensor, *, robust: bool) -> tuple[float, float]:
    """The lowest and the highest value; of a guess without its few wildest."""
    if not robust:
        return float(image.min()), float(image.max())
    low, high = np.quantile(image.double().numpy(), (0.005, 0.995))
    return float(low), float(high)


def _scaled(noise: NoiseModel, form: Form, *, whole: bool) -> NoiseModel:
    """What is known of the noise, in units of [0, 1]."""
    span, sigma = form.high - form.low, noise.sigma
    if sigma is not None and whole and 0 < sigma < ROUNDING:
        # Below the rounding of whole numbers there is no noise to be measured: it is meant as a share of the range.
        largest = torch.iinfo(getattr(torch, form.dtype)).max if form.dtype != "uint16" else 65535
        share, sigma = sigma, sigma * (largest if form.dtype in ("uint8", "uint16") else span)
        if sigma > span:
            raise InputError(
                f"sigma is {share:.3g}, of whole numbers a share of the largest one, so {sigma:.5g}",
                f"the values of the image are from {form.low:.5g} to {form.high:.5g}",
                "give sigma in the units of y, or the values in [0, 1]",
            )
    return _in_units(replace(noise, sigma=sigma), span)


def _found_out(y: Tensor, a: Operator) -> NoiseModel:
    """What the measurement itself says of its noise, where it can be asked."""
    if isinstance(a, Identity):
        return diagnose(y).noise
    name = name_of(a)
    if name in ("mask", "downsample"):
        return NoiseModel("none", None, "none")
    if name == "blur":
        # What a blur leaves has hardly any of the high frequencies that noise is estimated from.
        return NoiseModel("gaussian", estimate_sigma(y).sigma, "estimated")
    raise InputError(
        "noise was not given",
        "it is estimated for pictures and blurred pictures only",
        "give dipsearch.Gaussian(sigma) in the units of y, or dipsearch.NoNoise()",
    )
