"""The settings of the patch methods, one changed at a time: how good each is, and what it costs.

In one process with one thread, on crops of pictures at half their size, damaged and stored as in the comparison with
rivals.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from torch import Tensor

from ... import __version__
from ...execution.timed_answer import plain_threads
from ...patches import QUICK, PatchSettings
from ...problem import Problem, psnr
from ...trials.true_quality import finite
from ..cases.half_size_crops import crop_name, half_size_crop, write_crop
from ..cases.rival_case import RivalCase, make_case
from ..cases.rival_damages import DAMAGES_OF_RIVALS, USUAL
from ..shared.machine import machine_name
from ..shared.row_file import RowFile
from ..shared.sections import or_dash
from .patch_rows import PatchRow
from .patch_variants import Variant

BUNDLED = ("sample:coffee", "sample:chelsea", "sample:rocket")
"""Pictures of scikit-image that settings are chosen on, and that are in no table of results."""


class Restore(Protocol):
    """What restores: ``dipsearch.patches.answer``; tests put something quicker in its place."""

    def __call__(self, problem: Problem, *, settings: PatchSettings) -> Tensor:
        """From a problem to an image ``(1, C, H, W)``."""


@dataclass(frozen=True)
class Tuning:
    """What is varied on what.

    Args:
        sources: clean pictures.
        side: of the crops, in pixels.
        tasks: whose usual damage is done to them.
        variants: the settings.
        restore: with them.
    """

    sources: Sequence[str]
    side: int
    tasks: Sequence[str]
    variants: Sequence[Variant]
    restore: Restore


def measure_settings(wanted: Tuning, file: RowFile[PatchRow], *, say: Callable[[str], None]) -> None:
    """Measure what ``file`` does not hold yet; it is written after every row.

    Args:
        say: sees a line for every row.

    Raises:
        InputError: a picture cannot be read, or is too small.
    """
    with plain_threads():
        for source in wanted.sources:
            for task in wanted.tasks:
                with TemporaryDirectory(prefix="dipsearch-patches-") as folder:
                    case = _case(source, task, side=wanted.side, folder=Path(folder))
                    _take(case, [one for one in wanted.variants if task in one.tasks], wanted, file, say)


def _case(source: str, task: str, *, side: int, folder: Path) -> RivalCase:
    crop = write_crop(source, half_size_crop(source, side=side), side=side, folder=folder)
    room = folder / crop_name(source, side=side)
    room.mkdir()
    return make_case(crop, DAMAGES_OF_RIVALS[USUAL[task]], seed=0, folder=room)


def _take(
    case: RivalCase,
    variants: Sequence[Variant],
    wanted: Tuning,
    file: RowFile[PatchRow],
    say: Callable[[str], None],
) -> None:
    missing = [
        one
        for one in variants
        if not file.has((one.name, case.damage.task, case.picture), measurement=_digest(case, one))
    ]
    if missing:
        wanted.restore(case.problem, settings=QUICK)  # what the libraries do once is nobody's time
    for variant in missing:
        cpu, wall = time.process_time(), time.monotonic()
        image = wanted.restore(case.problem, settings=variant.settings)
        cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
        row = PatchRow(
            variant=variant.name,
            task=case.damage.task,
            damage=case.damage.name,
            picture=case.picture,
            pixels=case.clean.shape[-2] * case.clean.shape[-1],
            psnr=finite(psnr(image.cpu().clamp(0, 1), case.clean)),
            cpu_s=round(cpu_s, 4),
            wall_s=round(wall_s, 4),
            machine=machine_name("cpu"),
            version=f"dipsearch {__version__}",
            measurement=_digest(case, variant),
        )
        file.add([row])
        say(f"{row.picture:20} {row.task:8} {row.variant:42} {or_dash(row.psnr)} dB  {row.cpu_s:.2f} CPU s")


def _digest(case: RivalCase, variant: Variant) -> str:
    settings = hashlib.sha256(repr(variant.settings).encode()).hexdigest()[:12]
    return f"{case.digest} {settings}"
