"""Files that are ours: nothing that exists is written over, except what dipsearch wrote there and nobody changed since.

A small record in the folder of the results knows their names and what was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from .errors import InputError, ResourceError
from .files import WRITING, write_text

RECORD = ".dipsearch-written.json"
"""In a folder of results: their names, and the sha256 of what was written."""


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
