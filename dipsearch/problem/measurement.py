"""A measurement as it is handed in from Python: arrays of any kind become the values that a problem holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .arrays import as_picture, as_tensor, channels_first, is_float, layout_of_image, plain_type
from .equal_channels import as_one_channel
from .form import FEW_STEPS, Form
from .gaps import filled_gaps
from .gate.noise_classifier import diagnose
from .gate.sigma import estimate_sigma
from .noise import NoiseModel, estimated_behind_a_blur, rounded_behind_a_blur
from .operators import (
    Blur,
    Downsample,
    Identity,
    LinearOperator,
    Mask,
    Operator,
    Product,
    as_operator,
    check_adjoint,
    factors_of,
    mask_of,
)
from .operators.registry import name_of
from .operators.shapes import four_numbers, in_32_bits, in_64_bits
from .own_range import data_range_of

SMALLEST_SIDE = 8  # below it neither the noise nor a split says anything

Shape = tuple[int, int, int, int]


ROUNDING = 0.29
"""The standard deviation of rounding to whole numbers."""

ALIKE = 10.0
"""Operators that make a measurement so many times larger or smaller than its image are divided by that."""


def take_in(
    y: Any,
    operator: object,
    noise: NoiseModel | None,
    *,
    image_shape: tuple[int, ...] | None,
    data_range: tuple[float, float] | None,
    check: bool,
) -> tuple[Tensor, Operator, NoiseModel, Shape, Tensor, Form]:
    """Make a problem's values, in the order of its attributes, of a measurement as a person has it; see `Problem`.

    Raises:
        InputError: something about it cannot be used.
    """
    values, form = as_tensor(y)
    _refuse_other_noise(noise)
    # A share is what people say; a noise that knows its unit has been read already.
    may_be_share = noise is not None and not noise.has_unit
    noise = None if noise is None else noise.in_units_of_y()
    a = as_operator(operator)
    if isinstance(a, LinearOperator | Product) and a.divisor != 1:
        a = a.divided_by(1 / a.divisor)  # that of another problem, which had divided its y, too
    if not isinstance(a, LinearOperator):
        a = a.to("cpu")  # where the values are; of a product a copy, whose factors learn their shapes here
    if isinstance(a, LinearOperator):
        if image_shape is not None:
            a, image_shape = a.for_images(image_shape), None
        a = a.reached_from_cpu(values, home=form.device)
        values = channels_first(values, a) if form.kind == "numpy" else values
        a = a.shaped(in_32_bits(values))
        seen = a.inward(in_64_bits(values))
        form = replace(form, layout=layout_of_image(form), complex_values=a.complex_image)
        a = mask_of(a)
    else:
        seen, form = as_picture(values, form)
        gaps = ~torch.isfinite(seen).all(dim=1)
        if isinstance(a, Identity) and 0 < int(gaps.sum()) < gaps.numel():
            seen, where = filled_gaps(seen)
            form = replace(form, gaps=where)
    rough = seen.float()
    shape = _image_shape(a, rough, image_shape)
    _refuse_other_shape(a, rough, shape, given=tuple(values.shape))
    if values.is_complex() and not isinstance(a, LinearOperator):
        form = replace(form, complex_values=shape[1] == seen.shape[1])
    if not (is_float(values) or _in_units_of_image(a)):
        # A whole number of one unit is none of another, and the range of its type is not that of the image.
        form, values = replace(form, dtype="float32"), values.float()
    form = replace(form, dtype=plain_type(form.dtype, complex_values=form.complex_values))
    if min(shape[2:]) < SMALLEST_SIDE:
        raise InputError(
            f"the image is {shape[3]} × {shape[2]}",
            f"an image that can be restored has at least {SMALLEST_SIDE} pixels per side",
            "give a larger one; a NumPy array is (H, W) or (H, W, C), a tensor (C, H, W)",
        )
    seen, a, shape, form = as_one_channel(seen, a, shape, noise, form)
    rough = seen.float()
    if check and any(map(_foreign, factors_of(a))):
        check_adjoint(a, image_shape=shape)
    outermost_own = isinstance(factors_of(a)[0], LinearOperator)
    observed = _answered(a, rough, shape) if outermost_own else _observed(a, rough)
    seen = _finite(seen, observed, form, picture=not outermost_own)
    if noise is not None:
        _refuse_less_than_none(noise, seen)
        _refuse_other_channels(noise, shape)
    if isinstance(a, LinearOperator | Product) and any(
        isinstance(one, LinearOperator) for one in factors_of(a)
    ):
        gain = _gain(a, shape)
        a, seen = a.divided_by(gain), seen / gain
        noise = None if noise is None else noise.divided_by(gain)
    signed = form.complex_values or _complex_image(a)
    low, high = data_range_of(values, seen, a, noise, observed, data_range, complex_image=signed)
    with torch.no_grad():
        level = low * a.A(torch.ones(shape, dtype=torch.float32)).double() if low else 0.0
    # In 64 bits up to here: of a small signal on a large offset 32 would leave a few steps.
    seen = ((seen - level) / (high - low) * observed).float().contiguous()
    form = replace(form, low=low, high=high)
    whole = not is_float(values) and _in_units_of_image(a)
    step = 1 / (high - low) if whole else 0.0
    if noise is None:
        known, observed = _found_out(seen, a, observed, step=step)
    else:
        zero = _zero_of_counts(noise, form, level, observed)
        known = _scaled(noise, form, zero=zero, whole=whole and may_be_share)
        if any(isinstance(one, Blur) for one in factors_of(a)):
            known = rounded_behind_a_blur(known, step=step)
        _refuse_more_than_all(known, a, form)
    if form.gaps is not None:
        both = observed * ~form.gaps
        observed = both if bool((both > 0).any()) else (~form.gaps).to(observed).expand_as(observed)
    counted = (
        float(seen.max()) if known.kind == "poisson" else 1.0
    )  # 8 bits of a few photons have few steps, too
    if not is_float(values) and min(counted, 1.0) * (high - low) < FEW_STEPS:
        form = replace(form, dtype="float32")
    return seen, a, known, shape, observed, form


def _foreign(a: Operator) -> bool:
    """Whether nobody has tried an operator's adjoint."""
    return isinstance(a, LinearOperator) or not type(a).__module__.startswith("dipsearch.")


