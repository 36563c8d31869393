"""What is to be restored with networks that are known: each picture or stack of a command, its names, and its file.

All of a command is looked over before any work begins, without decoding a pixel. A picture is read when its turn has
come, and forgotten when it is written, so that hundreds take no more memory than one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from ..errors import InputError
from ..own_files import refuse_overwriting, remember
from ..problem import (
    WRITTEN_SUFFIXES,
    Case,
    TaskOptions,
    film_names,
    header_of,
    image_name,
    is_sample,
    load_case,
    origin,
    picture_files,
    plane_of,
    restored_suffix,
    sample_path,
    sample_side,
    suffix_for,
    unique_names,
    write_film,
    write_restored,
)
from ..problem.formats.image import TIFF_SUFFIXES
from .destination import refuse_other_format, result_folder

NAMED = 5
"""Pictures of which a sentence says why they are refused; of more it has the names."""


State = tuple[tuple[str, int, int], ...]
"""Of files: what each is, its size in bytes, and when it was changed, in nanoseconds."""


@dataclass(frozen=True)
class Restorable:
    """What becomes one file: a picture, or all planes of a stack.

    Args:
        sources: the picture, or the planes in their order.
        names: of each, unique in the command.
        file: where the result usually goes; what is found out when it is read may ask for another suffix.
        origin: the picture that it is made of, as ``refuse_overwriting`` has it.
        pixels: of all planes together.
        stack: whether it is all planes of one.
        chosen: whether a person has named the file.
        inputs: all files of the command, and what each is: none is ever written over.
    """

    sources: tuple[str, ...]
    names: tuple[str, ...]
    file: Path
    origin: str
    pixels: int
    stack: bool = False
    chosen: bool = False
    inputs: Mapping[Path, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people."""
        return self.file.stem if self.stack else self.names[0]

    @property
    def files(self) -> list[Path]:
        """Where the result may be, whatever is found out when it is read."""
        others = () if self.chosen or self.stack else WRITTEN_SUFFIXES
        return [self.file, *(self.file.with_name(f"{self.file.stem}{suffix}") for suffix in others)]

    def state(self, options: TaskOptions) -> State:
        """Of the picture now, its mask, its reference and the kernel; a change of one asks for another result."""
        found = picture_files(self.sources[:1], options).items()  # planes have them in common
        stats = [(what, file.stat()) for file, what in found if file.is_file()]
        return tuple((what, stat.st_size, stat.st_mtime_ns) for what, stat in stats)

    def read(self, options: TaskOptions, *, seed: int) -> Opened:
        """Read it.

        Raises:
            InputError: it cannot be restored so, or its result cannot be written there.
        """
        state = self.state(options)  # it may be changed while it is restored
        cases = [load_case(source, options, seed=seed) for source in self.sources]
        for case in cases:
            if case.simulation == "unasked":
                raise InputError(
                    f"nothing says which pixels of {case.source} are missing",
                    "they are told by --mask, by transparency, or by a file NAME_mask.png beside it; black is no mark",
                    "give --mask FILE (white was measured), or --missing 50 or --simulate to try it on a clean picture",
                )
        file = self.file
        if self.chosen:
            refuse_other_format(file, cases[0])
        elif not self.stack:
            file = file.with_name(f"{file.stem}{restored_suffix(cases[0])}")
        refuse_overwriting({file: self.origin}, self.inputs)
        return Opened(self, cases, file, state)


@dataclass(frozen=True, eq=False)
class Opened:
    """A picture or a stack that was read, the file that it is written to, and what its own files were then."""

    restorable: Restorable
    cases: list[Case]
    file: Path
    state: State

    def write(self, images: Sequence[Tensor], *, request: str | None) -> None:
        """Write it, unless a file of somebody else has come there since.

        Args:
            images: of each case.
            request: a digest of what was asked; ``None``: it was not finished.
        """
        refuse_overwriting({self.file: self.restorable.origin}, self.restorable.inputs)
        new = not self.file.exists()
        if self.restorable.stack and self.file.suffix.lower() in TIFF_SUFFIXES:
            write_film(self.file, list(zip(images, self.cases, strict=True)))
        else:
            write_restored(self.file, images[0], self.cases[0])
        try:
            remember({self.file: self.restorable.origin}, request=request)
        except BaseException:
            if new:  # else nobody would know that it is ours, and it would stand in the way of the next run
                self.file.unlink(missing_ok=True)
            raise


