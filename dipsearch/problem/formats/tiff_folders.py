"""Folders inside a TIFF: the EXIF and GPS data that a tag reaches by an offset.

They are read as the entries that they are, and appended to the file that is written, with their offsets set anew.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import IO, Literal, NamedTuple

import tifffile

EXIF, GPS = 34665, 34853
FOLDERS = {EXIF: "ExifTag", GPS: "GPSTag"}
WIDTH, HEIGHT = 0xA002, 0xA003
KINDS_BY_SIZE = {1: (1, 2, 6, 7), 2: (3, 8), 4: (4, 9, 11, 13), 8: (5, 10, 12, 16, 17, 18)}
SIZES = {kind: size for size, kinds in KINDS_BY_SIZE.items() for kind in kinds}
INTEROPERABILITY = 0xA005  # a folder in a folder, which says next to nothing
MOST_ENTRIES, MOST_BYTES = 1000, 1 << 24


class FolderEntry(NamedTuple):
    """One entry: its tag, its type, the number of its values, and these."""

    tag: int
    kind: int
    number: int
    content: bytes


Folder = tuple[FolderEntry, ...]


def read_folder(file: tifffile.TiffFile, tag: tifffile.TiffTag) -> Folder | None:
    """Return the entries of the folder that a tag points to; ``None`` when it cannot be read."""
    handle, order = file.filehandle, file.byteorder
    wide = file.is_bigtiff
    try:
        handle.seek(_place(tag, wide=wide))
        (offset,) = (
            struct.unpack(f"{order}I", handle.read(4))
            if int(tag.dtype) in (4, 13)
            else struct.unpack(f"{order}Q", handle.read(8))
        )
        return _folder_at(handle, offset, order=order, wide=wide)
    except (struct.error, OSError, ValueError):
        return None


def folders_of_exif(block: bytes) -> tuple[Literal["<", ">"], Folder, dict[int, Folder]]:
    """Return what a block of EXIF holds: its byte order, its tags, and its folders by the codes of their tags.

    What is damaged is left out.
    """
    handle = io.BytesIO(block)
    order: Literal["<", ">"] = ">" if block[:2] == b"MM" else "<"
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        tags = _folder_at(handle, first, order=order, wide=False)
    except (struct.error, OSError, ValueError):
        return order, (), {}
    folders = {}
    for entry in tags:
        if entry.tag in FOLDERS and len(entry.content) == 4:
            try:
                (place,) = struct.unpack(f"{order}I", entry.content)
                folders[entry.tag] = _folder_at(handle, place, order=order, wide=False)
            except (struct.error, OSError, ValueError):
                continue
    return order, tuple(entry for entry in tags if entry.tag not in FOLDERS), folders


def _folder_at(handle: IO[bytes] | tifffile.FileHandle, offset: int, *, order: str, wide: bool) -> Folder:
    """The entries of a folder, as far as they can be read."""
    handle.seek(offset)
    (entries,) = struct.unpack(f"{order}{'Q' if wide else 'H'}", handle.read(8 if wide else 2))
    size = 20 if wide else 12
    table = handle.read(size * min(entries, MOST_ENTRIES))
    return tuple(
        entry
        for at in range(0, len(table) - size + 1, size)
        if (entry := _entry(handle, table[at : at + size], order=order, wide=wide)) is not None
    )


def append_folder(path: Path, code: int, folder: Folder, *, size: tuple[int, int]) -> None:
    """Append a folder to a TIFF whose first page has a tag for it, and let the tag point there.

    Args:
        path: of the file.
        code: of the tag.
        folder: its entries, in the byte order of the file.
        size: height and width of the picture that it goes with.
    """
    with tifffile.TiffFile(path) as file:
        order, wide, first = file.byteorder, file.is_bigtiff, file.pages.first.offset
    with path.open("r+b") as handle:
        place = _entry_of(handle, code, first, order=order, wide=wide) + (12 if wide else 8)
        begin = handle.seek(0, 2)
        begin += begin % 2
        handle.seek(begin)
        handle.write(
            _encoded([_sized(entry, size, order) for entry in folder], begin, order=order, wide=wide)
        )
        handle.seek(place)
        handle.write(struct.pack(f"{order}I", begin))


def _entry_of(handle: IO[bytes], code: int, folder: int, *, order: str, wide: bool) -> int:
    """Where the entry of a tag stands; tifffile does not show one that points nowhere yet."""
    handle.seek(folder)
    (entries,) = struct.unpack(f"{order}{'Q' if wide else 'H'}", handle.read(8 if wide else 2))
    size, start = 20 if wide else 12, handle.tell()
    table = handle.read(size * entries)
    codes = [struct.unpack_from(f"{order}H", table, size * index)[0] for index in range(entries)]
    return start + size * codes.index(code)


def _encoded(folder: list[FolderEntry], begin: int, *, order: str, wide: bool) -> bytes:
    slot = 8 if wide else 4
    table = struct.pack(f"{order}{'Q' if wide else 'H'}", len(folder))
    after = begin + len(table) + (12 + slot if wide else 12) * len(folder) + slot
    values = b""
    for tag, kind, count, content in folder:
        table += struct.pack(f"{order}HH{'Q' if wide else 'I'}", tag, kind, count)
        if len(content) <= slot:
            table += content.ljust(slot, b"\0")
        else:
            table += struct.pack(f"{order}{'Q' if wide else 'I'}", after + len(values))
            values += content + b"\0" * (len(content) % 2)
    return table + b"\0" * slot + values


def _entry(
    handle: IO[bytes] | tifffile.FileHandle, row: bytes, *, order: str, wide: bool
) -> FolderEntry | None:
    tag, kind, count = struct.unpack_from(f"{order}HH{'Q' if wide else 'I'}", row)
    if kind not in SIZES or tag == INTEROPERABILITY or count * SIZES[kind] > MOST_BYTES:
        return None
    length, slot = count * SIZES[kind], row[12:] if wide else row[8:]
    if length <= len(slot):
        return FolderEntry(tag, kind, count, slot[:length])
    (offset,) = struct.unpack(f"{order}{'Q' if wide else 'I'}", slot)
    handle.seek(offset)
    content = handle.read(length)
    return FolderEntry(tag, kind, count, content) if len(content) == length else None


def _sized(entry: FolderEntry, size: tuple[int, int], order: str) -> FolderEntry:
    if entry.tag not in (WIDTH, HEIGHT) or entry.kind not in (3, 4) or entry.number != 1:
        return entry
    value = size[entry.tag == WIDTH]
    return entry._replace(kind=4, content=struct.pack(f"{order}I", value))


def _place(tag: tifffile.TiffTag, *, wide: bool) -> int:
    """Where the offset itself lies; what tifffile calls the place of the value is that of the folder."""
    return int(tag.offset) + (12 if wide else 8)
