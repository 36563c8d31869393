"""Damages: what benchmarks do to clean pictures, and the problem that a restoration is then given.

Noise of the denoising cases is not clipped, but for one: what clipping costs is a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...problem import (
    Downsample,
    Identity,
    Mask,
    NoiseModel,
    NoiseWord,
    Problem,
    add_noise,
    estimate_sigma,
    read_image,
)
from ...problem.missing import hide_pixels
from ...problem.noise import NO_NOISE
from ...problem.randomness import generator_for
from ...problem.splits.recorruption import SHARE
from .half_size_crops import half_size_crop

LEVELS = 255
PHOTONS = 30
TEXT = "an untrained network restores what is missing from what is left "
TEXT_HEIGHT, LINE = 12, 30


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Args:
        name: as in the tables.
        task: that repairs it.
        side: of the crop at half size, in pixels; ``None``: the whole picture as it is.
        make: from the clean picture ``(1, C, side, side)`` and a seed to the problem.
        sigma: of Gaussian noise, in grey levels of 255; ``None`` for other damages.
    """

    name: str
    task: str
    side: int | None
    make: Callable[[Tensor, int], Problem]
    sigma: float | None = None

    def clean(self, source: str) -> Tensor:
        """What of a picture is damaged, ``(1, C, H, W)`` in [0, 1].

        Raises:
            InputError: the picture cannot be read, or is too small.
        """
        return read_image(source).pixels if self.side is None else half_size_crop(source, side=self.side)


def _problem(task: str, y: Tensor, noise: NoiseModel) -> Problem:
    _, channels, height, width = y.shape
    shape = (1, channels, height, width)
    return Problem(y, Identity(), noise, shape, observed=torch.ones(1, 1, height, width))


def _masked(clean: Tensor, observed: Tensor) -> Problem:
    _, channels, height, width = clean.shape
    shape = (1, channels, height, width)
    return Problem(clean * observed, Mask(observed), NO_NOISE, shape, observed=observed)


def _missing(clean: Tensor, seed: int) -> Problem:
    height, width = clean.shape[-2:]
    return _masked(clean, hide_pixels(height, width, percent=50, seed=seed))


def _text(clean: Tensor, seed: int) -> Problem:
    return _masked(clean, text_mask(*clean.shape[-2:], seed=seed))


