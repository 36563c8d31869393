"""What is to be restored with networks that are known: pictures that were read, their names, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..own_files import remember
from ..problem import (
    Case,
    TaskOptions,
    load_case,
    stacks_of,
    unique_names,
    write_film,
    write_restored,
)
from .destination import destinations, origins


@dataclass(frozen=True)
class Restorable:
    """The pictures of a command.

    Args:
        cases: the pictures.
        names: of each, unique.
        files: the one that each is written to; the planes of a stack have one file.
        stacks: the numbers of the planes that go to one file.
        origins: the picture that each file is made of.
    """

    cases: list[Case]
    names: list[str]
    files: list[Path]
    stacks: dict[Path, list[int]]
    origins: dict[Path, str]

    def write(self, number: int, image: Tensor) -> None:
        """Write a restored picture, unless it is a plane of a stack, whose planes are written together."""
        if (file := self.files[number]) not in self.stacks:
            write_restored(file, image, self.cases[number])
            remember({file: self.origins[file]})

    def write_stacks(self, images: Sequence[Tensor]) -> None:
        """Write the stacks whose planes are all there."""
        for file, numbers in self.stacks.items():
            if numbers[-1] < len(images):
                write_film(file, [(images[number], self.cases[number]) for number in numbers])
                remember({file: self.origins[file]})


def restorable(sources: Sequence[str], options: TaskOptions, *, out: Path, seed: int) -> Restorable:
    """Read the pictures of a command, and find out where they go.

    Raises:
        DipsearchError: something cannot be used; nothing was written.
    """
    cases = [load_case(source, options, seed=seed) for source in sources]
    names = unique_names([case.name for case in cases])
    for case in cases:
        if case.simulation == "unasked":
            raise InputError(
                f"nothing says which pixels of {case.source} are missing",
                "they are told by --mask, by transparency, or by a file NAME_mask.png beside it; black is no mark",
                "give --mask FILE (white was measured), or --missing 50 or --simulate to try it on a clean picture",
            )
    files = destinations(out, names, cases, options)
    stacks = {files[numbers[0]]: numbers for numbers in stacks_of(cases).values()}
    return Restorable(cases, names, files, stacks, origins(files, cases))
