"""Files that are ours: nothing that exists is written over, except what dipsearch wrote there and nobody changed since.

A small record in the folder of the results knows their names, what was written, and what picture it was made of: the
result of one picture is not written over by that of another.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from .errors import InputError, ResourceError
from .files import WRITING, write_text

if sys.platform != "win32":
    import fcntl

RECORD = ".dipsearch-written.json"
"""In a folder of results: their names, the sha256 of what was written, and of which picture."""

GRACE_SECONDS = 10  # where only lock files work: after this a lock whose holder died is broken


@dataclass(frozen=True)
class _Written:
    """What is known of a result; ``source`` is ``None`` in records of versions that did not write it."""

    sha256: str
    source: str | None


def refuse_overwriting(files: Mapping[Path, str], inputs: Mapping[Path, str]) -> None:
    """Raise InputError when a file would be written that must not be.

    Args:
        files: that are to be written, and the picture that each is made of: see ``problem.origin``.
        inputs: files of the command, and what each is.
    """
    for file, source in files.items():
        if not file.exists():
            continue
        for path, what in inputs.items():
            if path.exists() and file.samefile(path):
                raise InputError(
                    f"the result would be written to {file}",
                    f"that is {what}, and no input is ever written over",
                    "choose another place: --out restored",
                )
        written = _record(file.parent).get(file.name)
        if written is None or not file.is_file() or written.sha256 != _digest(file):
            raise InputError(
                f"{file} exists already",
                "only an earlier result of dipsearch that nobody has changed is written over",
                "choose another place with --out, or move that file away",
            )
        if written.source not in (None, source):
            raise InputError(
                f"{file} was made of {written.source}, and would be replaced by what is made of {source}",
                "a result is written over only by another one of the same picture",
                "choose another place with --out, or move that file away",
            )


def remember(files: Mapping[Path, str]) -> None:
    """Note in their folder that these files are results of ours.

    Args:
        files: that were written, and the picture that each was made of, as for ``refuse_overwriting``.
    """
    for file, source in files.items():
        digest = _digest(file)
        with _alone(file.parent):
            record = {**_record(file.parent), file.name: _Written(digest, source)}
            content = {name: asdict(written) for name, written in record.items()}
            write_text(file.parent / RECORD, json.dumps(content, indent=1, sort_keys=True) + "\n")


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


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Have the record of a folder to oneself.

    The lock is held on the folder (``flock``), so no file is left over. Where there are no such locks, Optuna's
    lock file takes its place, as for a study's journal.
    """
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # of this file system
            os.close(handle)
        else:
            try:
                yield
            finally:
                os.close(handle)  # which releases the lock, as the end of the process would
            return
    from optuna.storages.journal import JournalFileOpenLock

    guard = JournalFileOpenLock(str(folder.resolve() / RECORD), GRACE_SECONDS)
    guard.acquire()
    try:
        yield
    finally:
        guard.release()


def _record(folder: Path) -> dict[str, _Written]:
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: written for name, value in content.items() if (written := _written(value)) is not None}


def _written(value: object) -> _Written | None:
    if isinstance(value, str):
        return _Written(value, None)  # of a version that did not write the source
    if not isinstance(value, dict) or not isinstance(value.get("sha256"), str):
        return None
    source = value.get("source")
    return _Written(value["sha256"], source if isinstance(source, str) else None)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
