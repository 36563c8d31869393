"""The chunks of a PNG that are no pixels: profile, gamma, resolution, EXIF, text; carried over as they are.

A chunk says by its name whether it may be copied by who does not know it, and a list says which others stay true.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .exif import patched, upright_xmp

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = frozenset(
    (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"pHYs", b"eXIf", b"tIME", b"sPLT",
     b"tEXt", b"zTXt", b"iTXt")
)  # fmt: skip
BOUND_TO_PIXELS = (b"tRNS", b"bKGD", b"hIST", b"sBIT", b"acTL", b"fcTL", b"fdAT", b"oFFs", b"iDOT")
INCHES = 0.0254  # of a metre
XMP = b"XML:com.adobe.xmp"
RAW_PROFILE = b"raw profile type "
EXIF_HEAD = b"Exif\0\0"
MOST_BYTES = 1 << 26


class Chunk(NamedTuple):
    """One chunk: its name of four letters, and what it holds."""

    name: bytes
    content: bytes


def kept_chunks(path: Path) -> tuple[Chunk, ...]:
    """Return the chunks of a PNG that stay true of other pixels, in their order."""
    with path.open("rb") as file:
        content = file.read()
    return tuple(chunk for chunk in _chunks(content) if _stays(chunk.name))


def of_size(chunks: Sequence[Chunk], *, size: tuple[int, int], turned: bool, factor: float) -> list[Chunk]:
    """Return the chunks of a picture that was turned upright, and enlarged.

    Args:
        chunks: as they were read.
        size: height and width of the picture that they go with.
        turned: whether rows became columns.
        factor: how many times finer the pixels lie now.
    """
    found = []
    known = any(name == b"eXIf" for name, _ in chunks)
    for name, content in chunks:
        if (exif := _exif_in_text(name, content)) is not None:
            # Readers turn a picture by it, too: it is told once, in the chunk that is made for it.
            name, content, known, told = b"eXIf", exif, True, known
            if told:
                continue
        if name == b"eXIf":
            content = patched(content, size=size)
        elif name == b"iTXt" and content.startswith(XMP):
            content = upright_xmp(content)
        elif name == b"pHYs" and len(content) == 9:
            x, y, unit = struct.unpack(">IIB", content)
            x, y = (y, x) if turned else (x, y)
            content = struct.pack(">IIB", *(min(round(one * factor), 2**31 - 1) for one in (x, y)), unit)
        found.append(Chunk(name, content))
    return found


def made_chunks(
    *,
    profile: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    comment: bytes = b"",
    iptc: bytes = b"",
) -> list[Chunk]:
    """Return the chunks that hold what another format knew: a profile, EXIF, XMP, pixels per inch, comment, IPTC."""
    found = []
    if profile:
        found.append(Chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile)))
    if dpi is not None:
        x, y = (min(round(value / INCHES), 2**31 - 1) for value in dpi)
        found.append(Chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if exif:
        found.append(Chunk(b"eXIf", exif))
    if xmp:
        found.append(Chunk(b"iTXt", XMP + b"\0\0\0\0\0" + xmp))
    if comment := comment.replace(b"\0", b""):
        found.append(_comment(comment))
    if iptc:
        digits = iptc.hex().encode()
        lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
        text = b"\niptc\n%8d\n" % len(iptc) + lines + b"\n"
        found.append(Chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text)))
    return found


def _comment(text: bytes) -> Chunk:
    """A comment, which says nothing of its letters in a JPEG: UTF-8 where it can be that, else Latin 1."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return Chunk(b"tEXt", b"Comment\0" + text)
    return Chunk(
        b"tEXt" if text.isascii() else b"iTXt", b"Comment\0" + b"\0\0\0\0" * (not text.isascii()) + text
    )


def with_chunks(png: bytes, chunks: Sequence[Chunk]) -> bytes:
    """Return a PNG file with more chunks, which stand before its pixels."""
    end = len(SIGNATURE) + 25  # of the header, which comes first
    return png[:end] + b"".join(encoded(chunk) for chunk in chunks) + png[end:]


def encoded(chunk: Chunk) -> bytes:
    """Return a chunk as it stands in a file: length, name, content and check sum."""
    name, content = chunk
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _exif_in_text(name: bytes, content: bytes) -> bytes | None:
    """The EXIF that older programs write as text, in hexadecimal digits; ``None``: it is something else."""
    keyword, _, text = content.partition(b"\0")
    if name not in (b"tEXt", b"zTXt") or not keyword.lower().startswith(RAW_PROFILE):
        return None
    try:
        if name == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], MOST_BYTES)
        # A line each for nothing, the kind and the length come first.
        held = bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except (zlib.error, ValueError):
        return None
    exif = held.removeprefix(EXIF_HEAD)
    return exif if exif[:2] in (b"II", b"MM") else None


def _stays(name: bytes) -> bool:
    """Whether it is known to stay true, or says itself (a small fourth letter) that it may be copied."""
    ancillary, safe = bool(name[0] & 0x20), bool(name[3] & 0x20)
    return name in KEPT or (ancillary and safe and name not in BOUND_TO_PIXELS)


def _chunks(content: bytes) -> Iterator[Chunk]:
    at = len(SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        if at + 12 + length > len(content):
            return
        name = content[at + 4 : at + 8]
        if name != b"IDAT" and length <= MOST_BYTES and name.isalpha():
            yield Chunk(name, content[at + 8 : at + 8 + length])
        at += 12 + length
