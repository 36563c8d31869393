"""Restored pictures that their study's folder may have no room for: on a full disk they go to another one.

They took minutes to make, and a file of a few kilobytes fits somewhere.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from ..errors import ResourceError
from ..problem import Case, restored_suffix, write_restored
from .picture_outputs import restored_kind


@dataclass
class Unsaved:
    """What is restored so far.

    Args:
        study: its name, which the files begin with.

    Attributes:
        pictures: by their names the case and the image, ``(1, C, H, W)``.
    """

    study: str
    pictures: dict[str, tuple[Case, Tensor]] = field(default_factory=dict)

    def elsewhere(self, error: OSError | ResourceError) -> OSError | ResourceError:
        """Write the pictures wherever there is room.

        Returns:
            What is wrong, and where they are; where there is none, or no room for them, the error itself.
        """
        files = []
        for name, (case, image) in self.pictures.items():
            parts = [self.study, *([name] if len(self.pictures) > 1 else []), restored_kind(case)]
            file = _written("-".join(parts) + restored_suffix(case), image, case)
            if file is not None:
                files.append(str(file))
        if not files:
            return error
        if isinstance(error, ResourceError):
            given, rule = error.given, error.rule
        else:
            given, rule = (
                f"cannot write {error.filename or self.study}",
                f"the system says: {error.strerror or error}",
            )
        what = "the restored picture is" if len(self.pictures) == 1 else f"{len(files)} restored pictures are"
        return ResourceError(given, rule, f"{what} in {', '.join(files)}")


def _written(name: str, image: Tensor, case: Case) -> Path | None:
    """The file that a picture was written to; ``None``: nowhere is room for it."""
    for folder in _folders():
        try:
            file = _free(folder / name)
            write_restored(file, image, case)
        except (ResourceError, OSError):
            continue  # the next folder may be on another disk
        return file
    return None


def _folders() -> Iterator[Path]:
    """Where a picture may go, those first in which somebody would look for it."""
    with suppress(OSError):  # it is gone
        yield Path.cwd()
    with suppress(OSError):  # none can be written
        yield Path(tempfile.gettempdir())
    with suppress(RuntimeError):  # there is none
        yield Path.home()


def _free(file: Path) -> Path:
    """A name that no file has: nothing is written over."""
    number, free = 2, file
    while os.path.lexists(free):
        number, free = number + 1, file.with_stem(f"{file.stem}-{number}")
    return free
