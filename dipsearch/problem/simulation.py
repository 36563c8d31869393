"""Simulation: damage that is put into a clean picture on purpose, so that a restoration can be measured.

``load_case`` uses it for ``--simulate`` and where no missing pixels are found; ``degrade`` writes the result
to a file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from ..errors import InputError
from .formats.sources import file_of_same_name
from .missing import hide_pixels, read_mask
from .noise import LEVELS
from .operators import Blur, Downsample, described_kernel
from .operators.reduction_kernels import LANCZOS2
from .problem import SMALLEST_SIDE
from .randomness import generator_for
from .task_options import TaskOptions

NoiseWord = Literal["gaussian", "poisson", "impulse", "speckle"]

Limits = tuple[float, float]
UNIT: Limits = (0.0, 1.0)  # where values are cut off, as a camera does

DEFAULT_SIGMA = 25.0  # grey levels of 255, as the literature has it most
DEFAULT_BLUR_SIGMA = 5.0  # grey levels of 255: 2 % of white, noise of a blurred picture
DEFAULT_MISSING = 50.0  # per cent of the pixels, as in the DIP paper
EXAMPLE_LEVELS: dict[NoiseWord, int] = {
    "gaussian": 25,
    "poisson": 30,
    "impulse": 30,
    "speckle": 20,
}  # what a message proposes


@dataclass(frozen=True, eq=False)
class Damaged:
    """A clean picture after simulated damage.

    ``y`` is the measurement (1, C, h, w); ``observed`` (1, 1, h, w) is 1 where something is left, all ones
    except for inpainting; ``sentence`` says what was done.
    """

    y: Tensor
    observed: Tensor
    sentence: str


def simulate_measurement(
    clean: Tensor, options: TaskOptions, *, seed: int, source: str = "", limits: Limits = UNIT
) -> Damaged:
    """Damage a clean picture (1, C, H, W) in [0, 1] the way that the task repairs.

    inpaint: the mask file, or else ``missing`` percent of the pixels (50), are set to 0 in all channels.
    denoise: white Gaussian noise of ``sigma`` grey levels (25), or that of counting ``photons``, and the result is
    clipped to [0, 1] but not rounded, as the Deep Image Prior paper and most after it do.
    sr: reduction by ``factor`` with the kernel, Lanczos with two lobes if none is named; see ``Downsample``.
    deblur: the kernel, then white Gaussian noise of ``sigma`` grey levels (5), clipped to [0, 1].

    Args:
        source: where ``clean`` came from, to find its mask when ``options.mask`` is a folder.
        limits: what values are clipped to.

    Raises:
        InputError: the mask does not fit, or the factor leaves fewer than 8 pixels per side.
    """
    match options.task:
        case "inpaint":
            return _without_pixels(clean, options, seed=seed, source=source)
        case "denoise":
            if options.photons is not None:
                return add_noise(clean, "poisson", level=options.photons, seed=seed, limits=limits)
            level = DEFAULT_SIGMA if options.sigma is None else options.sigma
            return add_noise(clean, "gaussian", level=level, seed=seed, limits=limits)
        case "sr":
            return _reduced(clean, options)
        case "deblur":
            return _blurred(clean, options, seed=seed, limits=limits)
        case "invert":
            raise ValueError("an operator of one's own is applied by its owner")


def _without_pixels(clean: Tensor, options: TaskOptions, *, seed: int, source: str) -> Damaged:
    height, width = clean.shape[-2:]
    if options.mask is None:
        percent = DEFAULT_MISSING if options.missing is None else options.missing
        observed = hide_pixels(height, width, percent=percent, seed=seed)
        how = "at random"
    else:
        mask = file_of_same_name(options.mask, source)
        observed = read_mask(mask, height=height, width=width, invert=options.invert_mask, picture=clean)
        how = f"by the mask {Path(mask).name}"
    hidden = 100 * (1 - float(observed.mean()))
    return Damaged(clean * observed, observed, f"{round(hidden, 1):g} % of its pixels were hidden {how}")


def add_noise(clean: Tensor, kind: NoiseWord, *, level: float, seed: int, limits: Limits = UNIT) -> Damaged:
    """Put noise into a clean picture (1, C, H, W) in [0, 1] and clip the result to ``limits``.

    ==========  ==============================================================================
    kind        level
    ==========  ==============================================================================
    gaussian    standard deviation in grey levels of 255
    poisson     photons that the value 1 stands for: counts are drawn and divided by it
    impulse     percentage of the values, of each channel by itself, that become 0 or 1
    speckle     standard deviation as a percentage of the value: bright places are noisier
    ==========  ==============================================================================

    Raises:
        InputError: a kind that does not exist, or a level that is not above 0 (for impulses also above 100).
    """
    if kind not in get_args(NoiseWord):
        raise InputError(
            f"the noise is {kind!r}", f"it is one of {', '.join(get_args(NoiseWord))}", "choose one of them"
        )
    if not (math.isfinite(level) and 0 < level <= (100 if kind == "impulse" else math.inf)):
        raise InputError(
            f"the level of {kind} noise is {level:g}",
            "it is above 0; for impulses it is a percentage",
            f"give for example --level {EXAMPLE_LEVELS[kind]}",
        )
    generator = generator_for("simulated noise", seed)
    match kind:
        case "gaussian":
            y = clean + torch.randn(clean.shape, generator=generator, dtype=torch.float32) * level / LEVELS
            done = f"Gaussian noise of sigma {level:g} of {LEVELS} was added"
        case "poisson":
            y = torch.poisson(clean.clamp(min=0) * level, generator=generator) / level
            done = f"its photons were counted, {level:g} of them for the value 1,"
        case "impulse":
            draw = torch.rand(clean.shape, generator=generator, dtype=torch.float32) * 100
            y = torch.where(draw < level / 2, 0.0, torch.where(draw < level, 1.0, clean))
            done = f"{level:g} % of its values were set to black or white"
        case "speckle":
            y = (
                clean
                + clean * torch.randn(clean.shape, generator=generator, dtype=torch.float32) * level / 100
            )
            done = f"noise of {level:g} % of each value was added"
    y = y.clamp(*limits)
    return Damaged(y, _everything(y), f"{done} and clipped to its range")


def _reduced(clean: Tensor, options: TaskOptions) -> Damaged:
    y = Downsample(options.factor, tuple(clean.shape), kernel=options.kernel or LANCZOS2).A(clean)
    if min(y.shape[-2:]) < SMALLEST_SIDE:
        raise InputError(
            f"the factor {options.factor} makes {clean.shape[-1]} × {clean.shape[-2]} pixels into "
            f"{y.shape[-1]} × {y.shape[-2]}",
            f"at least {SMALLEST_SIDE} pixels per side have to remain",
            "use a smaller factor or a larger picture",
        )
    return Damaged(
        y, _everything(y), f"it was reduced by the factor {options.factor} ({options.kernel or LANCZOS2})"
    )


def _blurred(clean: Tensor, options: TaskOptions, *, seed: int, limits: Limits) -> Damaged:
    assert options.kernel is not None
    level = DEFAULT_BLUR_SIGMA if options.sigma is None else options.sigma
    noisy = add_noise(blur_of(options.kernel)[0].A(clean), "gaussian", level=level, seed=seed, limits=limits)
    return Damaged(
        noisy.y, noisy.observed, f"it was blurred by {options.kernel}, and noise of sigma {level:g} added"
    )


def blur_of(kernel: str) -> tuple[Blur, str]:
    """The blur that the word or the file ``kernel`` stands for, and a sentence on it as ``described_kernel`` has it.

    Beyond its border a photo goes on as in a mirror.

    Raises:
        InputError: there is no such kernel.
    """
    found, said = described_kernel(kernel)
    return Blur(found, border="reflect"), said


def _everything(y: Tensor) -> Tensor:
    return torch.ones(1, 1, *y.shape[-2:], dtype=torch.float32)
