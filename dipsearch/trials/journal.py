"""The journal: the file that holds a study, one JSON record on each line, and what to do when it was cut.

Optuna appends a record under a lock. A kill, a full disk or a power cut can leave the last line without its
end; Optuna reads past such a tail in silence, but the next record would be glued to it, and then both are
lost and the study cannot be read any more. So whoever holds the lock first sets a torn tail aside, into
``journal.log.torn``.

The lock is one that the operating system lets go of when its holder dies, so a killed worker never
makes the next one wait.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from ..errors import ResourceError, StudyError

if sys.platform != "win32":
    import fcntl

JOURNAL = "journal.log"
GRACE_SECONDS = 10  # where only lock files work: after this a lock whose holder died is broken


def journal_backend(path: Path) -> tuple[JournalFileBackend, tuple[str, ...]]:
    """Open the journal at ``path``, which is made when it is missing, and make sure that it can go on.

    Returns:
        The backend for `optuna.storages.JournalStorage`, and sentences on what had to be repaired.

    Raises:
        StudyError: a record before the last one is damaged.
        ResourceError: the file cannot be made or written.
    """
    # Optuna's file locks compare absolute places; a relative one would be looked for beside the file.
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        lock = TidyLock(path)
        lock.acquire()
        try:
            notes = _check(path)
        finally:
            lock.release()
    except OSError as error:
        raise ResourceError(
            f"cannot use the journal {path}",
            f"the system says: {error.strerror or error}",
            "check the space and the permissions of that folder",
        ) from error
    if lock.set_aside:
        notes = (_note(path, lock.set_aside), *notes)
    # The annotation names a base class that Optuna does not export; it only calls acquire and release.
    return JournalFileBackend(str(path), lock_obj=lock), notes  # type: ignore[arg-type]


class TidyLock:
    """Excludes other writers of a journal, and leaves no torn line in front of its holder.

    It is held on the journal itself (``flock``), so there is no lock file that could be left over. Where
    the file system or Windows knows no ``flock``, Optuna's lock file takes its place; one that was left
    over is broken after a grace period.

    Args:
        path: of the journal, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.set_aside = 0  # bytes, at the latest acquisition
        self._path = path
        self._handle: int | None = None
        self._lock_file = None if _has_flock(path) else JournalFileOpenLock(str(path), GRACE_SECONDS)

    def acquire(self) -> bool:
        """Wait for the lock, then move a torn last line out of the way."""
        if self._lock_file is not None:
            self._lock_file.acquire()
        else:
            handle = os.open(self._path, os.O_RDWR)
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._handle = handle
        try:
            self.set_aside = set_torn_tail_aside(self._path)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Let others write."""
        if self._lock_file is not None:
            self._lock_file.release()
        elif self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)  # which releases the lock, as the end of the process would


def set_torn_tail_aside(path: Path) -> int:
    """Move what follows the last complete line of ``path`` to ``path.torn``; return its length in bytes.

    Call it with the lock held.
    """
    with path.open("r+b") as journal:
        size = journal.seek(0, os.SEEK_END)
        if size == 0:
            return 0
        journal.seek(size - 1)
        if journal.read(1) == b"\n":
            return 0
        journal.seek(0)
        complete = journal.read().rfind(b"\n") + 1
        return _cut(path, complete)


def _cut(path: Path, complete: int) -> int:
    """Keep the first ``complete`` bytes of a journal; the others are appended to ``.torn``."""
    with path.open("r+b") as journal:
        journal.seek(complete)
        tail = journal.read()
        with path.with_name(path.name + ".torn").open("ab") as torn:
            torn.write(tail + b"\n")
        journal.truncate(complete)
        journal.flush()
        os.fsync(journal.fileno())
    return len(tail)


def _check(path: Path) -> tuple[str, ...]:
    """Read every record; a damaged last one is set aside, an earlier one is an error."""
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = [number for number, line in enumerate(lines, start=1) if not _is_record(line)]
    if not damaged:
        return ()
    if damaged[0] < len(lines):
        raise StudyError(
            f"line {damaged[0]} of {path} is damaged ({len(lines)} lines)",
            "every line is one record in JSON, and only the last one may have been cut",
            "restore the file from a copy, or search again under another name "
            "(what finished is still in the folder trials)",
        )
    return (_note(path, _cut(path, sum(len(line) for line in lines[:-1]))),)


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and isinstance(record.get("op_code"), int) and "worker_id" in record


def _note(path: Path, length: int) -> str:
    return f"the last record of {path.name} was cut; its {length} bytes were moved to {path.name}.torn"


def _has_flock(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
