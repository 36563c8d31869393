"""The destination: where results go, found out before any work begins.

Nothing that exists is written over, except what dipsearch itself wrote there before and nobody has changed since; a
small record in the folder knows that. The pictures, masks and references of the command are never written over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..own_files import try_folder
from ..problem import WRITTEN_SUFFIXES, Case, refuse_unwritable
from ..problem.formats.image import TIFF_SUFFIXES

OF_A_FILE = (
    r"\.(avif|exr|fits|gif|h5|heic|heif|ico|jp2|jxl|mat|npy|npz|pbm|pdf|pgm|pnm|ppm|psd|raw|svg|tga|txt|zip)"
)
"""Suffixes of files that are not written, rather than ends of folders' names, as ``.v2``, ``.old`` and ``.2026``."""


def result_folder(out: Path, results: Sequence[Sequence[str]]) -> Path | None:
    """The folder that results go into; ``None`` where ``out`` is the file of the only one.

    Args:
        out: a folder, or for one picture a file, whose suffix then decides the format; for all planes of one stack
            also a TIFF.
        results: the sources that become one file each.

    Raises:
        InputError: there are several results for one file, or the suffix of a file is none that is written.
        ResourceError: nothing can be written there.
    """
    if out.suffix.lower() in WRITTEN_SUFFIXES and not out.is_dir():
        pictures, alone = sum(map(len, results)), len(results) == 1
        if pictures > 1 and not (alone and out.suffix.lower() in TIFF_SUFFIXES):
            raise InputError(
                f"--out {out} is one file, and there are {pictures} pictures",
                "several results go into a folder, and all planes of one stack into one TIFF",
                f"write for example --out {out.with_suffix('')}"
                + (f", or --out {out.with_suffix('.tif')}" if alone else ""),
            )
        try_folder(out.parent)
        return None
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
    try_folder(out)
    return out


def refuse_other_format(file: Path, case: Case) -> None:
    """Raise InputError where a file that a person has named cannot hold the restoration of a picture."""
    suffix = file.suffix.lower()
    if case.channel_count == 4 and suffix in (".png", ".webp"):
        raise InputError(
            f"{file.name} would show the fourth channel of {case.name} as transparency",
            "PNG and WebP hold one colour or three, and TIFF any number of channels",
            "write a .tiff instead",
        )
    bits = case.bits if suffix in (*TIFF_SUFFIXES, ".png") else 8
    refuse_unwritable(file, channels=case.channel_count, bits=bits, with_alpha=False)
