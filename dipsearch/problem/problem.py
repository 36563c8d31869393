"""A problem: what was measured, how, and how noisily; the value that the rest of dipsearch works on.

It is what ranks and stops candidates see, with no field for a reference image or a file name. ``Case`` (in
``case``) keeps those beside it, for reports only. The operator decides what is compared and how, not a task's name.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .doubt import doubt_of
from .form import PLAIN, Form
from .gate.impulses import EXACT, clean_sigma, clean_values
from .measurement import SMALLEST_SIDE as SMALLEST_SIDE
from .measurement import take_in
from .noise import NoiseModel
from .noise_map import cropped
from .operators import Downsample, Identity, Mask, Operator, name_of

TASKS = {"identity": "denoise", "mask": "inpaint", "downsample": "sr", "blur": "deblur"}
"""What people call the problems of some operators."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Problem:
    """What was measured: all that ranking and stopping may see.

    Args:
        y: the measurement, in its own range. A picture is a NumPy array (H, W) or (H, W, C), or a tensor (H, W),
            (C, H, W) or (1, C, H, W); anything else has the shape that the operator returns. What is NaN or infinite in
            a picture without an operator was not measured, and its restored image is NaN there.
        operator: A, so that y is about A x: one of dipsearch's, an object with ``A`` and ``A_adjoint``, a pair of such
            functions of tensors, or ``None`` for the identity.
        noise: of y, in its units: `Gaussian`, `Poisson`, `Impulses`, `NoNoise`; or that of another problem, which knows
            its own. ``None``: found out, where that is possible, and none for missing pixels and enlargement.
        image_shape: (1, C, H, W), where the operator does not know it.
        data_range: the values of the image that are about black and white. By default 0 and 255 for 8 bits, 0 and 1 for
            floats that only noise takes beyond that, and otherwise the data's own.
        check: whether a foreign operator is tried with the dot-product test.
        observed, form: by keyword, and only when all of a problem's values are given as its attributes have them.

    Attributes:
        y: (1, C, h, w) float32, scaled to about [0, 1].
        operator: A.
        noise: what is known of the noise in y, in units of [0, 1]; it knows which these are of what was handed in.
        image_shape: (1, C, H, W) of the restored image x.
        observed: (1, 1, h, w) or (1, C, h, w), 1 where something was measured, else 0. Of a picture that has noise in a
            part only, 1 there; all else stays as it is.
        form: how the restored image is handed back.

    Where y does not look as if it had the noise that was given, a warning says so.

    Where all channels of y are the same, noise included, as of a grey picture that is kept as RGB, they are worked on
    as one, C is 1, and what is restored is handed back with all of them; with an operator of one's own, which may treat
    them differently, a warning says that their noise counts as often as there are channels.

    Raises:
        InputError: something about it cannot be used; the message says what.
    """

    y: Tensor
    operator: Operator
    noise: NoiseModel
    image_shape: tuple[int, int, int, int]
    observed: Tensor
    form: Form = PLAIN

    def __init__(
        self,
        y: Tensor | NDArray[Any] | Any,
        operator: Any = None,
        noise: NoiseModel | None = None,
        image_shape: tuple[int, ...] | None = None,
        *,
        data_range: tuple[float, float] | None = None,
        check: bool = True,
        observed: Tensor | None = None,
        form: Form = PLAIN,
    ) -> None:
        values: tuple[object, ...] = (y, operator, noise, image_shape, observed, form)
        if observed is None:
            with torch.inference_mode(False):  # what is made in that mode no fit can use
                values = take_in(
                    y, operator, noise, image_shape=image_shape, data_range=data_range, check=check
                )
        for field, value in zip(dataclasses.fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)
        divisor = getattr(self.operator, "divisor", 1.0)
        unit, zero = abs(self.form.high - self.form.low) * divisor, self.form.low * divisor
        if observed is None and self.noise.kind == "poisson":
            zero = self.noise.zero * divisor  # what A makes of the image's 0
        object.__setattr__(self, "noise", dataclasses.replace(self.noise, unit=unit, zero=zero))
        if observed is None and self.doubt:
            warnings.warn(self.doubt, stacklevel=2)

    def __repr__(self) -> str:
        _, channels, height, width = self.image_shape
        return (
            f"Problem({self.task}: an image of {width} × {height} with {channels} channel{'s'[: channels > 1]}"
            + (f" for {self.form.channels} that are all the same" if self.form.channels > 1 else "")
            + f", operator {name_of(self.operator)}, noise {_in_words(self.noise)})"
        )

    @property
    def task(self) -> str:
        """What people call it: "denoise", "inpaint", "sr", "deblur", and "invert" for any other operator."""
        return TASKS.get(name_of(self.operator), "invert")

    @property
    def pixelwise(self) -> bool:
        """Whether the values of y are values of the image, each with its noise."""
        return isinstance(self.operator, Identity | Mask)

    @property
    def croppable(self) -> bool:
        """Whether a part of y is the measurement of a part of the image."""
        return isinstance(self.operator, Identity | Mask | Downsample)

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

    @cached_property
    def doubt(self) -> str:
        """What speaks against the noise that was given, a sentence; empty where nothing does."""
        return doubt_of(self.y, self.operator, self.noise, self.observed, self.form)

    def view(self, x: Tensor) -> Tensor:
        """Return what a split compares of an image x (1, C, H, W): x where its values are measured, else A x."""
        return x if self.pixelwise else self.operator.A(x)

    def to(self, device: torch.device | str) -> Problem:
        """Return the same problem on another device."""
        return dataclasses.replace(
            self,
            y=self.y.to(device),
            operator=self.operator.to(device),
            observed=self.observed.to(device),
        )


def _in_words(noise: NoiseModel) -> str:
    sigma = "" if noise.sigma is None else f" of sigma {noise.sigma * noise.unit:.3g}"
    kind = noise.kind if noise.share is None else f"speckle of {noise.share:.0%}"
    kind += "" if noise.places is None else " that differs over the picture"
    return f"{kind}{sigma} ({noise.source})" if noise.kind != "none" else "none"


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
    if not problem.croppable:
        raise InputError(
            f"a crop of a measurement by '{name_of(problem.operator)}' was asked for",
            "a part of it is no measurement of a part of the image",
            "use the whole",
        )
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
        operator = Downsample(factor, shape, kernel=problem.operator.kernel).to(y.device)
        _forget_cut_edges(
            observed,
            cut=(top > 0, bottom < full_height, left > 0, right < full_width),
            reach=problem.operator.reach,
        )
    noise = problem.noise
    if noise.places is not None:
        places = cropped(
            noise.places, (full_height, full_width), top=top, left=left, height=height, width=width
        )
        noise = dataclasses.replace(noise, places=places)
    return dataclasses.replace(
        problem, y=y, operator=operator, noise=noise, image_shape=shape, observed=observed
    )


def _forget_cut_edges(observed: Tensor, *, cut: tuple[bool, bool, bool, bool], reach: int) -> None:
    above, below, before, after = cut
    if not reach:
        return
    if above:
        observed[..., :reach, :] = 0
    if below:
        observed[..., -reach:, :] = 0
    if before:
        observed[..., :reach] = 0
    if after:
        observed[..., -reach:] = 0
