"""PNG with 16 bits per sample, which Pillow alone reduces to 8 bits.

Reading lets Pillow check, inflate and unfilter the file and asks its raw decoder for the bytes that it would
drop: once for the high byte of every sample and once for the low one. So there is no second PNG parser to
trust with hostile files, and interlaced pictures come for free. Writing needs no decoder at all: three chunks
and zlib.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from .png_chunks import SIGNATURE, Chunk, encoded
from .raster import Samples

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> grey, grey and alpha, RGB, RGBA


def png_header(path: Path) -> tuple[int, int, int, int] | None:
    """Return (height, width, bits, colour type) as the header declares them, or None when it is no PNG."""
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or not start.startswith(SIGNATURE) or start[12:16] != b"IHDR":
        return None
    width, height, bits, colour_type = struct.unpack(">IIBB", start[16:26])
    return height, width, bits, colour_type


def read_png16(path: Path, colour_type: int) -> Samples:
    """Return the (H, W, C) uint16 samples of a 16-bit PNG, alpha last where the file has one.

    A transparent colour (the tRNS chunk) becomes an alpha channel.
    """
    samples: Samples
    match colour_type:
        case 0:
            samples = _raw(path, None)[..., None].astype(np.uint16)
        case 4:  # grey and alpha: four bytes per pixel, which is how 8-bit RGBA lies in the file
            pairs = _raw(path, "RGBA").astype(np.uint16)
            samples = pairs[..., 0::2] << 8 | pairs[..., 1::2]
        case _:
            mode = "RGB" if colour_type == 2 else "RGBA"
            # Read as little-endian, a big-endian sample yields its low byte where the high one is expected.
            high, low = _raw(path, f"{mode};16B"), _raw(path, f"{mode};16L")
            samples = high.astype(np.uint16) << 8 | low
    key = _transparent_colour(path)
    if key is not None and colour_type in (0, 2):
        visible = (samples != np.asarray(key, dtype=np.uint16)).any(axis=-1, keepdims=True)
        samples = np.concatenate([samples, visible.astype(np.uint16) * 65535], axis=-1)
    return samples


def encode_png16(samples: NDArray[np.uint16], chunks: Sequence[Chunk] = ()) -> bytes:
    """Return the bytes of a PNG for (H, W, C) uint16 samples; C is 1, 2 (with alpha), 3 or 4 (with alpha).

    Args:
        chunks: that stand before the pixels.
    """
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, width * channels).view(np.uint8)
    # Filter 1, "sub": each byte minus the one a pixel to the left. Cheap, and about a third smaller.
    filtered = rows.copy()
    filtered[:, 2 * channels :] -= rows[:, : -2 * channels]
    lines = np.concatenate([np.ones((height, 1), np.uint8), filtered], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    pixels = Chunk(b"IDAT", zlib.compress(lines.tobytes(), 6))
    every = (Chunk(b"IHDR", header), *chunks, pixels, Chunk(b"IEND", b""))
    return SIGNATURE + b"".join(encoded(chunk) for chunk in every)


def _raw(path: Path, raw_mode: str | None) -> Samples:
    with Pillow.open(path, formats=("PNG",)) as image:
        if raw_mode is not None:
            image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
        image.load()
        return np.asarray(image)


def _transparent_colour(path: Path) -> int | tuple[int, ...] | None:
    with Pillow.open(path, formats=("PNG",)) as image:
        image.load()  # the chunk may stand after the first data
        return image.info.get("transparency")
