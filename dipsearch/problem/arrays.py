"""Arrays as they are handed in, as tensors with the axes and the type that the flow works on, and with their form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .form import Form, Layout
from .operators import LinearOperator
from .operators.shapes import as_channels, in_32_bits, squeezed

CHANNELS = 4
"""As many values as the last axis of an array has at most where these are taken for channels."""


def as_tensor(y: Any) -> tuple[Tensor, Form]:
    """The values as a tensor on the CPU, and how they came."""
    if isinstance(y, Tensor):
        if y.layout != torch.strided or y.is_quantized or y.is_meta:
            raise InputError("y is no plain tensor", "its values are stored one by one", "give y.to_dense()")
        values, kind, name, device = y.detach().cpu(), "tensor", str(y.dtype).split(".")[-1], str(y.device)
        values = values.clone() if values.is_inference() else values
    else:
        if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
            raise InputError(
                "y is a masked array",
                "an operator says what was measured",
                "give y.data and dipsearch.Mask(~numpy.ma.getmaskarray(y))",
            )
        if y is None:
            raise InputError("y is None", "it is what was measured, an array or a tensor", "give it")
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


def plain_type(name: str, *, complex_values: bool) -> str:
    """The type of an image in place of a measurement's: complex where the image is, and else real."""
    name = {"float128": "float64", "complex256": "complex128", "bfloat16": "float32"}.get(name, name)
    if complex_values:
        return name if name.startswith("complex") else "complex128" if name == "float64" else "complex64"
    return {"complex128": "float64", "complex64": "float32", "complex32": "float16"}.get(name, name)


def is_float(values: Tensor) -> bool:
    return values.is_floating_point() or values.is_complex()


def as_picture(values: Tensor, form: Form) -> tuple[Tensor, Form]:
    """A measurement with the axes of a picture as (1, C, h, w) of real values, 64 bits."""
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
    return as_channels(four).double(), replace(form, layout=layout)


def layout_of_image(form: Form) -> Layout:
    """How an image is handed back whose measurement has other axes."""
    return "HW" if form.kind == "numpy" else "BCHW"


def channels_first(values: Tensor, a: LinearOperator) -> Tensor:
    """A NumPy picture (H, W, C) as an operator of tensors has it; other measurements as they are."""
    if values.ndim != 3:
        return values
    moved = values.permute(2, 0, 1)
    if a.image_shape is None:
        looks_so = values.shape[2] <= CHANNELS < values.shape[0]
        return moved if looks_so and not _as_returned(values, a) else values
    measured = a.shaped(in_32_bits(values)).measured_shape or ()
    return moved if measured[-3:] == moved.shape != values.shape else values


def _as_returned(values: Tensor, a: LinearOperator) -> bool:
    """Whether values have the axes of what an own operator returns, of an image that is not mistaken for one."""
    try:
        tried = a.shaped(in_32_bits(values))
    except InputError:
        return False
    shape, measured = tried.image_shape or (0,), tried.measured_shape or ()
    return min(shape[-2:]) > CHANNELS and squeezed(measured) == squeezed(tuple(values.shape))
