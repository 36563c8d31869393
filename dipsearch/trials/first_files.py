"""Where the first answer to a picture lies in a study's folder, and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from .array_files import finite_of, image_of, read_npz, write_npz

FIRST_FOLDER = "answers"
"""What similar patches made, below the study's folder."""

Made = Literal["as usual", "hurried", "by a quick method"]
"""How similar patches restored a picture: by the usual settings, by less thorough ones, or something else did."""


@dataclass(frozen=True, eq=False)
class KeptFirst:
    """A first answer as it is kept.

    Args:
        image: from all of y, (1, C, H, W).
        seconds: that one worker needs for it.
        made: how it was made.
        usually: seconds that similar patches would have needed, where that is known of what was made quickly; else 0.
            It is of the moment, and in no file.
    """

    image: Tensor
    seconds: float
    made: Made = "as usual"
    usually: float = 0.0

    @property
    def rank(self) -> tuple[int, float]:
        """The higher, the more thorough: by how it was made, and of hurried ones by the seconds that went into it.

        Hurried ones differ by their settings, and by how many tiles a quick method did when the time was over.
        """
        return -get_args(Made).index(self.made), self.seconds if self.made == "hurried" else 0.0


def first_file(folder: Path, name: str) -> Path:
    """Its file, from all of y: the image as ``x``, ``seconds``, and how it was ``made``."""
    return folder / FIRST_FOLDER / f"{name}-first.npz"


def write_first(folder: Path, name: str, first: KeptFirst) -> None:
    """Write the first answer to a picture."""
    values = {
        "x": first.image.cpu().numpy(),
        "seconds": np.array(first.seconds),
        "made": np.array(get_args(Made).index(first.made)),
    }
    write_npz(first_file(folder, name), values, durable=True)


def read_first(folder: Path, name: str) -> KeptFirst | None:
    """What ``write_first`` wrote; ``None`` where nothing was.

    Raises:
        FormatError: the file is damaged.
    """
    file = first_file(folder, name)
    if not file.exists():
        return None
    values = read_npz(file)
    # What a worker has just written has the image alone.
    seconds = finite_of(values, "seconds", path=file, axes=0) if "seconds" in values else 0.0
    made = int(finite_of(values, "made", path=file, axes=0)) if "made" in values else 0
    ways = dict(enumerate(get_args(Made)))
    return KeptFirst(
        torch.from_numpy(image_of(values, "x", path=file)), float(seconds), ways.get(made, "as usual")
    )
