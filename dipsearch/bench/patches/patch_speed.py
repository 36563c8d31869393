"""What a first answer costs: processor time and memory, each measured in a process of its own.

As in ``memory``: the process is new, a small picture goes first, and the peak is what is resident above what was
resident before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ... import __version__
from ...errors import DipsearchError, ResourceError
from ...fitting import give_back_memory
from ...patches import answer
from ...patches.settings import settings_for
from ...problem import Downsample, Identity, Mask, NoiseModel, Operator, Problem, read_image
from ..cases.rival_damages import DAMAGES_OF_RIVALS, USUAL, RivalDamage
from ..shared.machine import machine_name
from ..shared.row_file import RowFile
from ..shared.worker_pool import measured_apart, peak, reset_peak
from .patch_rows import PatchRow
from .patch_variants import variant_of

PICTURE = "sample:coffee"
SIGMA = 25 / 255
ACROSS, DOWN = 4, 3
"""The sides of a photo are as 4 to 3."""

WARM_UP = 48


@dataclass(frozen=True)
class SpeedJob:
    """One first answer.

    Args:
        task: whose usual damage is repaired.
        width, height: of the restored picture, in pixels.
        threads: that work on tiles.
    """

    task: str
    width: int
    height: int
    threads: int

    @property
    def picture(self) -> str:
        """Its name in the tables."""
        return f"coffee, {self.width} × {self.height}"


@dataclass(frozen=True)
class Cost:
    """What it took: processor seconds, seconds on the clock, and 10⁶ bytes, where they can be told."""

    cpu_s: float
    wall_s: float
    peak_mb: float | None


Measure = Callable[[SpeedJob], Cost]
"""Raises ResourceError where there was not enough memory; tests put something quicker in its place."""


def speed_jobs(
    tasks: Sequence[str], sizes: Sequence[int], *, megapixels: float | None, threads: int
) -> list[SpeedJob]:
    """Squares of all sizes, and one photo."""
    sides = [(size, size) for size in sizes]
    if megapixels is not None:
        height = max(round((megapixels * 1e6 * DOWN / ACROSS) ** 0.5 / 24), 1) * 24
        sides.append((height * ACROSS // DOWN, height))
    return [SpeedJob(task, width, height, threads) for width, height in sides for task in tasks]


def measure_costs(
    jobs: Sequence[SpeedJob], file: RowFile[PatchRow], *, say: Callable[[str], None], measure: Measure
) -> None:
    """Measure what ``file`` does not hold yet; it is written after every row.

    Args:
        say: sees a line for every row, and for what could not be measured.
    """
    machine = machine_name("cpu")
    for job in jobs:
        settings = settings_for(job.width * job.height)
        digest = hashlib.sha256(repr((job, PICTURE, settings)).encode()).hexdigest()[:12]
        if file.has(("speed", job.task, job.picture, job.threads, machine), measurement=digest):
            continue
        try:
            cost = measure(job)
        except DipsearchError as error:
            say(f"{job.picture:20} {job.task:8} not measured: {error}")
            continue
        row = PatchRow(
            what="speed",
            variant=variant_of(settings),
            task=job.task,
            damage=USUAL[job.task],
            picture=job.picture,
            pixels=job.width * job.height,
            threads=job.threads,
            psnr=None,
            cpu_s=round(cost.cpu_s, 4),
            wall_s=round(cost.wall_s, 4),
            peak_mb=None if cost.peak_mb is None else round(cost.peak_mb, 1),
            machine=machine,
            version=f"dipsearch {__version__}",
            measurement=digest,
        )
        file.add([row])
        memory = "" if row.peak_mb is None else f"  {row.peak_mb:.0f} MB"
        say(f"{row.picture:20} {row.task:8} {row.cpu_s:.2f} CPU s  {row.wall_s:.2f} s{memory}")


def fresh_process(job: SpeedJob) -> Cost:
    """Measure in a new process.

    Raises:
        ResourceError: it was ended by the system, for lack of memory as a rule.
    """
    cost = measured_apart(cost_of, job)
    if cost is None:
        raise ResourceError(
            f"there was not enough memory for {job.picture}",
            "a first answer needs some",
            "give smaller --sizes or --megapixels",
        )
    return cost


def cost_of(job: SpeedJob) -> Cost:
    """Measure in this process; on a system that tells, with its memory."""
    torch.set_num_threads(1)  # as a search does for its first answer
    answer(problem_of(SpeedJob(job.task, WARM_UP, WARM_UP, 1)))
    problem = problem_of(job)
    give_back_memory("cpu")
    before = reset_peak()
    cpu, wall = time.process_time(), time.monotonic()
    answer(problem, threads=job.threads)
    cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    return Cost(cpu_s, wall_s, None if before is None else (peak() - before) / 1e6)


def problem_of(job: SpeedJob) -> Problem:
    """The damaged picture. Nothing is estimated or read from a file: that is not what is measured."""
    damage = DAMAGES_OF_RIVALS[USUAL[job.task]]
    return _problem(damage, damage.fitting(mirrored(read_image(PICTURE).pixels, job.height, job.width)))


def mirrored(pixels: Tensor, height: int, width: int) -> Tensor:
    """A picture ``(1, C, height, width)`` of mirrored copies of one picture, or its corner."""
    for axis, wanted in ((-2, height), (-1, width)):
        size = pixels.shape[axis]
        place = torch.arange(wanted) % (2 * size)
        pixels = pixels.index_select(axis, torch.where(place < size, place, 2 * size - 1 - place))
    return pixels.contiguous()


def _problem(damage: RivalDamage, clean: Tensor) -> Problem:
    _, channels, height, width = clean.shape
    shape, damaged = (1, channels, height, width), damage.make(clean, 0)
    noise = NoiseModel("none", None, "none")
    operator: Operator = Identity()
    if damage.task == "denoise":
        noise = NoiseModel("gaussian", SIGMA, "given")
    elif damage.task == "inpaint":
        operator = Mask(damaged.observed)
    else:
        operator = Downsample(damage.factor, shape)
    return Problem(damaged.y, operator, noise, shape, damaged.observed)
