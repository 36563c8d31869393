"""A picture as the problem of a task: what was measured, by which operator, and with which noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .array_types import Bits
from .case_words import damage_note, hole_note, simulated_note, unasked
from .formats.image import Image
from .formats.raster import refuse_huge
from .gate.diagnosis import Diagnosis
from .gate.noise_classifier import diagnose, given_photons, given_sigma
from .gate.sigma import estimate_sigma
from .gate.unit import Unit
from .mask_file import Observation
from .noise import LEVELS, NO_NOISE, NoiseModel, estimated_behind_a_blur
from .operators import Downsample, Identity, JpegSet, Mask
from .operators.reduction_kernels import LANCZOS2
from .picture_range import PictureRange
from .problem import SMALLEST_SIDE, Problem
from .simulation import DEFAULT_BLUR_SIGMA, DEFAULT_SIGMA, blur_of, simulate_measurement
from .task_options import TaskOptions
from .windows import Windows, bounds

ENLARGED_ROUNDING = 0.5
"""Of what the rounding of a JPEG took from a picture, so much is noise when it is enlarged.

By the first answers, in dB over none (which puts the marks of the compression back exactly): coffee 0.76, 0.56 and 0.19
for ×2 at qualities 50, 85 and 95, 0.32, 0.31 and 0.11 for ×4; chelsea 0.36 and 0.28 for ×2 at 50 and 85, 0.32 for ×4 at
50. With 1: 0.68, 0.44, 0.14, −0.01, −0.17, −0.06 and 0.58, 0.39, 0.09; with 1.5 most lose.
"""

LEAST_EVEN_ENLARGED = 0.88
"""How even white noise has to be over a picture that is enlarged to be taken for noise.

By first answers (48 × 48, box, ×2; sigma 5, 10 and 20 as it was added) that gains 2.3, 3.8 and 3.1 dB over none on
coffee, 0.7, 2.1 and 3.4 on chelsea, 1.1, 2.8 and 4.9 on face, 0.4, 0.5 and −0.3 on monarch.
Of 15 tuning pictures (128 × 128, and the first 400 × 400 as they are) the clean ones were no white noise, or as even
as 0.62 and 0.79 (baboon and pepper as they are); of sigma 5, 10 and 20, added at 128 × 128, all was found but 5 in
four of them (comic, ppt3, baboon, zebra).
"""

DEBLURRED_ROUNDING = 2.0
"""The same, where a blur is undone, which makes more of it.

