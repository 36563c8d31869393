"""What was delivered of arrays, as it was worked on: to the bit, which a file in their units and type does not hold."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..plain_files import inside_or_none
from .array_files import image_of, read_npz, write_x
from .first_files import FIRST_FOLDER


def write_delivered(folder: Path, name: str, image: Tensor) -> None:
    """Keep the image (1, C, H, W), about in [0, 1], that was delivered of a study's array."""
    write_x(folder / _file(name), image.detach())


def read_delivered(folder: Path, name: str) -> Tensor | None:
    """What ``write_delivered`` wrote, on the CPU; ``None`` where nothing was.

    Raises:
        FormatError: the file is damaged.
    """
    file = inside_or_none(folder, _file(name))
    return None if file is None else torch.from_numpy(image_of(read_npz(file), "x", path=file))


def _file(name: str) -> str:
    return f"{FIRST_FOLDER}/{name}-delivered.npz"
