"""The reference: the clean version of a picture, in its range, and what PSNR against it is relative to.

Only reports and benchmarks may look at it. A case carries it beside its problem.
"""

from __future__ import annotations

import math

from torch import Tensor

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

    They are the same units unless the levels of the two say that white is another value.
    """
    measured, clean = (one.pixels.double().abs() * LARGEST[one.bits] for one in (image, reference))
    whites = WHITES[reference.bits]
    white = next((one for one in whites if one >= float(clean.max())), whites[-1])
    if observed is not None and measured.shape[-2:] == clean.shape[-2:]:
        measured, clean = (one * observed for one in (measured, clean))
    levels = float(measured.mean()), float(clean.mean())
    if min(levels) == 0:
        return white, 1.0
    gain = math.log(levels[0] / levels[1])
    times = (1.0, *(one / white for one in WHITES[image.bits]))
    return white, min(times, key=lambda one: abs(math.log(one) - gain))


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