By the first answers of 25 files (coffee, chelsea and rocket; a disc of 2.5 pixels, a Gaussian of 1.5 and a movement by
9; qualities 50, 85 and 95) 1, 1.5, 2 and 3 gain 2.4, 3.1, 3.3 and 3.1 dB over the picture as it is, at worst −3.8,
−0.9, −0.3 and 0.5 (rocket at 85). An estimate by what neighbours differ sees next to nothing of it, and lost up to 9.
"""


@dataclass(frozen=True, eq=False)
class TaskPicture:
    """A picture made into a problem.

    Args:
        problem: of what is worked on.
        reference: the clean picture (1, C, H, W), where it was damaged on purpose.
        said: sentences for people; some may be empty.
        diagnosis: of its noise, where it is to be denoised.
        windows: where the problem lies in the picture; ``None``: it is the whole.
    """

    problem: Problem
    reference: Tensor | None
    said: Sequence[str]
    diagnosis: Diagnosis | None = None
    windows: Windows | None = None


def task_picture(
    image: Image,
    options: TaskOptions,
    *,
    seed: int,
    source: str,
    told: Observation | None,
    chosen: PictureRange,
    gaps: Tensor | None = None,
) -> TaskPicture:
    """Make a picture into a problem, damaged before if that is asked for.

    Args:
        image: in [0, 1].
        options: the task and what is known of the damage, likewise.
        seed: fixes simulated noise and hidden pixels.
        source: of the picture, as it was given.
        told: which pixels are missing; ``None``: nobody says so.
        chosen: what 0 and 1 are.
        gaps: (1, 1, H, W), where a picture that is to be denoised was not measured; ``None``: nowhere.

    Raises:
        InputError: the picture or an option cannot be used.
    """
    match options.task:
        case "inpaint":
            return _inpaint(image, options, seed, source, told)
        case "denoise":
            return _denoise(image, options, seed, chosen, gaps)
        case "sr":
            return _super_resolve(image, options, seed, source, chosen)
        case "deblur":
            return _deblur(image, options, seed, source, chosen)
        case "invert":
            raise InputError(
                f"{image.name} belongs to a problem with an operator of its own",
                "a picture file does not say which",
                "give the measurement and its operator from Python: dipsearch.Problem(y, A)",
            )


def _inpaint(
    image: Image, options: TaskOptions, seed: int, source: str, found: Observation | None
) -> TaskPicture:
    simulate = options.simulate or options.missing is not None
    reference = None
    if found is not None:
        y, observed, notes = image.pixels * found.observed, found.observed, [*found.sentences]
    else:
        damaged = simulate_measurement(image.pixels, options, seed=seed, source=source)
        y, observed, reference = damaged.y, damaged.observed, image.pixels
        why = "as asked," if simulate else unasked(image)
        notes = [simulated_note(why, damaged)]
    notes.append(hole_note(observed))
    shape = image_shape(y)
    return TaskPicture(Problem(y, Mask(observed), NO_NOISE, shape, observed=observed), reference, notes)


def _denoise(
    image: Image, options: TaskOptions, seed: int, chosen: PictureRange, gaps: Tensor | None
) -> TaskPicture:
    y, reference, damage = image.pixels, None, ""
    if options.simulate:
        damaged = simulate_measurement(image.pixels, options, seed=seed, limits=chosen.limits)
        y, reference, damage = damaged.y, image.pixels, damaged.sentence
    found = _diagnosed(y, options, jpeg=_is_jpeg(image), unit=chosen.words())
    where = None if options.simulate else found.where
    if gaps is not None:
        measured = ~gaps[0, 0].numpy()
        where = measured if where is None or not (where & measured).any() else where & measured
    # One that is delivered as it is has no parts that are put back into it.
    windows = None if where is None or found.leaves_alone else _around(where)
    observed = torch.ones(1, 1, *y.shape[-2:], dtype=torch.float32)
    if windows is not None and where is not None:
        observed = windows.cut(torch.from_numpy(where)[None, None].float()).contiguous()
        y = windows.cut(y).contiguous()
    elif gaps is not None:
        observed = torch.from_numpy(where)[None, None].float()
    problem = Problem(y, Identity(), found.noise, image_shape(y), observed=observed)
    return TaskPicture(problem, reference, [damage_note(damage), *found.lines()], found, windows)


def _diagnosed(y: Tensor, options: TaskOptions, *, jpeg: bool, unit: Unit) -> Diagnosis:
    """What is known of the noise: what was given or simulated, else what the gate finds."""
    if options.photons is not None:
        return given_photons(y, options.photons, unit=unit)
    sigma = DEFAULT_SIGMA if options.simulate and options.sigma is None else options.sigma
    return diagnose(y, jpeg=jpeg, unit=unit) if sigma is None else given_sigma(y, sigma / LEVELS, unit=unit)


def _around(where: Bits) -> Windows | None:
    """The smallest rectangle with all noise; ``None`` where it is too small to be worked on."""
    top, left, bottom, right = bounds(where)
    small = min(bottom - top, right - left) < SMALLEST_SIDE
    return None if small else Windows(((top, left),), bottom - top, right - left, 1)


def _super_resolve(
    image: Image, options: TaskOptions, seed: int, source: str, chosen: PictureRange
) -> TaskPicture:
    notes: list[str] = []
    noise = NO_NOISE
    y, reference = image.pixels, None
    _, channels, height, width = image_shape(y)
    shape = (1, channels, height * options.factor, width * options.factor)
    if options.simulate:
        damaged = simulate_measurement(image.pixels, options, seed=seed)
        y, reference, shape = damaged.y, image.pixels, image_shape(image.pixels)
        notes.append(simulated_note("as asked,", damaged))
    elif rounded := _rounding_of_jpeg(image, source, chosen):
        noise = NoiseModel("gaussian", ENLARGED_ROUNDING * rounded, "estimated")
        strength = chosen.words().strength(ENLARGED_ROUNDING * rounded)
        notes.append(
            f"the picture was stored as JPEG: the marks of that are taken as noise of sigma {strength}"
        )
    elif not _is_jpeg(image) and (sigma := _surely_white(y)):
        noise = NoiseModel("gaussian", sigma, "estimated")
        strength = chosen.words().strength(sigma)
        notes.append(f"the picture has noise of sigma {strength}, as estimated: it is not enlarged with it")
    refuse_huge(f"{image.name} enlarged by {options.factor}", *shape[2:])
    notes.append(f"{y.shape[-1]} × {y.shape[-2]} pixels become {shape[3]} × {shape[2]}")
    observed = torch.ones(1, 1, *y.shape[-2:], dtype=torch.float32)
    operator = Downsample(options.factor, shape, kernel=options.kernel or LANCZOS2)
    return TaskPicture(Problem(y, operator, noise, shape, observed=observed), reference, notes)


def _is_jpeg(image: Image) -> bool:
    return image.container is not None and image.container.format == "JPEG"


def _surely_white(y: Tensor) -> float:
    """The standard deviation of white noise that a picture surely has; 0: nobody can tell it from texture."""
    found = diagnose(y)
    sure = found.branch == "recorruption (white)" and found.evidence.even.even >= LEAST_EVEN_ENLARGED
    return (found.noise.sigma or 0.0) if sure else 0.0


def _rounding_of_jpeg(image: Image, source: str, chosen: PictureRange) -> float:
    """What was lost when a picture was stored as JPEG, as a standard deviation; 0: it was not, or nobody knows."""
    if not _is_jpeg(image):
        return 0.0
    try:
        return JpegSet.of_file(source).sigma / (chosen.high - chosen.low)
    except InputError:  # colours that are sampled in another way
        return 0.0


def _deblur(image: Image, options: TaskOptions, seed: int, source: str, chosen: PictureRange) -> TaskPicture:
    assert options.kernel is not None
    y, reference = image.pixels, None
    operator, said = blur_of(options.kernel)
    operator.refuse_smaller(*y.shape[-2:])
    notes = [said]
    if options.simulate:
        damaged = simulate_measurement(image.pixels, options, seed=seed, limits=chosen.limits)
        y, reference = damaged.y, image.pixels
        notes.append(simulated_note("as asked,", damaged))
    given = DEFAULT_BLUR_SIGMA if options.simulate and options.sigma is None else options.sigma
    step = 0.0 if options.simulate or chosen.unit == 1 else 1 / chosen.span
    if given is None:
        rounded = DEBLURRED_ROUNDING * _rounding_of_jpeg(image, source, chosen)
        found = estimate_sigma(y).sigma
        noise = estimated_behind_a_blur(max(found, rounded), step=step)
        sigma = noise.sigma or 0.0
        why = "estimated" if sigma == found else "the least that rounding may hide"
        if sigma == rounded:
            why = "by the steps that it was stored with as JPEG"
        strength = chosen.words().strength(sigma)
        notes.append(f"the noise has sigma {strength}, {why}; --sigma overrides it")
    else:
        noise = NoiseModel("gaussian", given / LEVELS, "given")
    problem = Problem(
        y, operator, noise, image_shape(y), observed=torch.ones(1, 1, *y.shape[-2:], dtype=torch.float32)
    )
    return TaskPicture(problem, reference, notes)


def image_shape(x: Tensor) -> tuple[int, int, int, int]:
    """Of a picture (1, C, H, W)."""
    batch, channels, height, width = x.shape
    return batch, channels, height, width
