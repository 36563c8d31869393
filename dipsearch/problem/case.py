"""A case: one picture of a command, read, damaged if asked for, and made into a Problem.

``load_case`` is the door through which pictures enter the flow. The case keeps the reference, the source and
sentences for people beside the problem, where neither ranking nor stopping can see them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError
from .case_words import damage_note, hole_note, part_note, simulated_note, unasked
from .channel_set import ChannelSet, distinct_channels
from .clean_reference import data_range_of_reference, read_reference, refuse_other_reference
from .formats.image import Image, read_image
from .formats.raster import refuse_huge
from .gate.diagnosis import Diagnosis
from .gate.sigma import estimate_sigma
from .measurement import refuse_small
from .missing import Observation
from .noise import LEVELS, NoiseModel
from .noisy_picture import noisy_picture
from .operators import Downsample, Mask
from .operators.reduction_kernels import LANCZOS2
from .picture_range import TYPE_RANGE, PictureRange, range_of, tamed
from .problem import Problem
from .simulation import DEFAULT_BLUR_SIGMA, blur_of, simulate_measurement
from .splits.splitting import make_split
from .task_options import TaskOptions
from .told import alpha_beside, exact_where, in_unit, told_missing
from .windows import Windows, windows_around

NO_NOISE = NoiseModel("none", None, "none")


@dataclass(frozen=True, eq=False)
class Case:
    """One picture of a command: the problem, and what only reports and benchmarks may read.

    ``notes`` are sentences for the console and the page: what was found out, assumed or left out; ``details`` are the
    numbers behind them and how restorations are judged, for those who ask (``--verbose``).
    ``reference`` is (1, C, H, W) or None; ``bits`` says how the restoration is written; ``diagnosis`` is what the
    gate found in a noisy picture, ``None`` for other tasks. ``simulation`` says so where a clean picture was damaged:
    "asked" or "unasked". ``range`` says what 0 and 1 are in the file; PSNR and SSIM are relative to ``data_range``.
    ``windows`` are the parts that the problem consists of, where it is not the whole, and ``channels`` says
    which of its channels. ``image`` is the picture as it was read; ``alpha`` (1, 1, H, W) is written beside
    the restoration.
    """

    name: str
    source: str
    problem: Problem
    reference: Tensor | None
    bits: int
    notes: tuple[str, ...]
    diagnosis: Diagnosis | None = None
    simulation: Literal["asked", "unasked"] | None = None
    range: PictureRange = TYPE_RANGE
    data_range: float = 1.0
    image: Image | None = None
    alpha: Tensor | None = None
    windows: Windows | None = None
    details: tuple[str, ...] = ()
    channels: ChannelSet | None = None

    @property
    def channel_count(self) -> int:
        """How many channels the picture has, and gets back."""
        return self.problem.image_shape[1] if self.channels is None else self.channels.count

    @property
    def left_alone(self) -> bool:
        """Whether there is nothing to restore: the picture is delivered as it is."""
        return self.diagnosis is not None and self.diagnosis.leaves_alone

    @property
    def ends(self) -> tuple[float, float]:
        """What 0 and 1 of the problem are in the units of the file, or of the array that it came from."""
        if self.image is None:
            return self.problem.form.low, self.problem.form.high
        return self.range.low * self.range.unit, self.range.high * self.range.unit

    def part(self, pixels: Tensor) -> Tensor:
        """Pixels (1, C, H, W) of a file of this picture, restored or not, as they compare with the problem's."""
        x = self.range.into(pixels)
        x = x if self.channels is None else self.channels.into(x)
        return x if self.windows is None else self.windows.cut(x)

    @property
    def whole(self) -> tuple[Tensor, Tensor] | None:
        """Where parts are worked on: the whole picture (1, C, H, W), and (1, 1, H, W), 1 where it was measured."""
        if self.windows is None or self.image is None:
            return None
        everywhere = torch.ones(1, 1, *self.image.pixels.shape[-2:])
        # Where parts are noisy and nothing is missing, all counts as measured: only masks have zeros here.
        observed = self.windows.put_back(everywhere, self.problem.observed, missing=everywhere)
        return self.range.into(self.image.pixels), observed if isinstance(
            self.problem.operator, Mask
        ) else everywhere