def text_mask(height: int, width: int, *, seed: int) -> Tensor:
    """A mask ``(1, 1, height, width)`` with lines of print missing, 0 where there is ink."""
    page = Image.new("L", (width, height), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=TEXT_HEIGHT)
    for index, top in enumerate(range(2, height, LINE)):
        start = (7 * (index + seed)) % len(TEXT)
        draw.text((1, top), (TEXT[start:] + TEXT * (width // 60 + 1)), fill=0, font=font, stroke_width=1)
    return torch.from_numpy(np.asarray(page) > 127).float()[None, None]


def gaussian_noise(sigma: float, *, clipped: bool) -> Callable[[Tensor, int], Problem]:
    """How white noise of ``sigma`` grey levels of 255 is added; where it is clipped, in 8 bits, too."""

    def make(clean: Tensor, seed: int) -> Problem:
        noise = torch.randn(clean.shape, generator=generator_for("benchmark noise", seed))
        y = clean + noise * sigma / LEVELS
        if clipped:
            y = (y.clamp(0, 1) * LEVELS).round() / LEVELS
        return _problem("denoise", y, NoiseModel("gaussian", sigma / LEVELS, "given"))

    return make


def _poisson(clean: Tensor, seed: int) -> Problem:
    counts = torch.poisson(clean * PHOTONS, generator=generator_for("benchmark photons", seed))
    return _problem("denoise", counts / PHOTONS, NoiseModel("poisson", None, "given", gain=1 / PHOTONS))


def _impulse(clean: Tensor, seed: int) -> Problem:
    generator = generator_for("benchmark impulses", seed)
    hit = torch.rand(clean.shape, generator=generator) < 0.3
    salt = (torch.rand(clean.shape, generator=generator) < 0.5).float()
    return _problem("denoise", torch.where(hit, salt, clean), NoiseModel("impulse", None, "given"))


def _reduced(clean: Tensor, seed: int) -> Problem:
    del seed
    _, channels, height, width = clean.shape
    shape = (1, channels, height, width)
    operator = Downsample(4, shape)
    y = operator.A(clean)
    return Problem(y, operator, NO_NOISE, shape, observed=torch.ones(1, 1, *y.shape[-2:]))


def _early_stopping(kind: NoiseWord, level: float) -> Callable[[Tensor, int], Problem]:
    """Noise of Wang et al. (arXiv 2112.06074): clipped, and stored in 8 bits."""

    def make(clean: Tensor, seed: int) -> Problem:
        y = (add_noise(clean, kind, level=level, seed=seed).y * LEVELS).round() / LEVELS
        noise = {
            "gaussian": NoiseModel("gaussian", level / LEVELS, "given"),
            "poisson": NoiseModel("poisson", None, "given", gain=1 / level),
            "impulse": NoiseModel("impulse", None, "given"),
            "speckle": NoiseModel("unknown", estimate_sigma(y).sigma, "estimated"),
        }[kind]
        return _problem("denoise", y, noise)

    return make


DAMAGES: dict[str, Damage] = {
    damage.name: damage
    for damage in (
        Damage("missing-50", "inpaint", 96, _missing),
        Damage("gaussian-25-clipped", "denoise", 96, gaussian_noise(25, clipped=True), 25),
        Damage("text", "inpaint", 96, _text),
        Damage("gaussian-10", "denoise", 96, gaussian_noise(10, clipped=False), 10),
        Damage("sr-4", "sr", 96, _reduced),
        Damage("gaussian-50", "denoise", 96, gaussian_noise(50, clipped=False), 50),
        Damage("poisson-30", "denoise", 96, _poisson),
        Damage("impulse-30", "denoise", 96, _impulse),
        Damage("es-gaussian-low", "denoise", None, _early_stopping("gaussian", 0.12 * LEVELS), 0.12 * LEVELS),
        Damage(
            "es-gaussian-high", "denoise", None, _early_stopping("gaussian", 0.26 * LEVELS), 0.26 * LEVELS
        ),
        Damage("es-shot-low", "denoise", None, _early_stopping("poisson", 25)),
        Damage("es-shot-high", "denoise", None, _early_stopping("poisson", 5)),
        Damage("es-impulse-low", "denoise", None, _early_stopping("impulse", 30)),
        Damage("es-impulse-high", "denoise", None, _early_stopping("impulse", 70)),
        Damage("es-speckle-low", "denoise", None, _early_stopping("speckle", 20)),
        Damage("es-speckle-high", "denoise", None, _early_stopping("speckle", 45)),
    )
}

SMALL = tuple(name for name, damage in DAMAGES.items() if damage.side is not None)
LARGE = tuple(name for name, damage in DAMAGES.items() if damage.side is None)
"""Four kinds of noise at the lowest and the highest level of Wang et al., for whole pictures and a GPU."""


def noise_energy(damage: str) -> float | None:
    """The mean squared noise in the part of a measurement that is fitted, where it is known."""
    sigma = DAMAGES[damage].sigma
    return None if sigma is None else (sigma / LEVELS) ** 2 / (1 - SHARE)


ALL, GAUSSIAN = "all", "gaussian, σ known"


def groups_of(damage: str) -> tuple[tuple[str, str], ...]:
    """Task and name of every group that a damage counts in: itself, Gaussian noise, its task, everything."""
    task = DAMAGES[damage].task
    gaussian = [(task, GAUSSIAN)] if DAMAGES[damage].sigma is not None else []
    several = sum(other.task == task for other in DAMAGES.values()) > 1
    return ((task, damage), *gaussian, *([(task, ALL)] if several else []), (ALL, ALL))


def group_name(task: str, damage: str) -> str:
    """A group as tables name it."""
    return f"all of {task}" if damage == ALL and task != ALL else damage


def group_order(group: tuple[str, str]) -> int:
    """Sorts groups: single damages in their order, then what puts several together, everything last."""
    task, damage = group
    names = list(DAMAGES)
    if damage in DAMAGES:
        return names.index(damage)
    return len(names) + [(task, GAUSSIAN), ("denoise", ALL), ("inpaint", ALL), (ALL, ALL)].index(group)
