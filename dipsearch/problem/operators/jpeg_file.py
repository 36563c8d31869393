"""What a JPEG file holds: the quantised cosine coefficients of its blocks, and their steps."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy.fft import dctn

from ...errors import InputError
from ..formats.raster import refuse_huge

SIDE = 8
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)
SIZE_MARKERS = (0xC0, 0xC1, 0xC2)
"""Of the segment that holds the size of the picture: baseline, extended and progressive."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Of one of Y, Cb, Cr: float32, in grey levels around 0.

    Attributes:
        values: (rows, 8, columns, 8), of every block by vertical and horizontal frequency.
        steps: (8, 1, 8), of which they are multiples.
    """

    values: NDArray[np.float32]
    steps: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class JpegFile:
    """One file.

    Attributes:
        planes: Y, or Y, Cb and Cr.
        shape: (1, C, H, W) of the picture, upright.
        halved: whether Cb and Cr have half as many rows and columns.
        orientation: 1 to 8, as in EXIF: how the picture is turned upright.
    """

    planes: tuple[Coefficients, ...]
    shape: tuple[int, int, int, int]
    halved: bool
    orientation: int


def read_jpeg(path: Path) -> JpegFile:
    """Read the coefficients of a file.

    They come from the decoder's Y, Cb and Cr, before it makes RGB of them, and are brought to the nearest multiples
    of their steps, which undoes the decoder's rounding. Where it cut values to 0 … 255, they may be off.

    Raises:
        InputError: no such file, no JPEG file, a damaged one, or other colours than grey and YCbCr, 4:4:4 or 4:2:0.
    """
    try:
        return _read(path.read_bytes(), path.name)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}", "a JPEG file is needed", "check the spelling") from error
    except Exception as error:
        # Decoders of damaged files raise whatever their bytes lead them to.
        raise InputError(
            f"{path} cannot be read as JPEG ({str(error).splitlines()[0] if str(error) else 'damaged'})",
            "steps and coefficients are read from a JPEG file",
            "give the file as it was first written",
        ) from error


def _read(data: bytes, name: str) -> JpegFile:
    with Pillow.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        image: Any = opened
        width, height = image.size
        refuse_huge(name, height, width)
        tables, layers = image.quantization, image.layer
        orientation = image.getexif().get(ORIENTATION, 1)
        rgb = image.info.get("adobe_transform") == 0 or [layer[0] for layer in layers] == [*b"RGB"]
    sampling = [tuple(layer[1:3]) for layer in layers]
    halved = sampling == [(2, 2), (1, 1), (1, 1)]
    if not (len(layers) == 1 or (len(layers) == 3 and not rgb and (halved or len(set(sampling)) == 1))):
        raise InputError(
            f"{name} has {len(layers)} {'RGB ' * rgb}components sampled {', '.join(f'{h}×{v}' for h, v in sampling)}",
            "grey and YCbCr are read, with chroma in full (4:4:4) or halved (4:2:0)",
            "convert it to PNG and restore that as a picture with noise",
        )
    components = _components(_whole_blocks(data), count=len(layers), halved=halved)
    planes = tuple(
        _quantised(values, np.reshape(tables[layer[3]], (SIDE, SIDE)))
        for values, layer in zip(components, layers, strict=True)
    )
    size = (width, height) if orientation in SIDEWAYS else (height, width)
    return JpegFile(planes, (1, len(layers), *size), halved, orientation)


def _whole_blocks(data: bytes) -> bytes:
    """The file with its size rounded up to whole blocks, so that the decoder shows all that is in them."""
    place = 2
    while data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if marker == 0xFF:  # a filling byte
            place += 1
        elif marker in SIZE_MARKERS:
            sizes = (int.from_bytes(data[start : start + 2]) for start in (place + 5, place + 7))
            rounded = b"".join((-(-size // SIDE) * SIDE).to_bytes(2) for size in sizes)
            return data[: place + 5] + rounded + data[place + 9 :]
        else:
            place += 2 + length
    raise ValueError("it has no size")


def _components(data: bytes, *, count: int, halved: bool) -> list[NDArray[np.float64]]:
    """Y, Cb and Cr around 0, each at its own size."""
    if not halved:
        return list(_decoded(data, scale=1, colours=count == 3))
    # At half the size the decoder has nothing to do for halved chroma: it comes as it was stored.
    return [_decoded(data, scale=1, colours=True)[0], *_decoded(data, scale=2, colours=True)[1:]]


def _decoded(data: bytes, *, scale: int, colours: bool) -> NDArray[np.float64]:
    with Pillow.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if colours:
            image.draft("YCbCr", (image.width // scale, image.height // scale))
        values = np.asarray(image, dtype=np.float64) - 128
    return np.moveaxis(values, 2, 0) if colours else values[None]


def _quantised(values: NDArray[np.float64], table: NDArray[Any]) -> Coefficients:
    """The coefficients of all blocks that lie in the plane as a whole."""
    rows, columns = values.shape[0] // SIDE, values.shape[1] // SIDE
    blocks = values[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    steps = table[:, None, :].astype(np.float64)
    whole = np.rint(dctn(blocks, axes=(1, 3), norm="ortho") / steps) * steps
    return Coefficients(whole.astype(np.float32), steps.astype(np.float32))
