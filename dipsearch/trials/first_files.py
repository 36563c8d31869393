"""Where the first answer to a picture lies in a study's folder, and what it took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .array_files import finite_of, image_of, read_npz, write_npz

FIRST_FOLDER = "answers"
"""What similar patches made, below the study's folder."""


def first_file(folder: Path, name: str) -> Path:
    """Its file, from all of y: the image as ``x``, and ``seconds``."""
    return folder / FIRST_FOLDER / f"{name}-first.npz"


def write_first(folder: Path, name: str, image: Tensor, *, seconds: float) -> None:
    """Write the first answer to a picture.

    Args:
        image: (1, C, H, W).
        seconds: that one worker needs for it.
    """
    write_npz(
        first_file(folder, name), {"x": image.cpu().numpy(), "seconds": np.array(seconds)}, durable=True
    )


def read_first(folder: Path, name: str) -> tuple[Tensor, float] | None:
    """What ``write_first`` wrote; ``None`` where nothing was.

    Raises:
        FormatError: the file is damaged.
    """
    file = first_file(folder, name)
    if not file.exists():
        return None
    values = read_npz(file)
    seconds = finite_of(values, "seconds", path=file, axes=0) if "seconds" in values else 0.0
    return torch.from_numpy(image_of(values, "x", path=file)), float(seconds)
