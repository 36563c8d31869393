"""Tasks: from what a person asks for to a Problem, the value that the rest of dipsearch works on.

``TaskOptions`` is the request in plain values, ``Problem`` is what ranks and stops candidates see, with no
field for a reference image or a file name. ``Case`` (in ``case``) keeps those beside it, for reports only.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, get_args

import torch
from torch import Tensor

from ..errors import FormatError, InputError
from .impulses import EXACT, clean_sigma, clean_values
from .noise import LEVELS, NoiseModel
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

    def to(self, device: torch.device | str) -> Problem:
        """Return the same problem on another device."""
        return dataclasses.replace(
            self,
            y=self.y.to(device),
            operator=self.operator.to(device),
            observed=self.observed.to(device),
        )


@dataclass(frozen=True)
class TaskOptions:
    """The request, as a person types it; every field is a plain value.

    Attributes:
        task: "denoise", "inpaint" or "sr".
        mask: inpaint: file that is white where the picture was measured; a folder holds one per picture, of
            the same name.
        invert_mask: inpaint: the mask file is black where the picture was measured.
        missing: inpaint: take the picture as clean and hide this percentage of its pixels, 1 to 99.
        sigma: denoise: standard deviation of the noise in grey levels of 255; None estimates it, or is 25
            when simulating.
        factor: sr: whole number, 2 or more.
        reference: the clean picture, for reports only; a folder holds one per picture, of the same name.
        simulate: take the picture as clean, damage it, and use it as the reference.

    Raises:
        InputError: a value out of its range, or an option that the task does not know.
    """

    task: Task
    mask: str | None = None
    invert_mask: bool = False
    missing: float | None = None
    sigma: float | None = None
    factor: int = 4
    reference: str | None = None
    simulate: bool = False

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise InputError(
                f"the task is {self.task!r}", "it is denoise, inpaint or sr", "choose one of them"
            )
        _check_sigma(self)
        _check_missing(self)
        if isinstance(self.factor, bool) or not isinstance(self.factor, int) or self.factor < 2:
            raise InputError(
                f"the factor is {self.factor}",
                "it is a whole number of at least 2",
                "use for example --factor 4",
            )
        if self.simulate and self.reference is not None:
            raise InputError(
                "both a reference and --simulate were given",
                "when simulating, the picture itself is the reference",
                "leave one of them out",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary that JSON and YAML can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the options that ``to_dict`` wrote.

        Raises:
            FormatError: an unknown key, or no task.
            InputError: a value out of its range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown or "task" not in values:
            raise FormatError(
                f"the task options have the unknown key {unknown[0]!r}"
                if unknown
                else "the task options name no task",
                "the keys are " + ", ".join(sorted(known)),
                "correct the key" if unknown else "add task: denoise, inpaint or sr",
            )
        return cls(**dict(values))


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


def _check_sigma(options: TaskOptions) -> None:
    sigma = options.sigma
    if sigma is None:
        return
    if options.task != "denoise":
        raise InputError(f"sigma was given for {options.task}", "it belongs to denoise", "leave out --sigma")
    if not (math.isfinite(sigma) and 0 < sigma <= LEVELS):
        raise InputError(
            f"sigma is {sigma:g}",
            f"it is a number of grey levels above 0, at most {LEVELS}",
            "give for example --sigma 25, or leave it out to have it estimated",
        )


def _check_missing(options: TaskOptions) -> None:
    given = [
        name
        for name, value in (
            ("--mask", options.mask),
            ("--invert-mask", options.invert_mask or None),
            ("--missing", options.missing),
        )
        if value is not None
    ]
    if given and options.task != "inpaint":
        raise InputError(
            f"{given[0]} was given for {options.task}", "it belongs to inpaint", f"leave out {given[0]}"
        )
    if options.missing is None:
        return
    if not 1 <= options.missing <= 99:
        raise InputError(
            f"missing is {options.missing:g}",
            "it is a percentage from 1 to 99",
            "write --missing 50 to hide half of the pixels",
        )
    if len(given) > 1:
        raise InputError(
            f"both --missing and {given[0]} were given",
            "missing pixels are either drawn at random or read from a mask",
            "leave one of them out",
        )
