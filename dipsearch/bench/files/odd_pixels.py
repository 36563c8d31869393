"""What is in odd picture files: a smooth picture of any type, and how a TIFF is written with it.

Those of microscopes are among them: ImageJ's, OME's, stacks.
"""

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


def microscopes() -> list[OddFile]:
    unit = {"axes": "YX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.1}
    channels = {
        "axes": "CYX",
        "PhysicalSizeX": 0.1,
        "PhysicalSizeY": 0.2,
        "Channel": {"Name": ["DAPI", "GFP"]},
    }
    two = np.moveaxis(pixels(2, "u2"), 2, 0)
    return [
        OddFile(
            "imagej.tif",
            tiff_of(pixels(1, "u2"), imagej=True, resolution=(10, 10), metadata={"unit": "um", "min": 5.0}),
        ),
        OddFile(
            "imagej_float.tif", tiff_of(pixels(1, "f4"), imagej=True, metadata={"Info": "of a microscope"})
        ),
        OddFile(
            "imagej_channels.tif",
            tiff_of(
                two,
                imagej=True,
                resolution=(10, 10),
                metadata={"axes": "CYX", "unit": "um", "Labels": ["a", "b"]},
            ),
        ),
        OddFile("one.ome.tif", tiff_of(pixels(1, "u2"), metadata=unit)),
        OddFile("channels.ome.tif", tiff_of(two, metadata=channels, compression="zlib")),
        OddFile("big.ome.tif", tiff_of(two, metadata=channels, bigtiff=True, tile=(16, 16))),
        OddFile("named.tif", tiff_of(two, metadata={"axes": "CYX"}, photometric="minisblack")),
    ]


def films() -> list[OddFile]:
    """Stacks, every plane or channel of which is restored, and which come back as one file."""
    frames = np.stack([np.roll(pixels(1, "u2")[..., 0], n, axis=1) for n in range(6)])
    deep = frames.reshape(3, 2, HEIGHT, WIDTH)
    tens = {"unit": "um", "finterval": 0.5, "fps": 2.0}
    sizes = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2, "PhysicalSizeZ": 0.5, "TimeIncrement": 0.5}
    return [
        OddFile(
            "film_imagej.tif",
            tiff_of(frames, imagej=True, resolution=(10, 10), metadata={"axes": "TYX", **tens}),
        ),
        OddFile(
            "depths_imagej.tif",
            tiff_of(frames.astype("f4"), imagej=True, metadata={"axes": "ZYX", "spacing": 0.3, "unit": "um"}),
        ),
        OddFile(
            "channels_of_a_film_imagej.tif",
            tiff_of(deep, imagej=True, metadata={"axes": "TCYX", **tens, "Labels": list("abcdef")}),
        ),
        OddFile("film.ome.tif", tiff_of(frames, metadata={"axes": "TYX", **sizes}, compression="zlib")),
        OddFile(
            "depths_of_a_film.ome.tif",
            tiff_of(deep, metadata={"axes": "TZYX", **sizes}, bigtiff=True),
        ),
        OddFile(
            "film_in_colours.tif",
            tiff_of(np.stack([pixels(3), pixels(3)[::-1]]), photometric="rgb", metadata={"axes": "TYXS"}),
        ),
    ]
