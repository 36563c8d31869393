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
    """What is known of a result; ``request`` is a digest of what was asked, ``None`` where it was not finished."""

    sha256: str
    source: str
    request: str | None = None


def refuse_overwriting(files: Mapping[Path, str], inputs: Mapping[Path, str]) -> None:
    """Raise InputError when files would be written that must not be; of several the first is named.

    Args:
        files: that are to be written, and the picture that each is made of: see ``problem.origin``.
        inputs: files of the command, and what each is.
    """
    known = {_identity(path): what for path, what in reversed(list(inputs.items())) if path.exists()}
    records = {folder: _record(folder) for folder in {file.parent for file in files}}
    found = [
        refusal
        for file, source in files.items()
        if file.exists() and (refusal := _refusal(file, source, known, records[file.parent].get(file.name)))
    ]
    if found:
        given, rule, fix = found[0]
        more = f", and so it is with {len(found) - 1} more of {len(files)} results" if len(found) > 1 else ""
        raise InputError(given + more, rule, fix)


def _refusal(
    file: Path, source: str, inputs: Mapping[tuple[int, int], str], written: _Written | None
) -> tuple[str, str, str] | None:
    """Why a file that exists must not be written over, in three parts."""
    if what := inputs.get(_identity(file)):
        return (
            f"the result would be written to {file}",
            f"that is {what}, and no input is ever written over",
            "choose another place: --out restored",
        )
    fix = "choose another place with --out, or move that file away"
    if written is None or not file.is_file() or written.sha256 != _digest(file):
        rule = "only an earlier result of dipsearch that nobody has changed is written over"
        return f"{file} exists already", rule, fix
    if written.source != source:
        return (
            f"{file} was made of {written.source}, and would be replaced by what is made of {source}",
            "a result is written over only by another one of the same picture",
            fix,
        )
    return None


def _identity(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_dev, status.st_ino


def remember(files: Mapping[Path, str], *, request: str | None = None) -> None:
    """Note in their folder that these files are results of ours.

    Args:
        files: that were written, and the picture that each was made of, as for ``refuse_overwriting``.
        request: a digest of what was asked; ``None``: it may have to be made again.
    """
    for file, source in files.items():
        digest = _digest(file)
        with _alone(file.parent):
            record = {**_record(file.parent), file.name: _Written(digest, source, request)}
            content = {name: asdict(written) for name, written in record.items()}
            write_text(file.parent / RECORD, json.dumps(content, indent=1, sort_keys=True) + "\n")


def finished(files: Mapping[Path, tuple[str, str]]) -> set[Path]:
    """Those of some files that are results already, unchanged, each of this picture and this digest of a request."""
    records = {folder: _record(folder) for folder in {file.parent for file in files}}
    return {
        file
        for file, wanted in files.items()
        if (written := records[file.parent].get(file.name)) is not None
        and (written.source, written.request) == wanted
        and file.is_file()
        and written.sha256 == _digest(file)
    }


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
    if not isinstance(value, dict):
        return None
    sha256, source, request = (value.get(name) for name in ("sha256", "source", "request"))
    if not isinstance(sha256, str) or not isinstance(source, str):
        return None
    return _Written(sha256, source, request if isinstance(request, str) else None)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
