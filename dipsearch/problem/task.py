"""Tasks: a Problem, the value that the rest of dipsearch works on.

It is what ranks and stops candidates see, with no field for a reference image or a file name. ``Case`` (in
``case``) keeps those beside it, for reports only.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError
from .impulses import EXACT, clean_sigma, clean_values
from .noise import NoiseModel
from .operators import Downsample, Identity, Mask, Operator

Task = Literal["denoise", "inpaint", "sr"]

SMALLEST_SIDE = 8  # of a measurement; below it neither the noise nor a split says anything

# The Lanczos-2 kernel of a measured pixel reaches one and a half measured pixels beyond its own block.
KERNEL_REACH = 2


@dataclass(frozen=True, eq=False)
class Problem:
    """What was measured: all that ranking and stopping may see.

    Attributes:
        task: "denoise", "inpaint" or "sr".
        y: (1, C, h, w) float32, the measurement.
        operator: A, so that y is about A x.
        noise: what is known of the noise in y.
        image_shape: (1, C, H, W) of the restored image x.
        observed: (1, 1, h, w), 1 where something was measured, else 0.
    """

    task: Task
    y: Tensor
    operator: Operator
    noise: NoiseModel
    image_shape: tuple[int, int, int, int]
    observed: Tensor

    @cached_property
    def exact(self) -> Tensor | None:
        """Where y is free of noise: 1 in (1, 1, h, w) or (1, C, h, w); ``None`` when that is nowhere.

        Everything observed is when the problem has no noise. Of impulses, the values that were not struck are,
        provided that their own noise is hardly visible (4 grey levels).
        """
        if self.noise.kind == "none":
            return self.observed
        if self.noise.kind != "impulse":
            return None
        sigma = clean_sigma(self.y) if self.noise.sigma is None else self.noise.sigma
        return self.observed * clean_values(self.y) if sigma is not None and sigma <= EXACT else None

    def view(self, x: Tensor) -> Tensor:
        """Return what a split compares of an image x (1, C, H, W): A x in super-resolution, else all of x."""
        return self.operator.A(x) if self.task == "sr" else x

    def to(self, device: torch.device | str) -> Problem:
        """Return the same problem on another device."""
        return dataclasses.replace(
            self,
            y=self.y.to(device),
            operator=self.operator.to(device),
            observed=self.observed.to(device),
        )


def crop_problem(problem: Problem, *, top: int, left: int, height: int, width: int) -> Problem:
    """Cut a rectangle out of a problem at native resolution; all four numbers are measured pixels.

    For super-resolution, measured pixels whose kernel reaches over a cut edge depend on what was cut off;
    they count as not observed.

    Raises:
        InputError: the rectangle does not lie inside the measurement.
    """
    full_height, full_width = problem.y.shape[-2:]
    bottom, right = top + height, left + width
    if min(top, left) < 0 or min(height, width) < 1 or bottom > full_height or right > full_width:
        raise InputError(
            f"the crop covers the rows {top} to {bottom} and the columns {left} to {right}",
            f"the measurement is {full_width} × {full_height}",
            "choose a rectangle inside it",
        )
    window = (..., slice(top, bottom), slice(left, right))
    y, observed = problem.y[window].contiguous(), problem.observed[window].clone()
    _, channels, image_height, image_width = problem.image_shape
    operator: Operator = Identity()
    shape = (1, channels, height, width)
    if isinstance(problem.operator, Mask):
        operator = Mask(problem.operator.mask[window].contiguous())
    elif isinstance(problem.operator, Downsample):
        factor = problem.operator.factor
        shape = (
            1,
            channels,
            min(image_height, bottom * factor) - top * factor,
            min(image_width, right * factor) - left * factor,
        )
        operator = Downsample(factor, shape).to(y.device)
        _forget_cut_edges(
            observed, cut=(top > 0, bottom < full_height, left > 0, right < full_width), reach=KERNEL_REACH
        )
    return dataclasses.replace(problem, y=y, operator=operator, image_shape=shape, observed=observed)


def _forget_cut_edges(observed: Tensor, *, cut: tuple[bool, bool, bool, bool], reach: int) -> None:
    above, below, before, after = cut
    if above:
        observed[..., :reach, :] = 0
    if below:
        observed[..., -reach:, :] = 0
    if before:
        observed[..., :reach] = 0
    if after:
        observed[..., -reach:] = 0
