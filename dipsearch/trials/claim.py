"""The claim: one process owns a study's folder for as long as it works there.

Whoever begins or resumes a search claims its folder before anything else, by a lock of the operating system on
``owner.lock``, which ends with its holder, however that ends. The file says who holds it. A process that stopped
without a word is noticed by what it has left in the file: its study is taken over, and a folder in which it had
not come to write the request is begun anew.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from optuna.storages.journal import JournalFileOpenLock

from ..errors import ResourceError, StudyError
from ..files import WRITING, write_text
from .holder import LOCK, Holder, read_holder, written
from .journal import GRACE_SECONDS, JOURNAL

if sys.platform != "win32":
    import fcntl

REQUEST_FILE = "study.yaml"
BEGUN = (REQUEST_FILE, JOURNAL, "trials")
"""Where one of these is, a search has begun, and nothing is ever cleared away."""

PATIENCE = 2.0
"""Seconds for another process to say who it is, or to let go of a folder at which it only looked."""


@dataclass
class Claim:
    """A folder that is this process's until the block ends; one in which nothing was begun is gone then.

    Args:
        folder: the study's, absolute.
        notes: sentences for a person on what was taken over.
        holder: what its lock file says.
        handle: of the lock, open; ``None`` where the file alone is the lock.
        made: the folders above it that were made for it, the deepest first.
    """

    folder: Path
    notes: tuple[str, ...]
    holder: Holder
    handle: int | None
    made: tuple[Path, ...]

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let others have the folder."""
        # Where somebody has removed the folder, another search may have come there since.
        mine = read_holder(self.folder) == self.holder
        nothing = mine and self.holder.new and not _begun(self.folder)
        with suppress(OSError):
            if nothing:
                _clear(self.folder)
            if mine:
                (self.folder / LOCK).unlink()
            if nothing:
                for folder in (self.folder, *self.made):
                    folder.rmdir()  # unless another study has come there
        if self.handle is not None:
            handle, self.handle = self.handle, None
            os.close(handle)


def claim(folder: Path, *, new: bool) -> Claim:
    """Make the folder of a study this process's own.

    Args:
        folder: the study's.
        new: a search that begins, which makes the folder; it has to be empty, but for what a killed search left of
            its first seconds. Otherwise one that is resumed.

    Raises:
        StudyError: another process has it, there is a study already, or none to resume.
        ResourceError: the folder cannot be made or written.
    """
    folder = folder.absolute()
    if not new and not (folder / REQUEST_FILE).exists():
        raise _nothing_to_resume(folder)
    holder = Holder.me(new=new)
    made = tuple(each for each in folder.parents if new and not each.exists())
    try:
        handle, before = _locked(folder, holder)
        try:
            notes = _looked_at(folder, before, new=new)
            if handle is not None:
                os.ftruncate(handle, 0)
                os.pwrite(handle, written(holder).encode(), 0)
        except BaseException:
            _let_go(folder, handle, before)
            raise
    except OSError as error:
        raise ResourceError(
            f"cannot claim the folder {folder}",
            f"the system says: {error.strerror or error}",
            "check the space and the permissions of that folder",
        ) from error
    return Claim(folder, notes, holder, handle, made)


def _locked(folder: Path, holder: Holder) -> tuple[int | None, Holder | None]:
    """Lock the folder; the handle of the lock, and whom its file names, who is gone."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            if holder.new:
                folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # whoever had it, and came to nothing, has just removed it
            if time.monotonic() > until:
                raise
            continue
        has = _flock(handle)
        if has is None:
            os.close(handle)
            return None, _by_name(folder, holder)
        if has and _is_there(handle, folder / LOCK):
            return handle, read_holder(folder)
        os.close(handle)
        if has:  # the file was removed before it was locked, and another one may be there
            continue
        there = read_holder(folder)
        if (there is not None and there.may_live) or time.monotonic() > until:
            raise _held(folder, there)
        time.sleep(0.02)


def _flock(handle: int) -> bool | None:
    """Lock an open file; ``None``: there are no such locks on this file system."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _by_name(folder: Path, holder: Holder) -> Holder | None:
    """Claim by the file's content alone: its process is looked for, and one of another host counts as alive."""
    guard = JournalFileOpenLock(str(folder / LOCK), GRACE_SECONDS)
    guard.acquire()
    try:
        before = read_holder(folder)
        if before is not None and before.may_live:
            raise _held(folder, before)
        write_text(folder / LOCK, written(holder))
        return before
    finally:
        guard.release()


def _looked_at(folder: Path, before: Holder | None, *, new: bool) -> tuple[str, ...]:
    """Check what lies in a folder that is locked, and clear away what a killed search has begun to write."""
    if not new and not (folder / REQUEST_FILE).exists():
        raise _nothing_to_resume(folder)
    if new and any(_content(folder)):
        if before is None or not before.new or _begun(folder):
            raise StudyError(
                f"the study '{folder.name}' is there already ({folder})",
                "a new search needs a new name",
                "go on with it by --resume, or choose another --name",
            )
        _clear(folder)
    if before is None:
        return ()
    for left in folder.rglob(f"{WRITING}*"):
        left.unlink(missing_ok=True)  # half of a file that the kill kept from being renamed
    return (f"the study was being worked on by {before}, which has stopped without a word: it is taken over",)


def _begun(folder: Path) -> bool:
    return any((folder / name).exists() for name in BEGUN)


def _content(folder: Path) -> Iterator[Path]:
    """What is in a folder, but for the lock, and the lock of that file while it is written."""
    return (path for path in folder.iterdir() if not path.name.startswith(LOCK))


def _clear(folder: Path) -> None:
    for path in _content(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _let_go(folder: Path, handle: int | None, before: Holder | None) -> None:
    """Undo a lock: the file says again what it said, or is not there any more."""
    with suppress(OSError):
        if before is None:
            (folder / LOCK).unlink()
        elif handle is None:
            write_text(folder / LOCK, written(before))
    if handle is not None:
        os.close(handle)


def _held(folder: Path, holder: Holder | None) -> StudyError:
    return StudyError(
        f"the study '{folder.name}' is being worked on by {holder or 'another process'}",
        "one search at a time has a study",
        "wait for it, or stop it and go on by --resume, or search under another --name",
    )


def _nothing_to_resume(folder: Path) -> StudyError:
    return StudyError(
        f"there is no study '{folder.name}' in {folder.parent}",
        "--resume goes on with one that was begun",
        "leave --resume out, or correct --name",
    )
