"""Cases of the comparison on operators: what is measured of a clean picture, and how it is usually restored.

A measurement is a problem as a person hands it in from Python: an array, an operator and the strength of the noise.
The clean picture stays beside it, where no search can see it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...problem import (
    Blur,
    Fourier,
    Gaussian,
    Operator,
    Problem,
    Radon,
    cartesian_mask,
    gaussian_kernel,
    generator_for,
    image_digest,
    motion_kernel,
    read_image,
)
from .operator_classical import Method, back_projection, total_variation, wiener, zero_filled

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Instrument:
    """An operator with its noise.

    Args:
        name: in the tables.
        words: what it does, with all its numbers; part of the digest of a measurement.
        colours: the clean image of a picture (1, C, H, W): as it is, or grey.
        operator: for images of a shape, and a seed.
        sigma: of the Gaussian noise, from A x.
        classical: the usual methods, by name.
    """

    name: str
    words: str
    colours: Callable[[Tensor], Tensor]
    operator: Callable[[Shape, int], Operator]
    sigma: Callable[[Tensor], float]
    classical: Mapping[str, Method] = field(default_factory=dict)

    def measure(self, clean: Tensor, *, seed: int) -> Problem:
        """The measurement of an image (1, C, H, W) in [0, 1]."""
        shape = tuple(clean.shape)
        operator = self.operator(shape, seed)
        exact = operator.A(clean)
        sigma = self.sigma(exact)
        noise = torch.randn(exact.shape, generator=generator_for("noise of operators", seed))
        return Problem(
            exact + sigma * noise, operator, Gaussian(sigma), image_shape=shape, data_range=(0.0, 1.0)
        )


def _as_it_is(pixels: Tensor) -> Tensor:
    return pixels


def _grey(pixels: Tensor) -> Tensor:
    return pixels.mean(dim=1, keepdim=True)


def _gaussian_blur(shape: Shape, seed: int) -> Operator:
    return Blur(gaussian_kernel(2), border="reflect")


def _motion_blur(shape: Shape, seed: int) -> Operator:
    return Blur(motion_kernel(9, 30), border="reflect")


def _tomography(shape: Shape, seed: int) -> Operator:
    return Radon(np.arange(60) * 3.0, shape)


def _k_space(shape: Shape, seed: int) -> Operator:
    return Fourier(cartesian_mask((shape[-2], shape[-1]), acceleration=4, seed=seed))


def _constant(sigma: float) -> Callable[[Tensor], float]:
    return lambda exact: sigma


def _tv(share: float) -> Method:
    return partial(total_variation, share=share)


# The shares of the noise that total variation leaves were chosen in its favour, with the clean pictures of coffee,
# chelsea and rocket in hand. 1, the discrepancy principle, was 0.7, 1.1, 0.3 and 0.5 dB worse on average.
INSTRUMENTS: dict[str, Instrument] = {
    instrument.name: instrument
    for instrument in (
        Instrument(
            "gaussian blur",
            "Gaussian blur of 2 pixels, mirrored border, noise 0.02",
            _as_it_is,
            _gaussian_blur,
            _constant(0.02),
            {"wiener": wiener, "tv": _tv(0.9)},
        ),
        Instrument(
            "motion blur",
            "movement by 9 pixels at 30 degrees, mirrored border, noise 0.02",
            _as_it_is,
            _motion_blur,
            _constant(0.02),
            {"wiener": wiener, "tv": _tv(0.85)},
        ),
        Instrument(
            "ct",
            "grey, 60 angles over 180 degrees, noise of 1 % of the largest value",
            _grey,
            _tomography,
            lambda exact: 0.01 * float(exact.max()),
            {"fbp ramp": back_projection("ramp"), "fbp hann": back_projection("hann"), "tv": _tv(0.85)},
        ),
        Instrument(
            "mri",
            "grey, a quarter of the columns of k-space, noise 0.01 in real and imaginary parts",
            _grey,
            _k_space,
            _constant(0.01),
            {"zero-filled": zero_filled, "tv": _tv(0.6)},
        ),
    )
}


def chosen_instruments(names: Sequence[str]) -> list[Instrument]:
    """The operators of these names, in the order of the tables.

    Raises:
        InputError: there is no such operator.
    """
    for name in names:
        if name not in INSTRUMENTS:
            raise InputError(
                f"there is no operator {name!r} in this benchmark",
                f"they are {', '.join(INSTRUMENTS)}",
                "choose from these",
            )
    return [instrument for name, instrument in INSTRUMENTS.items() if name in names]


@dataclass(frozen=True, eq=False)
class OperatorCase:
    """One measurement of one picture.

    Args:
        instrument: that measured it.
        picture: its name in the tables.
        crop: the clean picture as a file, from which another process makes the same case.
        clean: what a restoration is compared with, (1, C, H, W) in [0, 1].
        problem: all that a method gets to see.
        seed: of the noise, the mask, and of every method.
        digest: of the clean picture, the operator and the seed.
    """

    instrument: Instrument
    picture: str
    crop: Path
    clean: Tensor
    problem: Problem
    seed: int
    digest: str


def make_case(crop: str | Path, instrument: Instrument, *, seed: int) -> OperatorCase:
    """Measure a picture.

    Args:
        crop: the clean picture, a file.

    Raises:
        InputError: it cannot be read, or is too small for the operator.
    """
    clean = instrument.colours(read_image(crop).pixels)
    made_of = f"{image_digest(clean)} {instrument.name}: {instrument.words} {seed}"
    return OperatorCase(
        instrument=instrument,
        picture=Path(crop).stem,
        crop=Path(crop),
        clean=clean,
        problem=instrument.measure(clean, seed=seed),
        seed=seed,
        digest=hashlib.sha256(made_of.encode()).hexdigest()[:12],
    )
