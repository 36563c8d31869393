"""The reference: the clean version of a picture, in its range, and what PSNR against it is relative to.

Only reports and benchmarks may look at it. A case carries it beside its problem.
"""

from __future__ import annotations

from torch import Tensor

from ..errors import InputError
from .formats.decoding import stacked_sources
from .formats.image import Image, read_image
from .formats.sources import file_of_same_name, is_sample, plane_of
from .picture_range import LARGEST, PictureRange
from .problem import Problem
from .task_options import TaskOptions


def read_reference(image: Image, source: str, options: TaskOptions, chosen: PictureRange) -> Tensor | None:
    """The clean picture in the range of the measured one, whose units it shares."""
    if options.reference is None:
        return None
    clean = file_of_same_name(options.reference, source)
    plane = None if is_sample(source) else plane_of(source)[1]
    if plane is not None and stacked_sources([clean], axes=options.axes) != (clean,):
        clean = f"{clean}[{plane}]"
    reference = read_image(clean, axes=options.axes)
    if reference.bits == image.bits:
        return chosen.into(reference.pixels)
    # Of another type it has the same units, or the same share of its type's largest value: whichever is nearer.
    of_units = chosen.into(reference.pixels * (LARGEST[reference.bits] / chosen.unit))
    of_types = chosen.into(reference.pixels)
    level = image.pixels.mean()
    return of_units if (of_units.mean() - level).abs() < (of_types.mean() - level).abs() else of_types


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
