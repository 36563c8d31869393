"""Task options: what a person asks for, in plain values that a file can hold.

``load_case`` makes a problem of them; ``search``, ``restore`` and ``degrade`` type them in the same words.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from ..errors import FormatError, InputError
from .operators.reduction_kernels import reduction_kernel

Task = Literal["denoise", "inpaint", "sr", "deblur", "invert"]


MOST_FACTOR = 1000
"""A picture that is made so much smaller, with 8 pixels of a side left, has almost as many as are read at all."""

MOST_PHOTONS = 1e9
"""Their noise at white is two steps of 16 bits, and the file of a request holds no larger level."""


@dataclass(frozen=True)
class TaskOptions:
    """The request, as a person types it; every field is a plain value.

    Attributes:
        task: "denoise", "inpaint", "sr" or "deblur"; "invert" stands for any other operator, from Python.
        mask: inpaint: file that is white where the picture was measured; a folder holds one per picture, of
            the same name.
        invert_mask: inpaint: the mask file is black where the picture was measured.
        missing: inpaint: take the picture as clean and hide this percentage of its pixels, 1 to 99.
        sigma: denoise, deblur: standard deviation of the noise in the units of the file, which are grey levels of 255
            in 8 bits and of floats in [0, 1]; None estimates it, or is 25 of 255, of deblur 5, when simulating.
        kernel: deblur: what the picture was blurred with: "gaussian:2", "motion:9:30", or a file; sr: what it was made
            smaller with: "lanczos2" (None), "lanczos3", "bicubic" or "box".
        photons: denoise: the values are counts of photons, and what is worked on as white stands for this many.
        factor: sr: whole number, 2 or more.
        reference: the clean picture, for reports only; a folder holds one per picture, of the same name.
        simulate: take the picture as clean, damage it, and use it as the reference.
        value_range: the values of the file that are worked on as black and white; None finds them.
        data_range: what PSNR and SSIM take for the range, in the units of the file; None: 255 for 8 bits, of others
            that of the reference.
        axes: of a TIFF, a letter for each axis: T and Z, planes that are pictures of their own, C, Y, X; None: as the
            file says.

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
    photons: float | None = None
    kernel: str | None = None
    value_range: tuple[float, float] | None = None
    data_range: float | None = None
    axes: str | None = None

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise InputError(
                f"the task is {self.task!r}", "it is denoise, inpaint, sr or deblur", "choose one of them"
            )
        _check_ranges(self)
        _check_sigma(self)
        _check_photons(self)
        _check_missing(self)
        _check_kernel(self)
        if (
            isinstance(self.factor, bool)
            or not isinstance(self.factor, int)
            or not 2 <= self.factor <= MOST_FACTOR
        ):
            raise InputError(
                f"the factor is {self.factor}",
                f"it is a whole number from 2 to {MOST_FACTOR}",
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
        return dataclasses.asdict(self) | {"value_range": self.value_range and list(self.value_range)}

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
                f"the task options {f'have the unknown key {unknown[0]!r}' if unknown else 'name no task'}",
                "the keys are " + ", ".join(sorted(known)),
                "correct the key" if unknown else "add task: denoise, inpaint, sr or deblur",
            )
        given = values.get("value_range")
        return cls(**{**values, "value_range": tuple(given) if isinstance(given, list) else given})


def _check_ranges(options: TaskOptions) -> None:
    given = options.value_range
    if given is not None and not (
        isinstance(given, tuple)
        and len(given) == 2
        and all(isinstance(one, int | float) and math.isfinite(one) for one in given)
        and given[0] < given[1]
    ):
        raise InputError(
            f"the range is {' '.join(map(str, given)) if isinstance(given, tuple) else given}",
            "it is two numbers in the units of the file, the lower one first",
            "write for example --range 0 4095",
        )
    axes = options.axes
    if axes is not None and not (
        isinstance(axes, str) and 2 <= len(axes) <= 6 and axes.isascii() and axes.isalpha()
    ):
        raise InputError(
            f"the axes are {axes!r}",
            "they are a letter for each: T, Z, C, Y, X",
            "write for example --axes TYX",
        )
    if options.data_range is not None and not (
        isinstance(options.data_range, int | float) and 0 < options.data_range < math.inf
    ):
        raise InputError(
            f"the data range is {options.data_range}",
            "it is a number above 0",
            "write for example --data-range 4095",
        )


def _check_sigma(options: TaskOptions) -> None:
    sigma = options.sigma
    if sigma is None:
        return
    if options.task not in ("denoise", "deblur"):
        raise InputError(
            f"sigma was given for {options.task}", "it belongs to denoise and deblur", "leave out --sigma"
        )
    if not 0 < sigma < math.inf:
        raise InputError(
            f"sigma is {sigma:g}",
            "it is a number above 0, in the units of the file (grey levels of 255 in 8 bits)",
            "give for example --sigma 25, or leave it out to have it estimated",
        )


def _check_photons(options: TaskOptions) -> None:
    photons = options.photons
    if photons is None:
        return
    if options.task != "denoise":
        raise InputError(
            f"photons were given for {options.task}", "they belong to denoise", "leave out --photons"
        )
    if options.sigma is not None:
        raise InputError(
            "both --sigma and --photons were given",
            "the noise of counts follows from the counts",
            "leave one of them out",
        )
    if not 0 < photons <= MOST_PHOTONS:
        raise InputError(
            f"photons is {photons:g}",
            f"it is the number of photons that the value 1 (white) stands for, above 0 and at most {MOST_PHOTONS:g}",
            "give for example --photons 30, or leave it out to have it estimated",
        )


def _check_kernel(options: TaskOptions) -> None:
    if options.kernel is None and options.task == "deblur":
        raise InputError(
            "no kernel was given",
            "deblur undoes a blur that is known",
            "give what the picture was blurred with: --kernel gaussian:2, --kernel motion:9:30, or a file",
        )
    if options.kernel is not None and options.task == "sr":
        reduction_kernel(options.kernel)
    elif options.kernel is not None and options.task != "deblur":
        raise InputError(
            f"a kernel was given for {options.task}", "it belongs to deblur and sr", "leave out --kernel"
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
