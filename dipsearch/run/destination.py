"""The destination: where results go, found out before any work begins.

Nothing that exists is written over, except what dipsearch itself wrote there before and nobody has changed since; a
small record in the folder knows that. The pictures, masks and references of the command are never written over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from ..errors import InputError, ResourceError
from ..files import WRITING, write_text
from ..problem import (
    WRITTEN_SUFFIXES,
    Case,
    TaskOptions,
    is_sample,
    picture_files,
    refuse_unwritable,
    restored_suffix,
    stacks_of,
)

TIFF_SUFFIXES = (".tif", ".tiff")
RECORD = ".dipsearch-written.json"
"""In a folder of results: their names, and the sha256 of what was written."""


def destinations(out: Path, names: Sequence[str], cases: Sequence[Case], options: TaskOptions) -> list[Path]:
    """The file of every restored picture.

    Args:
        out: a folder, or for one picture a file, whose suffix then decides the format.
        names: of the pictures, unique.
        cases: the pictures.
        options: name the other files of the command.

    Raises:
        InputError: one of them is an input of the command, or exists and is no result of ours.
        ResourceError: nothing can be written there.
    """
    if out.suffix.lower() in WRITTEN_SUFFIXES and not out.is_dir():
        if len(names) > 1:
            raise InputError(
                f"--out {out} is one file, and there are {len(names)} pictures",
                "several results go into a folder",
                f"write for example --out {out.with_suffix('')}",
            )
        case = cases[0]
        bits = case.bits if out.suffix.lower() in (*TIFF_SUFFIXES, ".png") else 8
        refuse_unwritable(out, channels=case.problem.image_shape[1], bits=bits, with_alpha=False)
        files = [out]
    else:
        if out.exists() and not out.is_dir():
            raise InputError(
                f"--out {out} is a file and no picture",
                f"results go into a folder, or into a file that ends in {', '.join(WRITTEN_SUFFIXES)}",
                "choose another one: --out restored",
            )
        files = [out / f"{name}{restored_suffix(case)}" for name, case in zip(names, cases, strict=True)]
        for path, numbers in stacks_of(cases).items():
            for number in numbers:
                files[number] = out / path.name
    inputs = [case.source for case in cases if not is_sample(case.source)]
    refuse_overwriting(files, picture_files(inputs, options))
    try_folder(files[0].parent)
    return files


def refuse_overwriting(files: Iterable[Path], inputs: Mapping[Path, str]) -> None:
    """Raise InputError when a file would be written that must not be.

    Args:
        files: that are to be written.
        inputs: files of the command, and what each is.
    """
    for file in files:
        if not file.exists():
            continue
        for path, what in inputs.items():
            if path.exists() and file.samefile(path):
                raise InputError(
                    f"the result would be written to {file}",
                    f"that is {what}, and no input is ever written over",
                    "choose another place: --out restored",
                )
        if not _is_ours(file):
            raise InputError(
                f"{file} exists already",
                "only an earlier result of dipsearch that nobody has changed is written over",
                "choose another place with --out, or move that file away",
            )


def remember(files: Iterable[Path]) -> None:
    """Note in their folder that these files are results of ours."""
    for file in files:
        record = _record(file.parent)
        record[file.name] = _digest(file)
        write_text(file.parent / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")


def try_folder(folder: Path) -> None:
    """Raise ResourceError when no file can be made in a folder; what had to be made for that is removed again."""
    made = []
    try:
        for parent in [*reversed(folder.parents), folder]:
            if not parent.exists():
                parent.mkdir()
                made.append(parent)
        with NamedTemporaryFile(dir=folder, prefix=WRITING):
            pass
    except OSError as error:
        raise ResourceError(
            f"nothing can be written to {folder}",
            f"the system says: {error.strerror or error}",
            "choose another place with --out, or check its permissions",
        ) from error
    finally:
        for parent in reversed(made):
            parent.rmdir()


def _is_ours(file: Path) -> bool:
    return file.is_file() and _record(file.parent).get(file.name) == _digest(file)


def _record(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in content.items()} if isinstance(content, dict) else {}


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
