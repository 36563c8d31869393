"""The reference: the clean version of a picture, in its range, and what PSNR against it is relative to.

Only reports and benchmarks may look at it. A case carries it beside its problem.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..errors import InputError
from .formats.decoding import stacked_sources
from .formats.image import Image, read_image
from .formats.sources import file_of_same_name, is_sample, plane_of
from .mask_file import Observation
from .picture_range import LARGEST, PictureRange
from .problem import Problem
from .task_options import TaskOptions

WHITES = {8: (255.0,), 16: (255.0, 4095.0, 65535.0), 32: (1.0, 255.0, 4095.0, 65535.0)}
"""By the bits of a file: which of its values may be white. They lie a factor of 16 apart, so that levels tell them."""


OVERSHOOT = 1.5
"""Times white that a reference may reach: resampled ones ring, and a float may be rounded up."""

ALIKE = 0.05
"""Slopes are not told apart more finely, so that the first of alike quotients is taken: 255 and 257, 16.0 and 16.06."""

SURE = 5.0
"""Standard errors of the correlation from which on there is one."""


def read_reference(
    image: Image, source: str, options: TaskOptions, chosen: PictureRange, told: Observation | None
) -> tuple[Tensor | None, str]:
    """The clean picture in the range of the measured one, and a sentence where its values had to be scaled for that.

    Args:
        image: as it was read.
        source: of it.
        chosen: the range that it is worked on in.
        told: where it was measured; ``None``: everywhere.
    """
    if options.reference is None:
        return None, ""
    clean = file_of_same_name(options.reference, source)
    plane = None if is_sample(source) else plane_of(source)[1]
    if plane is not None and stacked_sources([clean], axes=options.axes) != (clean,):
        clean = f"{clean}[{plane}]"
    reference = read_image(clean, axes=options.axes)
    white, times = _scale(image, reference, None if told is None else told.observed)
    pixels = reference.pixels.double() * (times * LARGEST[reference.bits] / chosen.unit)
    if times == 1:
        return chosen.into(pixels), ""
    return chosen.into(pixels), (
        f"the values of the reference are taken times {times:.4g} for PSNR and SSIM: {white:g} is white there and "
        f"{white * times:g} in {image.name}"
    )


def _scale(image: Image, reference: Image, observed: Tensor | None) -> tuple[float, float]:
    """Which value of the reference is white, and what its values are multiplied with to be those of the picture.

    They are the same units unless the slope of the picture's values over the reference's says that white is another
    value: noise, black levels and holes do not change a slope by the factors that lie between values of white.
    """
    measured, clean = (one.pixels.double() * LARGEST[one.bits] for one in (image, reference))
    top = float(clean.abs().max())
    whites = [one for one in WHITES[reference.bits] if OVERSHOOT * one >= top] or [WHITES[reference.bits][-1]]
    quotients = [(whites[0], 1.0), *((own, its / own) for own in whites for its in WHITES[image.bits])]
    slope = _slope(measured, clean, observed)
    if (
        slope is None
    ):  # nothing can be said: values of one type are the same, others the same share of their types'
        same = 1.0 if image.bits == reference.bits else LARGEST[image.bits] / LARGEST[reference.bits]
        return LARGEST[reference.bits], same
    apart = [abs(math.log(times / slope)) for _, times in quotients]
    return next(one for one, far in zip(quotients, apart, strict=True) if far <= min(apart) + ALIKE)


def _slope(measured: Tensor, clean: Tensor, observed: Tensor | None) -> float | None:
    """Of the picture's values over the reference's, without its sign; ``None`` where it is none to be sure of."""
    if measured.shape[-2:] != clean.shape[-2:]:
        clean = interpolate(clean, size=measured.shape[-2:], mode="area")
        observed = None
    measured, clean = measured.mean(1), clean.mean(1)
    seen = (
        torch.ones_like(clean, dtype=torch.bool)
        if observed is None
        else (observed.amin(1) > 0).expand_as(clean)
    )
    x, y = clean[seen], measured[seen]
    if not len(x):
        return None
    x, y = x - x.mean(), y - y.mean()
    both, each = float(x @ y), (float(x @ x), float(y @ y))
    if min(each) == 0 or both**2 * len(x) < SURE**2 * each[0] * each[1]:
        return None
    return abs(both) / each[0]


def data_range_of_reference(
    reference: Tensor | None, options: TaskOptions, chosen: PictureRange
) -> tuple[float, str]:
    """The range that PSNR and SSIM are relative to, in that of the problem, and a sentence where nobody expects it."""
    if reference is None:
        return 1.0, ""
    if options.data_range is not None:
        return (
            options.data_range / chosen.span,
            f"PSNR and SSIM take {options.data_range:g} for the range, as given",
        )
    if options.value_range is not None:
        return 1.0, f"PSNR and SSIM take {chosen.span:g} for the range, that of --range"
    low, high = float(reference.min()), float(reference.max())
    if not high > low or (chosen.unit == 255 or (not chosen.own and chosen.unit == 1)):
        return 1.0, ""
    return high - low, (
        f"PSNR and SSIM take the reference's own range, {(high - low) * chosen.span:.5g} in the units of the file; "
        "--data-range overrides it"
    )


def refuse_other_reference(reference: Tensor | None, problem: Problem, options: TaskOptions) -> None:
    if reference is None or tuple(reference.shape) == problem.image_shape:
        return
    _, channels, height, width = problem.image_shape
    raise InputError(
        f"the reference {options.reference} is {reference.shape[3]} × {reference.shape[2]} with "
        f"{reference.shape[1]} channels",
        f"the restored image will be {width} × {height} with {channels}",
        "give the clean version of this very picture, or leave out --reference",
    )
