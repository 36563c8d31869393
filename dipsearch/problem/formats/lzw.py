"""LZW, the commonest compression of TIFF, which tifffile leaves to a package of its own.

Pillow brings libtiff, which knows it: the bytes of a strip are wrapped in a TIFF of one grey row, and Pillow reads or
writes that. So 16 bits per sample and any number of channels are read, and written in the compression that they had.
"""

from __future__ import annotations

import io
import struct
from importlib.util import find_spec
from typing import Any

import numpy as np
import tifffile
from PIL import Image as Pillow

LZW = 5


def enable_lzw() -> None:
    """Let tifffile read and write LZW, where the package imagecodecs does not."""
    if find_spec("imagecodecs") is None:
        for codecs, codec in (
            (tifffile.TIFF.DECOMPRESSORS, decode_lzw),
            (tifffile.TIFF.COMPRESSORS, encode_lzw),
        ):
            known: dict[int, Any] = getattr(
                codecs, "_codecs", {}
            )  # where tifffile keeps those that it has found
            known.setdefault(LZW, codec)


def decode_lzw(data: bytes, /, *, out: Any = None) -> bytes:
    """Return what was compressed; ``out`` is its length in bytes, or a buffer of that length.

    Raises:
        ValueError: the length is not known, or the bytes are no LZW.
    """
    length = out if isinstance(out, int) else len(out) if out is not None else 0
    if length <= 0:
        raise ValueError("the length of an LZW segment is not known")
    with Pillow.open(io.BytesIO(_one_row(data, length)), formats=("TIFF",)) as image:
        image.load()
        return image.tobytes()


def encode_lzw(data: Any, /, **more: Any) -> bytes:
    """Return bytes compressed; further arguments, which tifffile may hand over, change nothing."""
    del more
    row = np.frombuffer(bytes(data), np.uint8)[None]
    file = io.BytesIO()
    # 65 kB are one strip of Pillow's by default, and the whole row is to be one.
    Pillow.fromarray(row).save(file, "TIFF", compression="tiff_lzw", strip_size=row.size)
    file.seek(0)
    with tifffile.TiffFile(file) as written:
        page = written.pages.first
        (offset,), (length,) = page.dataoffsets, page.databytecounts
        return file.getvalue()[offset : offset + length]


def _one_row(data: bytes, length: int) -> bytes:
    """A TIFF of one grey row of ``length`` pixels, whose only strip is ``data``."""
    entries = ((256, 4, length), (257, 4, 1), (258, 3, 8), (259, 3, LZW), (262, 3, 1), (273, 4, 8), (277, 3, 1),
               (278, 4, 1), (279, 4, len(data)))  # fmt: skip
    start = 8 + len(data) + len(data) % 2
    table = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        table += struct.pack("<HHII", tag, kind, 1, value)
    return b"II*\0" + struct.pack("<I", start) + data + b"\0" * (len(data) % 2) + table + b"\0" * 4
