"""What is in odd picture files: a smooth picture of any type, and how a TIFF is written with it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

HEIGHT, WIDTH = 40, 48
Samples = NDArray[Any]


@dataclass(frozen=True)
class OddFile:
    """One file: its name, how it is written, and the word of its refusal where it cannot be restored."""

    name: str
    write: Callable[[Path], object]
    refused: str = ""


def pixels(channels: int, dtype: str = "u1") -> Samples:
    """A smooth picture (H, W, C) with a little noise, over most of the range of its type; floats beyond [0, 1]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(7).normal(0, 0.03, (HEIGHT, WIDTH, channels))
    waves = [0.5 + 0.4 * np.sin(rows / (5 + 2 * c)) * np.cos(columns / (7 + c)) for c in range(channels)]
    unit = np.clip(np.stack(waves, axis=2) + noise, 0, 1)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (300 * unit - 20).astype(kind)
    low, high = (
        (-2000, 3000)
        if kind.kind == "i"
        else (0, min(int(np.iinfo(kind).max), 4095 if kind.itemsize == 4 else 65535))
    )
    return np.rint(low + unit * (high - low)).astype(kind)


def tiff_of(samples: Samples, **options: Any) -> Callable[[Path], object]:
    values = samples[..., 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples

    def write(path: Path) -> None:
        file = io.BytesIO()
        opening = {key: options[key] for key in ("bigtiff", "byteorder", "imagej") if key in options}
        rest = {key: value for key, value in options.items() if key not in opening}
        with tifffile.TiffWriter(file, **opening, ome=".ome." in path.name) as writer:
            writer.write(values, **rest)
        path.write_bytes(file.getvalue())

    return write
