"""A picture whose header does not say that its result has another suffix."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def transparent_bmp(path: Path) -> str:
    """A BMP with an alpha channel, which Pillow reads and does not write; its result is a PNG."""
    pixels = np.random.default_rng(0).integers(1, 255, (24, 24, 4)).astype(np.uint8).tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, 24, 24, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"sRGB" + bytes(48)
    path.write_bytes(struct.pack("<2sIII", b"BM", 122 + len(pixels), 0, 122) + header + masks + pixels)
    return str(path)