def _gain(a: Operator, shape: Shape) -> float:
    """How much larger a measurement is than its image: a fit in 32 bits needs both about alike."""
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    with torch.no_grad():
        gain = float(a.A(x).double().square().mean().sqrt() / x.double().square().mean().sqrt())
    return gain if np.isfinite(gain) and gain > 0 and not 1 / ALIKE < gain < ALIKE else 1.0


def _in_units_of_image(a: Operator) -> bool:
    """Whether values of a measurement are values of the image or means of them."""
    return all(isinstance(factor, Identity | Mask | Downsample | Blur) for factor in factors_of(a))


def _complex_image(a: Operator) -> bool:
    """Whether images have real and imaginary parts for channels."""
    return bool(getattr(factors_of(a)[-1], "complex_image", False))


def _refuse_other_noise(noise: object) -> None:
    if noise is not None and not isinstance(noise, NoiseModel):
        raise InputError(
            f"the noise is {noise!r}",
            "it is dipsearch.Gaussian(sigma), Poisson(gain), Speckle(share), Impulses() or NoNoise()",
            "give for example noise=dipsearch.Gaussian(25 / 255)",
        )


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
            measured = tuple(a.A(torch.zeros(shape, dtype=torch.float32)).shape)
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
        return torch.ones(1, 1, *y.shape[-2:], dtype=torch.float32)
    if own.shape[-2:] != y.shape[-2:]:
        raise InputError(
            f"the mask is {own.shape[-1]} × {own.shape[-2]}",
            f"y is {y.shape[-1]} × {y.shape[-2]}, and a mask has a value for each of its pixels",
            "give the mask of this very measurement",
        )
    if not bool((own > 0).any()):
        raise InputError("nothing was measured", "an operator measures something", "correct its mask")
    return own.to(y)


