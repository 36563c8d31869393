"""A case: one picture of a command, read, damaged if asked for, and made into a Problem.

``load_case`` is the door through which pictures enter the flow. The case keeps the reference, the source and
sentences for people beside the problem, where neither ranking nor stopping can see them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from .case_words import cut_note, defect_note, gap_note, part_note
from .channel_set import ChannelSet, distinct_channels
from .clean_reference import data_range_of_reference, read_reference, refuse_other_reference
from .formats.image import Image, read_image
from .formats.sources import plane_of
from .gate.defects import find_defects, without_defects
from .gate.diagnosis import Diagnosis
from .mask_file import Observation
from .measurement import refuse_small
from .noise import NO_NOISE
from .operators import Mask, Operator
from .picture_range import LARGEST, TYPE_RANGE, PictureRange, range_of, tamed
from .problem import Problem
from .splits.splitting import make_split
from .task_options import TaskOptions
from .task_picture import image_shape, task_picture
from .told import alpha_beside, exact_where, in_unit, measured_alone, told_missing
from .windows import Windows, windows_around


@dataclass(frozen=True, eq=False)
class Case:
    """One picture of a command: the problem, and what only reports and benchmarks may read.

    ``notes`` are sentences for the console and the page: what was found out, assumed or left out; ``details`` are the
    numbers behind them and how restorations are judged, for those who ask (``--verbose``).
    ``reference`` is (1, C, H, W) or None; ``bits`` says how the restoration is written; ``diagnosis`` is what the
    gate found in a noisy picture, ``None`` for other tasks. ``simulation`` says so where a clean picture was damaged:
    "asked" or "unasked". ``range`` says what 0 and 1 are in the file; PSNR and SSIM are relative to ``data_range``.
    ``windows`` are the parts that the problem consists of, where it is not the whole, and ``channels`` says
    which of its channels. ``image`` is the picture as it was read, with ``defects`` (1, 1, H, W) replaced; ``alpha``
    (1, 1, H, W) is written beside the restoration.
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
    defects: Tensor | None = None
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
        return self.range.ends

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
        everywhere = torch.ones(1, 1, *self.image.pixels.shape[-2:], dtype=torch.float32)
        # Where parts are noisy all counts as measured, gaps with what was put there, too: only masks have zeros here.
        observed = self.windows.inserted(everywhere, self.problem.observed, missing=everywhere)
        return self.range.into(self.image.pixels), observed if isinstance(
            self.problem.operator, Mask
        ) else everywhere

    @property
    def whole_problem(self) -> Problem:
        """The problem of the whole picture, also where parts are worked on; its form is that of these."""
        if self.windows is None or self.whole is None:
            return self.problem
        y, observed = self.whole
        y = y if self.channels is None else self.channels.into(y)
        operator: Operator = Mask(observed)
        if not isinstance(
            self.problem.operator, Mask
        ):  # noise in a part: 1 there, and all else stays as it is
            operator = self.problem.operator
            observed = self.windows.inserted(
                torch.zeros_like(observed), self.problem.observed, missing=torch.ones_like(observed)
            )
        return replace(self.problem, y=y, operator=operator, image_shape=image_shape(y), observed=observed)


def load_case(source: str, options: TaskOptions, *, seed: int, whole: bool = False) -> Case:
    """Read one picture and make the problem that ``options`` ask for.

    Hot and dead pixels of one that is to be denoised are replaced by the median of their neighbours before; where it
    is delivered as it is, with them or without, they are only spoken of. Its values that are no numbers come back as
    they are.

    Args:
        source: a path or ``sample:NAME``.
        seed: fixes simulated noise and hidden pixels.
        whole: work on all of the picture, even where next to nothing of it is missing.

    Raises:
        InputError: the picture, the mask, the reference or an option cannot be used; among it a measurement
            with a side below 8 pixels or fewer than 50 values that could score.
    """
    read = read_image(source, axes=options.axes, finite=False)
    refuse_small(read.name, read.pixels)
    told = told_missing(read, source, options)
    read, gaps = measured_alone(read, source, told, options)
    if options.task != "denoise" or options.simulate:
        return _case_of(read, source, options, told, None, None, seed=seed, whole=whole)
    defects = find_defects(read.pixels, ends_only=read.bits == 8)
    count = int(defects.sum())
    case = _case_of(read, source, options, told, gaps, defects if count else None, seed=seed, whole=whole)
    if not count:
        return case
    if case.left_alone:
        as_read = _case_of(read, source, options, told, gaps, None, seed=seed, whole=whole)
        case = as_read if as_read.left_alone else case
    return replace(case, notes=(*case.notes, defect_note(count, replaced=case.defects is not None)))


