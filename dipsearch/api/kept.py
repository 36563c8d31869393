"""A temporary folder: where a search from Python has its study, for as long as somebody holds its result."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile


class Kept:
    """A folder that goes away with the last result that holds it.

    A copy is the same folder. A pickled one has all its files, and becomes a new folder wherever it is unpickled.
    """

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp(prefix="dipsearch-")
        self.cleanup = weakref.finalize(self, shutil.rmtree, self.name, ignore_errors=True)

    def __deepcopy__(self, memo: object) -> Kept:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        file = BytesIO()
        with ZipFile(file, "w", ZIP_DEFLATED, strict_timestamps=False) as archive:
            for path in sorted(Path(self.name).rglob("*")):
                archive.write(path, path.relative_to(self.name))
        return _unpacked, (file.getvalue(),)


def _unpacked(content: bytes) -> Kept:
    kept = Kept()
    with ZipFile(BytesIO(content)) as archive:
        archive.extractall(kept.name)
    return kept