@dataclass(frozen=True)
class LookedOver:
    """All of a command.

    Args:
        restorables: what can be restored, as far as the files say it of themselves.
        refused: sources that cannot be read, and why.
        inputs: all files of the command, and what each is.
    """

    restorables: list[Restorable]
    refused: dict[str, InputError] = field(default_factory=dict)
    inputs: Mapping[Path, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pictures and stacks were given."""
        return len(self.restorables) + len(self.refused)


def look_over(sources: Sequence[str], options: TaskOptions, *, out: Path) -> LookedOver:
    """Look at all pictures of a command, and at the place of their results; nothing is decoded.

    Args:
        sources: pictures, stacks, or planes of these.
        options: name the other files of the command.
        out: a folder, or for one picture or stack a file.

    Raises:
        InputError: none of the pictures can be read, or a result would be written over a file that is not an earlier
            result of the same picture.
        ResourceError: nothing can be written there.
    """
    every, inputs, refused = list[_Seen](), dict[Path, str](), dict[str, InputError]()
    for path, planes in _by_file(sources).items():
        if not is_sample(path):
            inputs[plane_of(path)[0]] = "the damaged picture itself"  # also of what is refused
        try:
            seen = _seen(path, planes, options)
            inputs |= picture_files([path], options)
        except InputError as error:
            refused[path] = error
            named = tuple(path if plane is None else f"{path}[{plane}]" for plane in planes)
            seen = [_Seen(Path(path), named, readable=False)]
        every += seen
    if not any(one.readable for one in every):
        first, *others = refused.values()
        raise (
            first
            if not others
            else InputError(
                f"none of {len(refused)} pictures can be read", in_brief(refused), "mend them, or name others"
            )
        )
    # What cannot be read has its names, too: once it is mended the others have theirs still.
    folder = result_folder(out, [one.sources for one in every])
    numbered = iter(unique_names([image_name(source) for one in every for source in one.sources]))
    names = [tuple(next(numbered) for _ in one.sources) for one in every]
    alone = [name[0] for name, one in zip(names, every, strict=True) if not one.stack]
    films = film_names([one.path for one in every if one.stack], taken=alone)
    restorables = []
    for name, one in zip(names, every, strict=True):
        if not one.readable:
            continue
        own = films[one.path] if one.stack else f"{name[0]}{one.suffix}"
        file, of = folder / own if folder else out, origin(one.path if one.stack else one.sources[0])
        restorables.append(
            Restorable(
                one.sources, name, file, of, one.pixels, stack=one.stack, chosen=folder is None, inputs=inputs
            )
        )
    refuse_overwriting({one.file: one.origin for one in restorables}, inputs)
    return LookedOver(restorables, refused, inputs)


def in_brief(refused: Mapping[str, Exception]) -> str:
    """Why a handful of pictures is refused, and the names of the others."""
    said = [error.given if isinstance(error, InputError) else str(error) for error in refused.values()]
    more = f", and {len(said) - NAMED} more: {', '.join([*refused][NAMED:])}" if len(said) > NAMED else ""
    return "; ".join(said[:NAMED]) + more


def _by_file(sources: Sequence[str]) -> dict[str, list[int | None]]:
    """The planes that were asked for of each file, ``[None]`` of one that was named itself."""
    found: dict[str, list[int | None]] = {}
    for source in sources:
        path, plane = (source, None) if is_sample(source) else plane_of(source)
        found.setdefault(source if plane is None else str(path), []).append(plane)
    return found


class _Seen(NamedTuple):
    """What will be one file, as far as the file that it comes from says so."""

    path: Path
    sources: tuple[str, ...]
    suffix: str = ""
    pixels: int = 0
    stack: bool = False
    readable: bool = True


def _seen(path: str, planes: Sequence[int | None], options: TaskOptions) -> list[_Seen]:
    if is_sample(path):
        header = header_of(file := sample_path(path))
        shrunk = min(1.0, (sample_side(path) or math.inf) / max(header.height, header.width))
        return [_Seen(file, (path,), ".png", round(header.height * header.width * shrunk**2))]
    header = header_of(file := Path(path), axes=options.axes)
    pixels, suffix = max(1, header.height * header.width), suffix_for(header.format, path)
    every = [*range(header.planes or 0)]
    wanted = every if planes == [None] and every else planes
    sources = tuple(path if plane is None else f"{path}[{plane}]" for plane in wanted)
    if every and wanted == every:
        return [_Seen(file, sources, suffix, pixels * len(sources), stack=True)]
    return [_Seen(file, (source,), suffix, pixels) for source in sources]
