"""The cases of the tabular benchmark: pictures of unlike kinds, three tasks, and what a fit is given of them.

The pictures come with scikit-image, so that anyone can record them again. Half of them are for choosing constants,
the others show whether these hold; which is which is fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....delivery.answers import finished
from ....delivery.shares import ScoreVariance, score_variance
from ....errors import InputError
from ....patches import DEFAULT, answer, met
from ....patches.settings import Alternation, falling
from ....problem import Problem, Split, make_split, read_image
from ....problem.formats.sources import picture_name
from ....problem.randomness import generator_for
from ...cases.damages import DAMAGES, gaussian_noise
from ...cases.half_size_crops import middle_crop
from .sketches import axes_by_chance, sketches_of

SetName = Literal["tuning", "test"]
SETS: tuple[SetName, ...] = ("tuning", "test")


@dataclass(frozen=True)
class TablePicture:
    """A clean picture.

    Args:
        name: in the table.
        source: a path, or ``sample:NAME``.
        kind: what it shows, in a word.
        set: whether constants may be chosen on it.
    """

    name: str
    source: str
    kind: str
    set: SetName


PICTURES = (
    TablePicture("coffee", "sample:coffee", "photo", "tuning"),
    TablePicture("brick", "sample:brick", "texture", "tuning"),
    TablePicture("text", "sample:text", "text", "tuning"),
    TablePicture("astronaut", "sample:astronaut", "face", "test"),
    TablePicture("camera", "sample:camera", "grey", "test"),
    TablePicture("cell", "sample:cell", "microscope", "test"),
)

TASKS = ("denoise", "inpaint", "sr")

SIDES = {"denoise": 64, "inpaint": 64, "sr": 96}
"""Of the crops, in pixels. Of 64 a quarter would be measured by 16 pixels: too few of them to hide any of them."""

SURER = 4.0
"""So many times the pixels of a crop of 64 × 64 has a picture of 128 × 128, which a search of minutes is about."""

noisy = gaussian_noise(25, clipped=False)
"""Not clipped: what that costs is the same for all networks."""

SETTINGS = replace(
    DEFAULT,
    filling=Alternation(falling(25 / 255, 2 / 255, 16), relaxation=(3.0, 3.0)),
    enlarging=Alternation(falling(35 / 255, 1.5 / 255, 20), relaxation=(9.0, 1.0), patch=4),
)
"""Of the first answers that the recorded fits began with."""

_MAKE: dict[str, Callable[[Tensor, int], Problem]] = {
    "denoise": noisy,
    "inpaint": DAMAGES["missing-50"].make,
    "sr": DAMAGES["sr-4"].make,
}

DIMENSIONS = 192
"""Of a sketch. Of ensembles of 2 to 6 of 14 fits (astronaut with noise) the PSNR from sketches of 96, 128 and 256 was
off by 0.10, 0.08 and 0.06 dB (root mean square), by chance: on the average of cases it goes away."""

IN_WORDS = {"denoise": "noise of σ 25", "inpaint": "half of the pixels missing", "sr": "enlarged 4 times"}


def with_own_pictures(folder: Path | None) -> tuple[TablePicture, ...]:
    """The bundled pictures and, as further test pictures, those in a folder.

    Raises:
        InputError: the folder holds none, or one of the name of another.
    """
    if folder is None:
        return PICTURES
    files = sorted(each for each in folder.glob("*") if each.suffix.lower() in (".png", ".tif", ".tiff"))
    own = tuple(TablePicture(picture_name(str(each)).lower(), str(each), "own", "test") for each in files)
    names = [one.name for one in (*PICTURES, *own)]
    if not own or len({*names}) < len(names):
        raise InputError(
            f"{folder} holds {len(own)} pictures" + (" whose names are not their own" if own else ""),
            "a table knows its pictures by name, and has some already: "
            + ", ".join(one.name for one in PICTURES),
            "give a folder of clean PNG or TIFF pictures with other names",
        )
    return (*PICTURES, *own)


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """What is fitted, and what judges afterwards.

    Args:
        problem: what was measured.
        split: of it.
        clean: the clean picture, ``(1, C, H, W)`` in [0, 1]; no fit sees it.
        pilot: the first answer, from the fitted part of the split.
        first: the first answer, from all of the measurement.
        wanted: the values that are judged: neither measured exactly, nor of the scoring part, ``(C·H·W,)``.
        share: of all values that were not measured exactly.
        draw: seed of the axes.
    """

    problem: Problem
    split: Split
    clean: Tensor
    pilot: Tensor
    first: Tensor
    wanted: NDArray[np.bool_]
    share: float
    draw: int = 0

    @cached_property
    def axes(self) -> NDArray[np.float32]:
        """On which the errors of restorations are drawn; what networks have of the first answers is drawn exactly."""
        known = np.stack([self.errors(self.first), self.errors(self.pilot)])
        return axes_by_chance(known, dimensions=DIMENSIONS, seed=self.draw)

    @cached_property
    def mark(self) -> NDArray[np.float16]:
        """What the axes make of the clean picture, ``(D,)``: sketches belong together where this is the same."""
        sketches, _ = sketches_of(self.clean.reshape(1, -1).numpy()[:, self.wanted], self.axes)
        return np.asarray(sketches[0])

    def errors(self, image: Tensor) -> NDArray[np.float16]:
        """Of an image as it would be delivered, over the values that are judged, ``(n,)``."""
        ready = finished(met(image, self.problem), self.problem)
        return (ready - self.clean).reshape(-1).numpy()[self.wanted].astype(np.float16)

    def psnr(self, image: Tensor) -> float:
        """Of an image as it would be delivered, in dB, exact values among them; NaN where it is not finite."""
        return self.psnr_of(float((self.errors(image).astype(np.float64) ** 2).mean()))

    def psnr_of(self, mse: float) -> float:
        """The PSNR in dB of a mean squared error over the values that are judged."""
        return float(-10 * np.log10(max(self.share * mse, 1e-10))) if np.isfinite(mse) else float("nan")


def surer_split(split: Split, clean: Tensor, problem: Problem) -> tuple[Split, Tensor]:
    """The split with a score as sure as that of a picture of 128 × 128 pixels, which a replay stands for.

    It has as many hidden pixels, some of them missing ones of which only the score is told; or less noise.

    Returns:
        It, and 1 at the pixels that were added, ``(1, 1, H, W)``.
    """
    times = SURER
    extra = torch.zeros(1, 1, *clean.shape[-2:])
    if split.kind != "held-out":
        quieter = clean + (split.score_target - clean) / times**0.5
        return replace(split, score_target=quieter, score_offset=split.score_offset / times), extra
    missing = torch.nonzero(problem.observed.reshape(-1) == 0).reshape(-1)
    wanted = round((times - 1) * float(split.score_weight.sum()))
    chosen = torch.randperm(len(missing), generator=generator_for("policies", 0))[:wanted]
    extra.view(-1)[missing[chosen]] = 1
    weight = torch.maximum(split.score_weight, extra)
    return replace(
        split, score_weight=weight, score_target=torch.where(extra > 0, clean, split.score_target)
    ), extra


def variance_of_surer(split: Split) -> ScoreVariance:
    """That of the scores of a split that ``surer_split`` made."""
    found = score_variance(split)
    return found if split.kind == "held-out" else ScoreVariance(found.noise / SURER, found.sampled)


@lru_cache(maxsize=64)
def prepared(picture: TablePicture, task: str) -> PreparedCase:
    """Damage a picture and restore it with similar patches, which is the pilot; kept, since it takes a second.

    Raises:
        InputError: the picture cannot be read, or is too small.
    """
    clean = middle_crop(read_image(picture.source).pixels, side=SIDES[task], source=picture.source)
    return replace(prepared_of(clean, task), draw=crc32(f"{picture.name} {task}".encode()))


def prepared_of(clean: Tensor, task: str) -> PreparedCase:
    """Damage a clean picture ``(1, C, H, W)`` and restore it with similar patches."""
    problem = _MAKE[task](clean, 0)
    split = make_split(problem, seed=0)
    hidden = torch.zeros(1, 1, *clean.shape[-2:])
    if task != "sr":
        split, hidden = surer_split(split, clean, problem)
    # Only where y is a picture of x itself is a value of y one of x.
    known = problem.exact if problem.pixelwise else None
    exact = torch.zeros_like(hidden) if known is None else known.float()
    judged = torch.maximum(exact, hidden).expand_as(clean).reshape(-1).numpy() == 0
    return PreparedCase(
        problem=problem,
        split=split,
        clean=clean,
        pilot=answer(problem, split=split, settings=SETTINGS),
        first=answer(problem, settings=SETTINGS),
        wanted=judged,
        share=float(1 - exact.mean()),
    )


def set_of(picture: str) -> SetName:
    """Which set a picture belongs to; those that are not bundled are test pictures."""
    return next((one.set for one in PICTURES if one.name == picture), "test")