def _case_of(
    read: Image,
    source: str,
    options: TaskOptions,
    told: Observation | None,
    gaps: Tensor | None,
    defects: Tensor | None,
    *,
    seed: int,
    whole: bool,
) -> Case:
    """The case of a picture that was read, without its ``gaps`` and with ``defects`` replaced, both (1, 1, H, W)."""
    good = read if defects is None else replace(read, pixels=without_defects(read.pixels, defects))
    chosen = range_of(
        good,
        given=options.value_range,
        observed=exact_where(read, told, options),
        counts=options.photons is not None,
        stored=options.task == "denoise",
    )
    options = in_unit(options, chosen)
    scaled_pixels = chosen.into(good.pixels)
    image = replace(good, pixels=tamed(scaled_pixels, chosen))
    cut = cut_note(scaled_pixels, image.pixels)
    reference, scaled = read_reference(read, source, options, chosen, told)
    notes = [_not_read(read, source), chosen.sentence(), scaled]
    channels = _distinct(image, options, told)
    if channels is not None:
        image = replace(image, pixels=channels.into(image.pixels))
        reference = None if reference is None else channels.into(reference)
        notes.append(channels.sentence())
    made = task_picture(image, options, seed=seed, source=str(source), told=told, chosen=chosen, gaps=gaps)
    problem, windows = made.problem, made.windows
    notes.append("" if gaps is None else gap_note(int(gaps.sum())))
    notes += made.said
    if windows is not None:
        notes.append(part_note(windows, problem, reference))
    elif told is not None and not whole and (windows := windows_around(told.observed[0, 0].numpy() == 0)):
        y, observed = windows.cut(problem.y), windows.cut(problem.observed)
        problem = Problem(y, Mask(observed), NO_NOISE, image_shape(y), observed=observed)
        notes.insert(
            -len(made.said),
            windows.sentence() + ("" if reference is None else ", and PSNR is that of what is worked on"),
        )
    if windows is not None and reference is not None and reference.shape == image.pixels.shape:
        reference = windows.cut(reference)  # one of another size is refused below
    problem = replace(problem, form=replace(chosen.form(), gaps=gaps if windows is None else None))
    reference = made.reference if reference is None else reference
    refuse_other_reference(reference, problem, options)
    if gaps is not None and reference is not None:
        there = gaps if windows is None else windows.cut(gaps)
        reference = torch.where(there, problem.y, reference)
        notes.append("PSNR and SSIM count values that are no numbers as right")
    data_range, compared = data_range_of_reference(reference, options, chosen)
    # A picture that is too small to be judged is refused here, before any work starts.
    split = make_split(problem, seed=seed)
    # A picture without noise is delivered as it is, and nothing is judged.
    leaves_alone = made.diagnosis is not None and made.diagnosis.leaves_alone
    judged = "" if leaves_alone else split.sentence()
    notes.append("" if leaves_alone else cut)
    numbers = "" if made.diagnosis is None else made.diagnosis.details()
    return Case(
        name=image.name,
        source=str(source),
        problem=problem,
        reference=reference,
        bits=image.bits,
        notes=tuple(note for note in [*notes, compared] if note),
        details=tuple(line for line in (numbers, judged) if line),
        diagnosis=made.diagnosis,
        simulation=_simulation(options, made.reference),
        range=chosen,
        data_range=data_range,
        image=replace(read, pixels=good.pixels),
        defects=defects,
        windows=windows,
        channels=channels,
        alpha=alpha_beside(read, problem, told),
    )


def case_of(problem: Problem, *, name: str, source: str, notes: tuple[str, ...] = ()) -> Case:
    """The case of a problem without a picture file: of arrays, or of a study whose picture is gone.

    What is restored is written in the units of the array, with 8 or 16 bits where that has so many, else as floats.
    """
    form = problem.form
    bits = {"uint8": 8, "uint16": 16}.get(form.dtype, 32)
    ends = form.low / LARGEST[bits], form.high / LARGEST[bits]
    return Case(
        name=name,
        source=source,
        problem=problem,
        reference=None,
        bits=bits,
        notes=notes,
        range=PictureRange(*ends, LARGEST[bits], own=ends != (0.0, 1.0)),
        channels=ChannelSet((0,) * form.channels) if form.channels > 1 else None,
    )


def _not_read(image: Image, source: str) -> str:
    """What a file holds beside its picture that does not come back; of a stack it is said once."""
    tiff = None if image.container is None else image.container.tiff
    beside = "" if tiff is None or plane_of(source)[1] else tiff.beside()
    return (
        f"{image.name} also holds {beside}: the picture of full size is read, and comes back alone"
        if beside
        else ""
    )


def _distinct(image: Image, options: TaskOptions, told: Observation | None) -> ChannelSet | None:
    """The channels that say something, of a picture that is not damaged on purpose; ``None``: all do."""
    if options.simulate or options.missing is not None or (options.task == "inpaint" and told is None):
        return None
    return distinct_channels(image.pixels, constant=options.task == "denoise")


def _simulation(options: TaskOptions, own_reference: Tensor | None) -> Literal["asked", "unasked"] | None:
    if own_reference is None:
        return None
    return "asked" if options.simulate or options.missing is not None else "unasked"
