"""Files that others may have made: opened only where they are plain files, inside of the folder that they belong to.

A name in a file never leads out of its folder, neither as an absolute path, nor by ``..``, nor by a link; a pipe or
a device in the place of a file is not opened, since it might never end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath, PureWindowsPath
from typing import BinaryIO

from .errors import FormatError


def inside(folder: Path, name: str | PurePath) -> Path:
    """The path of what is called ``name`` in a folder, whether or not it is there.

    Raises:
        FormatError: the name leads out of the folder.
    """
    parts = PureWindowsPath(name)
    path = folder / name
    try:
        leaves = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a link to itself, a name that no system has
        leaves = True
    if leaves or parts.is_absolute() or parts.drive or ".." in parts.parts:
        raise FormatError(
            f"'{name}' lies outside of {folder}",
            "what belongs to a study lies in its folder, and is no link to elsewhere",
            "copy the file into the folder, or restore the folder from a copy",
        )
    return path


def inside_or_none(folder: Path, name: str | PurePath) -> Path | None:
    """The path of what is called ``name`` in a folder; ``None`` where it is not there, or leads out of it."""
    try:
        path = inside(folder, name)
        return path if path.exists() else None
    except (FormatError, OSError, ValueError):
        return None


@contextmanager
def plain_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unless it is something else than a file.

    Raises:
        FormatError: it is not there, may not be read, or is a folder, a pipe or a device.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise _no_file(path)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _no_file(path)
        yield file


def plain_bytes(path: str | Path, *, most: int) -> bytes:
    """The content of a file.

    Args:
        most: bytes at the most.

    Raises:
        FormatError: it cannot be read, or is larger.
    """
    try:
        with plain_file(path) as file:
            # What the system says is too large is not read; what grows meanwhile is not read to its end.
            content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    except OSError as error:
        raise _unreadable(path, error) from error
    if content is None or len(content) > most:
        raise FormatError(
            f"{path} is larger than {most:,} bytes",
            "files of this kind are smaller",
            "check that it is the file that was meant",
        )
    return content


def _no_file(path: str | Path) -> FormatError:
    return FormatError(
        f"{path} is not a file",
        "it is a folder, a pipe or a device, and a file is needed",
        "name the file itself, or restore it from a copy",
    )


def _unreadable(path: str | Path, error: OSError | ValueError) -> FormatError:
    if isinstance(error, FormatError):
        return error
    reason = getattr(error, "strerror", None) or str(error)
    return FormatError(
        f"cannot read {path}",
        f"the system says: {reason}",
        "check the name and the permissions of the file",
    )
