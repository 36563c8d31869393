"""The destination: where results go, found out before any work begins.

Nothing that exists is written over, except what dipsearch itself wrote there before and nobody has changed since; a
small record in the folder knows that. The pictures, masks and references of the command are never written over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..own_files import refuse_overwriting, try_folder
from ..problem import (
    WRITTEN_SUFFIXES,
    Case,
    TaskOptions,
    film_names,
    is_sample,
    origin,
    picture_files,
    refuse_unwritable,
    restored_suffix,
    stacks_of,
)
from ..problem.formats.image import TIFF_SUFFIXES

OF_A_FILE = (
    r"\.(avif|exr|fits|gif|h5|heic|heif|ico|jp2|jxl|mat|npy|npz|pbm|pdf|pgm|pnm|ppm|psd|raw|svg|tga|txt|zip)"
)
"""Suffixes of files that are not written, rather than ends of folders' names, as ``.v2``, ``.old`` and ``.2026``."""


def destinations(out: Path, names: Sequence[str], cases: Sequence[Case], options: TaskOptions) -> list[Path]:
    """The file of every restored picture.

    Args:
        out: a folder, or for one picture a file, whose suffix then decides the format; for all planes of one stack
            also a TIFF.
        names: of the pictures, unique.
        cases: the pictures.
        options: name the other files of the command.

    Raises:
        InputError: one of them is an input of the command, or exists and is no result of ours; or the suffix of a file
            is none that is written.
        ResourceError: nothing can be written there.
    """
    stacks = stacks_of(cases)
    if out.suffix.lower() in WRITTEN_SUFFIXES and not out.is_dir():
        film = out.suffix.lower() in TIFF_SUFFIXES and [*stacks.values()] == [[*range(len(cases))]]
        if len(names) > 1 and not film:
            raise InputError(
                f"--out {out} is one file, and there are {len(names)} pictures",
                "several results go into a folder, and all planes of one stack into one TIFF",
                f"write for example --out {out.with_suffix('')}"
                + (
                    f", or --out {out.with_suffix('.tif')}"
                    if [*stacks.values()] == [[*range(len(cases))]]
                    else ""
                ),
            )
        case = cases[0]
        bits = case.bits if out.suffix.lower() in (*TIFF_SUFFIXES, ".png") else 8
        if case.channel_count == 4 and out.suffix.lower() in (".png", ".webp"):
            raise InputError(
                f"{out.name} would show the fourth channel of {case.name} as transparency",
                "PNG and WebP hold one colour or three, and TIFF any number of channels",
                "write a .tiff instead",
            )
        refuse_unwritable(out, channels=case.channel_count, bits=bits, with_alpha=False)
        files = [out] * len(names)
    else:
        if out.exists() and not out.is_dir():
            raise InputError(
                f"--out {out} is a file and no picture",
                f"results go into a folder, or into a file that ends in {', '.join(WRITTEN_SUFFIXES)}",
                "choose another one: --out restored",
            )
        if not out.exists() and re.fullmatch(OF_A_FILE, out.suffix.lower()):
            raise InputError(
                f"--out {out} ends in {out.suffix}",
                f"pictures are written as {', '.join(WRITTEN_SUFFIXES)}",
                f"choose one of these suffixes, or --out {out.with_suffix('')} for a folder",
            )
        files = [out / f"{name}{restored_suffix(case)}" for name, case in zip(names, cases, strict=True)]
        planes = {number for numbers in stacks.values() for number in numbers}
        alone = [file.stem for number, file in enumerate(files) if number not in planes]
        films = film_names(stacks, taken=alone)
        for path, numbers in stacks.items():
            for number in numbers:
                files[number] = out / films[path]
    inputs = [case.source for case in cases if not is_sample(case.source)]
    refuse_overwriting(origins(files, cases), picture_files(inputs, options))
    try_folder(files[0].parent)
    return files


def origins(files: Sequence[Path], cases: Sequence[Case]) -> dict[Path, str]:
    """By each file the picture that it is made of; of all planes of a stack, the stack's own file."""
    found = {file: origin(case.source) for file, case in zip(files, cases, strict=True)}
    return found | {files[numbers[0]]: origin(stack) for stack, numbers in stacks_of(cases).items()}
