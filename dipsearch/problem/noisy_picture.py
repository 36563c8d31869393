"""A noisy picture as a problem: what the gate finds in it, or what was given, and the part of it that is worked on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .array_types import Bits
from .formats.image import Image
from .gate.diagnosis import Diagnosis
from .gate.noise_classifier import diagnose, given_photons, given_sigma
from .gate.unit import Unit
from .noise import LEVELS
from .operators import Identity
from .problem import SMALLEST_SIDE, Problem
from .simulation import DEFAULT_SIGMA, Limits, simulate_measurement
from .task_options import TaskOptions
from .windows import Windows


@dataclass(frozen=True, eq=False)
class NoisyPicture:
    """A picture to be denoised.

    Attributes:
        problem: of what is worked on.
        reference: (1, C, H, W), where the noise was simulated.
        damage: what was simulated, in words; empty where nothing was.
        diagnosis: of its noise.
        windows: where the problem lies in the picture; ``None``: it is the whole.
    """

    problem: Problem
    reference: Tensor | None
    damage: str
    diagnosis: Diagnosis
    windows: Windows | None


def noisy_picture(
    image: Image, options: TaskOptions, *, seed: int, limits: Limits, unit: Unit
) -> NoisyPicture:
    """Make a picture, damaged before if that is asked for, into a problem.

    Args:
        limits: what simulated values are clipped to.
        unit: in which strengths are said.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    y, reference, damage = image.pixels, None, ""
    if options.simulate:
        damaged = simulate_measurement(image.pixels, options, seed=seed, limits=limits)
        y, reference, damage = damaged.y, image.pixels, damaged.sentence
    jpeg = image.container is not None and image.container.format == "JPEG"
    found = _diagnosed(y, options, jpeg=jpeg, unit=unit)
    windows = None if found.where is None or options.simulate else _around(found.where)
    observed = torch.ones(1, 1, *y.shape[-2:])
    if windows is not None and found.where is not None:
        observed = windows.cut(torch.from_numpy(found.where)[None, None].float()).contiguous()
        y = windows.cut(y).contiguous()
    _, channels, height, width = y.shape
    problem = Problem(y, Identity(), found.noise, (1, channels, height, width), observed)
    return NoisyPicture(problem, reference, damage, found, windows)


def _diagnosed(y: Tensor, options: TaskOptions, *, jpeg: bool, unit: Unit) -> Diagnosis:
    """What is known of the noise: what was given or simulated, else what the gate finds."""
    if options.photons is not None:
        return given_photons(y, options.photons, unit=unit)
    sigma = DEFAULT_SIGMA if options.simulate and options.sigma is None else options.sigma
    return diagnose(y, jpeg=jpeg, unit=unit) if sigma is None else given_sigma(y, sigma / LEVELS, unit=unit)


def _around(where: Bits) -> Windows | None:
    """The smallest rectangle with all noise; ``None`` where it is too small to be worked on."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    if min(height, width) < SMALLEST_SIDE:
        return None
    return Windows(((top, left),), height, width, 1)