def _answered(a: Operator, y: Tensor, shape: Shape) -> Tensor:
    """Where an own operator measures something, as ``_observed``: all but what it makes 0 of any image, and that is 0.

    Such zeros would count as measured without an error, and would make any image better than it is.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        said = y != 0
        for _ in range(2):
            said = said | (a.A(torch.randn(shape, generator=generator, dtype=torch.float32)) != 0)
    if not bool(said.any()):
        raise InputError(
            "nothing was measured", "an operator measures something", "correct A, and give its y"
        )
    alike = bool((said == said[:, :1]).all())
    return (said[:, :1] if alike else said).to(y)


def _finite(y: Tensor, observed: Tensor, form: Form, *, picture: bool) -> Tensor:
    """Without what lies where nothing was measured, which may be anything."""
    y = torch.where(observed > 0, y, torch.zeros((), dtype=torch.float32))
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


def _zero_of_counts(noise: NoiseModel, form: Form, level: Tensor | float, observed: Tensor) -> float:
    """What was taken off all values, so that black is 0: of photons the zero lies so much lower."""
    if not isinstance(level, Tensor) or noise.kind != "poisson":
        return form.low
    there = level.expand_as(torch.ones_like(level) * observed)[(observed > 0).expand_as(level)]
    if float(there.max() - there.min()) > 1e-6 * float(there.abs().max()):
        raise InputError(
            f"the noise is that of photons, and the range begins at {form.low:.5g}",
            "the operator makes another level of that from place to place, and photons are counted from 0",
            f"give data_range=(0, {form.high:.5g})",
        )
    return float(there.mean())


def _scaled(noise: NoiseModel, form: Form, *, zero: float, whole: bool) -> NoiseModel:
    """What is known of the noise, in units of [0, 1]; ``zero`` was taken off all values."""
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
    if noise.share is not None and form.low != 0:
        raise InputError(
            f"the noise is speckle, and the range begins at {form.low:.5g}",
            "speckle is a share of the value, so the range begins at 0",
            f"give data_range=(0, {form.high:.5g})",
        )
    offset = noise.offset - zero if noise.kind == "poisson" else noise.offset
    return replace(noise, sigma=sigma, offset=offset, zero=zero).divided_by(span)


def _refuse_less_than_none(noise: NoiseModel, y: Tensor) -> None:
    """Refuse counted photons of which there are fewer than none; y is as it was handed in."""
    if noise.kind != "poisson" or noise.gain is None or noise.offset or noise.read_sigma:
        return
    below = y < -noise.gain / 2  # anything else is none, up to rounding
    if bool(below.any()):
        raise InputError(
            f"the noise is Poisson, and {int(below.sum()):,} values of y are below {-noise.gain / 2:.3g}, down to "
            f"{float(y.min()):.3g}",
            "there are never fewer photons than none, and rounding takes off half of one",
            "say what was taken off as offset and what reading adds as read_sigma of dipsearch.NoiseModel('poisson', "
            "gain=..., offset=..., read_sigma=...), or give another noise",
        )


def _refuse_other_channels(noise: NoiseModel, shape: Shape) -> None:
    """Refuse a noise that is known for each channel where the image has others."""
    if noise.channels is not None and len(noise.channels) != shape[1]:
        raise InputError(
            f"the noise is that of {len(noise.channels)} channels",
            f"the image has {shape[1]}",
            "give dipsearch.Gaussian(sigma), or leave noise out to have it estimated",
        )


def _refuse_more_than_all(noise: NoiseModel, a: Operator, form: Form) -> None:
    """Refuse noise that is stronger than the image, of which it is in other units."""
    span = form.high - form.low
    if isinstance(a, Identity | Mask) and noise.sigma is not None and noise.sigma > 1:
        raise InputError(
            f"sigma is {noise.sigma * span:.5g}",
            f"it is in the units of y, and the values of the image are from {form.low:.5g} to {form.high:.5g}",
            f"give for example sigma={span / 10:.3g}, or leave noise out to have it estimated",
        )


def _found_out(y: Tensor, a: Operator, observed: Tensor, *, step: float) -> tuple[NoiseModel, Tensor]:
    """What the measurement itself says of its noise, where it can be asked, and of what it may count as observed."""
    name, recognised = name_of(a), getattr(a, "recognised", False)
    if isinstance(a, Identity) and not recognised:
        found = diagnose(y)
        # Where there is no noise everything stays as it is.
        seen = observed if found.where is None else torch.from_numpy(found.where)[None, None].to(observed)
        return found.noise, seen
    if name in ("mask", "downsample") and not recognised:
        return NoiseModel("none", None, "estimated" if name == "mask" else "none"), observed
    if name == "blur":
        # What a blur leaves has hardly any of the high frequencies that noise is estimated from.
        return estimated_behind_a_blur(estimate_sigma(y).sigma, step=step), observed
    raise InputError(
        "noise was not given",
        "it is estimated for pictures and blurred pictures only",
        "give dipsearch.Gaussian(sigma) in the units of y, or dipsearch.NoNoise()",
    )


def refuse_small(name: str, pixels: Tensor) -> None:
    """Raise InputError where a picture (1, C, H, W) is too small to be restored."""
    height, width = pixels.shape[-2:]
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(
            f"{name} is {width} × {height}",
            f"a picture that can be restored has at least {SMALLEST_SIDE} pixels per side",
            "use a larger picture",
        )
