"""Files that are either there in full or not at all.

A file is written beside its final place and renamed; a full disk, a missing permission or a crash leaves
the old file, or none, never half of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, mkdtemp

from .errors import ResourceError

WRITING = ".writing-"
"""What the name of a file begins with that is being written."""


@contextmanager
def replacing(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; when the block ends well, rename it to ``path``.

    The folder is made when it is missing, and the temporary name keeps the suffix of ``path``, since image
    writers look at it.

    Args:
        path: of the file.
        durable: wait until the disk has it, so that not even a power cut can leave half of it.

    Raises:
        ResourceError: no permission, no space, or another refusal of the operating system.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=WRITING, suffix=path.suffix, delete=False) as handle:
            temporary = Path(handle.name)
        yield temporary
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise ResourceError(
            f"cannot write {path}",
            f"the system says: {error.strerror or error}",
            "check the space and the permissions of that folder, or choose another one",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def copy_folder(source: Path, to: Path) -> None:
    """Copy a folder to where there is none, or an empty one, in full or not at all.

    The copy is made inside of ``to``: that may be all of a disk, or the only folder that may be written to.

    Raises:
        ResourceError: no permission, no space, or another refusal of the operating system.
    """
    new, temporary = not to.exists(), None
    try:
        to.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(dir=to, prefix=WRITING))
        shutil.copytree(source, temporary, dirs_exist_ok=True)
        for one in list(temporary.iterdir()):
            one.replace(to / one.name)
    except OSError as error:
        raise ResourceError(
            f"cannot write {to}", f"the system says: {_first_reason(error)}", "choose another folder"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        if new:
            with suppress(OSError):  # it is not empty: all is there
                to.rmdir()


def _first_reason(error: OSError) -> str:
    """What the system says; where it refused many files, of the first one."""
    if isinstance(
        error, shutil.Error
    ):  # "[Errno 28] No space left on device: 'file'", in a list with all others
        first = str(error.args[0][0][2])
        return first.partition("] ")[2].partition(": '")[0] or first
    return error.strerror or str(error)


def write_bytes(path: str | Path, content: bytes, *, durable: bool = True) -> None:
    """Write ``content`` to ``path``, in full or not at all; see ``replacing``."""
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(content)


@contextmanager
def dispensable(lacking: list[str]) -> Iterator[None]:
    """Go on without what the block cannot write, since there is something beside it that matters more.

    Args:
        lacking: takes a sentence on what cannot be written.
    """
    try:
        yield
    except ResourceError as error:
        lacking.append(f"{error.given}: {error.rule}")


def write_text(path: str | Path, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8, in full or not at all."""
    write_bytes(path, content.encode())


def _umask() -> int:
    # There is no way to read the mask without setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
