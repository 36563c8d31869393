"""The pictures that warm starts are measured on: unlike those that weights are learnt from."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from .warm_rows import FRESH, TUNING

WARM_DAMAGES = ("gaussian-25-clipped", "missing-50", "sr-4")

WARM_PICTURES: dict[str, tuple[tuple[str, str], ...]] = {
    TUNING: (
        ("set14/monarch.png", "photo"),
        ("set14/zebra.png", "texture"),
        ("set14/ppt3.png", "text"),
        ("set14/pepper.png", "photo"),
    ),
    FRESH: (
        ("set5/head.png", "face"),
        ("sample:page", "text"),
        ("sample:cell", "microscope"),
        ("sample:brick", "texture"),
        ("set5/butterfly.png", "photo"),
        ("sample:ihc", "microscope"),
        ("kodak/kodim19.png", "photo"),
        ("set5/woman.png", "face"),
        ("inpainting11/fingerprint.png", "texture"),
        ("sample:text", "text"),
        ("kodak/kodim20.png", "photo"),
        ("sample:grass", "texture"),
    ),
}
"""Files are below a folder. On the first ones a way of learning may be chosen; tables report the others."""


def warm_sources(data: Path | None, pictures: str) -> list[tuple[str, str]]:
    """The pictures and what they show; without a folder those that come with scikit-image.

    Raises:
        InputError: the folder lacks one.
    """
    found = []
    for name, kind in WARM_PICTURES[pictures]:
        source = name if name.startswith("sample:") or data is None else str(data / name)
        if source.startswith("sample:"):
            found.append((source, kind))
        elif data is not None:
            if not Path(source).is_file():
                raise InputError(
                    f"{source} is not there", "it is one of the pictures of this table", "give their folder"
                )
            found.append((source, kind))
    return found
