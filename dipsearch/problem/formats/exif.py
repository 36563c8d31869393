"""EXIF: what a camera wrote of a picture, kept byte for byte but for what stops being true.

A block of EXIF is a little TIFF file of its own, full of offsets. It is patched in place and never written anew, so
that makers' notes, which point into it, survive. What changes: the orientation, since pictures are turned upright;
their width and height; and the link to the thumbnail, which shows the picture as it was.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

PREFIX = b"Exif\0\0"
ORIENTATION, EXIF_FOLDER = 0x0112, 0x8769
WIDTHS, HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
TEXT, SHORT, LONG = 2, 3, 4

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))\s*[2-8]")


class Entry(NamedTuple):
    """One entry of a folder: its tag, its type, the number of its values, and where its value lies in the block."""

    tag: int
    kind: int
    number: int
    place: int


def patched(block: bytes, *, size: tuple[int, int]) -> bytes:
    """Return EXIF of an upright picture.

    Args:
        block: with or without ``Exif\\0\\0`` before it; what is damaged comes back as it was.
        size: height and width of the picture that it goes with.
    """
    start = len(PREFIX) if block.startswith(PREFIX) else 0
    content = bytearray(block[start:])
    order = {b"II": "<", b"MM": ">"}.get(bytes(content[:2]))
    if order is None:
        return bytes(content)
    try:
        (first,) = struct.unpack_from(f"{order}I", content, 4)
        inner: list[int] = []
        for entry in _entries(content, first, order):
            if entry.tag == ORIENTATION:
                _put(content, entry, 1, order)
            elif entry.tag == EXIF_FOLDER:
                inner.extend(struct.unpack_from(f"{order}I", content, entry.place))
        for folder in (first, *inner):
            for entry in _entries(content, folder, order):
                if entry.tag in (*WIDTHS, *HEIGHTS):
                    _put(content, entry, size[entry.tag in WIDTHS], order)
        (entries,) = struct.unpack_from(f"{order}H", content, first)
        struct.pack_into(f"{order}I", content, first + 2 + 12 * entries, 0)  # no further folder: no thumbnail
    except struct.error:
        pass  # cut short: what there is of it stays
    return bytes(content)


def exif_of(texts: dict[int, bytes]) -> bytes | None:
    """Return a block of EXIF that holds these texts by their tags; ``None`` where there are none."""
    if not texts:
        return None
    table, values = struct.pack("<H", len(texts)), b""
    after = 8 + 2 + 12 * len(texts) + 4
    for tag, text in sorted(texts.items()):
        held = text + b"\0"
        place = held.ljust(4, b"\0") if len(held) <= 4 else struct.pack("<I", after + len(values))
        table += struct.pack("<HHI", tag, TEXT, len(held)) + place
        values += b"" if len(held) <= 4 else held + b"\0" * (len(held) % 2)
    return b"II*\0" + struct.pack("<I", 8) + table + bytes(4) + values


def upright_xmp(packet: bytes) -> bytes:
    """Return an XMP packet that says that the picture is upright."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", packet)


def _entries(content: bytearray, folder: int, order: str) -> Iterator[Entry]:
    (entries,) = struct.unpack_from(f"{order}H", content, folder)
    for at in range(folder + 2, folder + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(f"{order}HHI", content, at)
        yield Entry(tag, kind, count, at + 8)


def _put(content: bytearray, entry: Entry, value: int, order: str) -> None:
    if entry.kind in (SHORT, LONG) and entry.number == 1 and not (entry.kind == SHORT and value > 0xFFFF):
        struct.pack_into(f"{order}{'H' if entry.kind == SHORT else 'I'}", content, entry.place, value)