def load_case(source: str, options: TaskOptions, *, seed: int, whole: bool = False) -> Case:
    """Read one picture and make the problem that ``options`` ask for.

    Args:
        source: a path or ``sample:NAME``.
        seed: fixes simulated noise and hidden pixels.
        whole: work on all of the picture, even where next to nothing of it is missing.

    Raises:
        InputError: the picture, the mask, the reference or an option cannot be used; among it a measurement
            with a side below 8 pixels or fewer than 50 values that could score.
    """
    read = read_image(source, axes=options.axes)
    refuse_small(read.name, read.pixels)
    told = told_missing(read, source, options)
    chosen = range_of(
        read,
        given=options.value_range,
        observed=exact_where(read, told, options),
        counts=options.photons is not None,
    )
    image, options = replace(read, pixels=tamed(chosen.into(read.pixels), chosen)), in_unit(options, chosen)
    notes = [chosen.sentence()]
    reference = read_reference(image, source, options, chosen)
    channels = None
    if not (options.simulate or options.missing is not None or (options.task == "inpaint" and told is None)):
        channels = distinct_channels(image.pixels, constant=options.task == "denoise")
    if channels is not None:
        image = replace(image, pixels=channels.into(image.pixels))
        reference = None if reference is None else channels.into(reference)
        notes.append(channels.sentence())
    diagnosis, windows = None, None
    match options.task:
        case "inpaint":
            problem, own_reference, said = _inpaint(image, source, options, seed, told)
        case "denoise":
            noisy = noisy_picture(image, options, seed=seed, limits=chosen.limits, unit=chosen.words())
            problem, own_reference, diagnosis = noisy.problem, noisy.reference, noisy.diagnosis
            said = [damage_note(noisy.damage), *diagnosis.lines()]
            windows = noisy.windows
            if windows is not None:
                said.append(part_note(windows, problem, reference))
                reference = _cut(reference, windows, image)
        case "sr":
            problem, own_reference, said = _super_resolve(image, options, seed)
        case "deblur":
            problem, own_reference, said = _deblur(image, options, seed, chosen)
        case "invert":
            raise InputError(
                f"{image.name} belongs to a problem with an operator of its own",
                "a picture file does not say which",
                "give the measurement and its operator from Python: dipsearch.Problem(y, A)",
            )
    if not whole and told is not None:
        windows = windows_around(told.observed[0, 0].numpy() == 0)
    if windows is not None and told is not None:
        reference = _cut(reference, windows, image)
        y, observed = windows.cut(problem.y), windows.cut(problem.observed)
        problem = Problem(y, Mask(observed), NO_NOISE, _four(y), observed)
        notes.append(
            windows.sentence() + ("" if reference is None else ", and PSNR is that of what is worked on")
        )
    problem = replace(problem, form=chosen.form())
    reference = own_reference if reference is None else reference
    refuse_other_reference(reference, problem, options)
    data_range, compared = data_range_of_reference(reference, options, chosen)
    # A picture that is too small to be judged is refused here, before any work starts.
    split = make_split(problem, seed=seed)
    # A picture without noise is delivered as it is, and nothing is judged.
    judged = "" if diagnosis is not None and diagnosis.leaves_alone else split.sentence()
    return Case(
        name=image.name,
        source=str(source),
        problem=problem,
        reference=reference,
        bits=image.bits,
        notes=tuple(note for note in [*notes, *said, compared] if note),
        details=tuple(line for line in ("" if diagnosis is None else diagnosis.details(), judged) if line),
        diagnosis=diagnosis,
        simulation=_simulation(options, own_reference),
        range=chosen,
        data_range=data_range,
        image=read,
        windows=windows,
        channels=channels,
        alpha=alpha_beside(read, problem, told),
    )


def _cut(reference: Tensor | None, windows: Windows, image: Image) -> Tensor | None:
    """The reference of what is worked on; one of another size is refused later."""
    if reference is None or reference.shape != image.pixels.shape:
        return reference
    return windows.cut(reference)


def _simulation(options: TaskOptions, own_reference: Tensor | None) -> Literal["asked", "unasked"] | None:
    if own_reference is None:
        return None
    return "asked" if options.simulate or options.missing is not None else "unasked"


def _inpaint(
    image: Image, source: str, options: TaskOptions, seed: int, found: Observation | None
) -> tuple[Problem, Tensor | None, list[str]]:
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
    shape = _four(y)
    return Problem(y, Mask(observed), NO_NOISE, shape, observed), reference, notes


def _super_resolve(image: Image, options: TaskOptions, seed: int) -> tuple[Problem, Tensor | None, list[str]]:
    notes: list[str] = []
    y, reference = image.pixels, None
    _, channels, height, width = _four(y)
    shape = (1, channels, height * options.factor, width * options.factor)
    if options.simulate:
        damaged = simulate_measurement(image.pixels, options, seed=seed)
        y, reference, shape = damaged.y, image.pixels, _four(image.pixels)
        notes.append(simulated_note("as asked,", damaged))
    refuse_huge(f"{image.name} enlarged by {options.factor}", *shape[2:])
    notes.append(f"{y.shape[-1]} × {y.shape[-2]} pixels become {shape[3]} × {shape[2]}")
    observed = torch.ones(1, 1, *y.shape[-2:])
    return (
        Problem(
            y, Downsample(options.factor, shape, kernel=options.kernel or LANCZOS2), NO_NOISE, shape, observed
        ),
        reference,
        notes,
    )


def _deblur(
    image: Image, options: TaskOptions, seed: int, chosen: PictureRange
) -> tuple[Problem, Tensor | None, list[str]]:
    assert options.kernel is not None
    notes: list[str] = []
    y, reference, operator = image.pixels, None, blur_of(options.kernel)
    if options.simulate:
        damaged = simulate_measurement(image.pixels, options, seed=seed, limits=chosen.limits)
        y, reference = damaged.y, image.pixels
        notes.append(simulated_note("as asked,", damaged))
    given = DEFAULT_BLUR_SIGMA if options.simulate and options.sigma is None else options.sigma
    sigma = estimate_sigma(y).sigma if given is None else given / LEVELS
    if given is None:
        notes.append(f"the noise has sigma {chosen.words().strength(sigma)}, estimated; --sigma overrides it")
    noise = (
        NoiseModel("gaussian", sigma, "given" if given is not None else "estimated") if sigma else NO_NOISE
    )
    return Problem(y, operator, noise, _four(y), torch.ones(1, 1, *y.shape[-2:])), reference, notes


def _four(x: Tensor) -> tuple[int, int, int, int]:
    batch, channels, height, width = x.shape
    return batch, channels, height, width
