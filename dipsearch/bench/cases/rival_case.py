"""A case of the comparison with rivals: one picture with one damage, as files and as a Problem.

The measurement is a file that a search is given, of 8 bits unless the damage says otherwise; what the other methods
get is the Problem that is read from the same file. The clean picture stays beside it, where no method can see it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ...errors import InputError
from ...problem import (
    Problem,
    TaskOptions,
    image_digest,
    is_sample,
    load_case,
    natural_suffix,
    read_image,
    write_image,
)
from .rival_damages import RivalDamage

MEASURED = re.compile(r"_(noise|inpaint|lr)\d+$")
"""How the names of given measurements end; such files are no clean pictures."""


@dataclass(frozen=True, eq=False)
class RivalCase:
    """One picture with one damage.

    Args:
        picture: its name in the tables.
        damage: what was done to it.
        clean: what a restoration is compared with, ``(1, C, H, W)``.
        file: the measurement.
        reference: the clean picture as a file.
        digest: of the measurement.
        seed: of the split.
    """

    picture: str
    damage: RivalDamage
    clean: Tensor
    file: Path
    reference: Path
    digest: str
    seed: int

    @cached_property
    def problem(self) -> Problem:
        """What a method gets to see: the file, with its noise estimated where the damage does not tell it.

        Raises:
            InputError: the measurement cannot be used, or is not one of this picture.
        """
        factor = max(self.damage.factor, 2)
        options = TaskOptions(
            self.damage.task, factor=factor, sigma=self.damage.sigma, kernel=self.damage.kernel
        )
        case = load_case(str(self.file), options, seed=self.seed, whole=True)
        if case.reference is not None:
            raise InputError(
                f"{self.file.name} has no missing pixels",
                "they are marked by transparency",
                f"remove this file to have the damage made from {self.picture}",
            )
        if case.problem.image_shape != tuple(self.clean.shape):
            shapes = (case.problem.image_shape, tuple(self.clean.shape))
            raise InputError(
                f"{self.file.name} restores to the shape {shapes[0]}",
                f"its clean picture has {shapes[1]}",
                f"remove this file to have the damage made from {self.picture}",
            )
        return case.problem


def clean_sources(sources: Sequence[str]) -> list[str]:
    """Those of the pictures that are clean, each with a name of its own.

    Raises:
        InputError: none is left, or two have the same name.
    """
    clean = [source for source in sources if not MEASURED.search(Path(source).stem)]
    if not clean:
        raise InputError(
            "there is no clean picture among those given",
            "names that end like _noise25, _inpaint50 or _lr4 are measurements",
            "put the clean pictures beside them",
        )
    names = [read_name(source) for source in clean]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two pictures are called {name}",
                "the tables know a picture by its name",
                "rename one, or compare the folders one by one, each with its own --out",
            )
    return clean


def read_name(source: str) -> str:
    """The name of a picture in the tables."""
    return source if is_sample(source) else Path(source).stem


def make_case(source: str, damage: RivalDamage, *, seed: int, folder: Path) -> RivalCase:
    """Damage a clean picture, or take the measurement that lies beside it.

    Args:
        source: a path or ``sample:NAME``.
        seed: of the damage, and of the split.
        folder: where files may be written.

    Raises:
        InputError: a picture cannot be read, or the damage does not fit it.
    """
    image = read_image(source)
    clean = damage.fitting(image.pixels)
    channels = clean.shape[1]
    reference = folder / f"reference{natural_suffix(channels, image.bits)}"
    write_image(reference, clean, bits=image.bits)
    file = given_measurement(source, damage)
    if file is None:
        file = folder / f"measurement{natural_suffix(channels, damage.bits)}"
        damaged = damage.make(clean, seed)
        alpha = damaged.observed if damage.task == "inpaint" else None
        write_image(file, damaged.y, bits=damage.bits, alpha=alpha)
    measured = read_image(file)
    planes = [measured.pixels, *([] if measured.alpha is None else [measured.alpha])]
    digest = image_digest(torch.cat(planes, dim=1))
    return RivalCase(read_name(source), damage, clean, file, reference, digest, seed)


def given_measurement(source: str, damage: RivalDamage) -> Path | None:
    """The measurement ``NAME_noise25.png`` or the like beside a picture, if there is one."""
    if is_sample(source) or not damage.given:
        return None
    path = Path(source)
    file = path.with_name(f"{path.stem}{damage.given}.png")
    return file if file.is_file() else None
