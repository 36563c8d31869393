"""What a person told of a picture: which pixels are missing, and how strong its noise is, in the units of its file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import binary_opening
from torch import Tensor

from ..errors import InputError
from .formats.image import Image, refuse_gaps
from .formats.sources import file_of_same_name
from .gaps import filled_gaps
from .mask_file import Observation
from .missing import find_observed
from .noise import LEVELS
from .operators import Downsample, pseudo_inverse
from .picture_range import PictureRange
from .problem import Problem
from .task_options import TaskOptions

WIDE = 5
"""Side of a square of half transparent pixels that is no soft edge of a brush any more."""


def told_missing(image: Image, source: str, options: TaskOptions) -> Observation | None:
    """What says which pixels are missing; ``None`` where nothing does, or where they are hidden on purpose."""
    if options.task != "inpaint" or options.simulate or options.missing is not None:
        return None
    mask = None if options.mask is None else file_of_same_name(options.mask, source)
    return find_observed(image, source, mask=mask, invert=options.invert_mask)


def measured_alone(
    image: Image, source: str, told: Observation | None, options: TaskOptions
) -> tuple[Image, Tensor | None]:
    """The picture with a number in the place of whatever lies where nothing was measured.

    Returns:
        The picture, and of one that is to be denoised where it has gaps, (1, 1, H, W); ``None``: nowhere.

    Raises:
        InputError: a value that was measured is NaN or infinite.
    """
    gaps = ~torch.isfinite(image.pixels)
    if options.task == "denoise" and not options.simulate and 0 < int(gaps.any(1).sum()) < gaps[0, 0].numel():
        filled, where = filled_gaps(image.pixels)
        return replace(image, pixels=filled), where
    missing = torch.zeros((), dtype=torch.bool) if told is None else told.observed == 0
    refuse_gaps(source, int((gaps & ~missing).sum()), where=" outside of what is missing" if told else "")
    return replace(image, pixels=torch.where(gaps, 0.0, image.pixels)) if bool(gaps.any()) else image, None


def exact_where(image: Image, told: Observation | None, options: TaskOptions) -> Tensor | None:
    """Where the values of a picture are free of noise, so that its range is that of all of them."""
    if told is not None:
        return told.observed
    clean = options.task in ("inpaint", "sr") or (options.simulate and options.photons is not None)
    return torch.ones(1, 1, *image.pixels.shape[-2:], dtype=torch.float32) if clean else None


def in_unit(options: TaskOptions, chosen: PictureRange) -> TaskOptions:
    """The options with strengths of noise in grey levels of 255, of which black to white are that many.

    People give them in the units of the file, which are the same for 8 bits. Floats in [0, 1] are as bright as 8 bits,
    and for them, too, they are given in grey levels. Photons are those of what is worked on as white.
    """
    sigma = options.sigma
    if sigma is not None:
        span = chosen.span if chosen.own or chosen.unit != 1 else LEVELS
        if sigma > span:
            raise InputError(
                f"sigma is {sigma:g}",
                f"it is in the units of the file, and black to white are {span:.4g} of them",
                f"give for example --sigma {span / 10:.3g}, or leave it out to have it estimated",
            )
        sigma = sigma / span * LEVELS
    return replace(options, sigma=sigma)


def alpha_beside(image: Image, problem: Problem, told: Observation | None) -> Tensor | None:
    """What stays transparent; enlarged as smoothly as the kernel has it where the picture is enlarged."""
    if image.alpha is None:
        return None
    if told is not None and told.transparent:
        return _where_observed(image.alpha, told.observed)
    if not isinstance(problem.operator, Downsample) or problem.y.shape[-2:] != image.alpha.shape[-2:]:
        return image.alpha
    _, _, height, width = problem.image_shape
    larger = Downsample(problem.operator.factor, (1, 1, height, width), kernel=problem.operator.kernel)
    return pseudo_inverse(larger, image.alpha).clamp(0, 1)


def _where_observed(alpha: Tensor, observed: Tensor) -> Tensor | None:
    """The transparency of what is not filled; ``None`` where that is opaque but for soft edges."""
    clear = (observed > 0) & (alpha < 1)
    wide = binary_opening(clear[0, 0].numpy(), np.ones((WIDE, WIDE), bool))
    return torch.where(observed > 0, alpha, torch.ones_like(alpha)) if wide.any() else None
