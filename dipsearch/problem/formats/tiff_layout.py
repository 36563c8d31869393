"""The layout of a TIFF: how its samples lie, and the tags that say something else than that.

Tags are taken as the bytes that they are and written back in the same byte order: profiles, resolutions, dates, what
ImageJ, OME and map makers write. Folders of EXIF and GPS, which are reached by an offset, are in ``tiff_folders``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import tifffile

from .exif import ORIENTATION, upright_xmp
from .stack import Stack
from .tiff_folders import FOLDERS, Folder, FolderEntry, read_folder

DESCRIPTION, SOFTWARE, X_RESOLUTION, Y_RESOLUTION, UNIT, XMP = 270, 305, 282, 283, 296, 700
LAYERS = 37724
"""What Photoshop shows in the place of the picture, so that it must not go along with another one."""
PIXEL_SCALE, TO_GROUND = (
    33550,
    34264,
)  # of GeoTIFF: the size of a pixel on the ground, or a matrix that has it
# What the writer says by itself, what belongs to a compression, and what lies elsewhere in the file.
STRUCTURE = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338,
     339, 347, 400, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 32997, 32998, 40965,
     ORIENTATION, DESCRIPTION, SOFTWARE, X_RESOLUTION, Y_RESOLUTION, UNIT, LAYERS, *FOLDERS)
)  # fmt: skip
UNITS = (1, 2, 3)  # of a resolution: none, inch, centimetre
LOSSLESS = {1: None, 5: "lzw", 8: "zlib", 32946: "zlib", 34925: "lzma", 32773: "zlib"}
"""Compressions by the number of their tag. PackBits becomes Deflate; what loses something becomes it, too."""

_IMAGEJ_COUNTS = (b"images", b"channels", b"slices", b"frames", b"hyperstack", b"loop")
_OME_SIZES = ("SizeX", "SizeY")
_OME_SCALES = ("PhysicalSizeX", "PhysicalSizeY")


@dataclass(frozen=True, eq=False)
class TiffLayout:
    """How a TIFF was laid out.

    Attributes:
        byteorder: "<" or ">".
        bigtiff: whether its offsets have 64 bits.
        samples: "contig" (interleaved), "separate" (planes of one page), or "pages" (a page each).
        white_is_zero: whether small values are bright.
        rgb: whether the first three channels are red, green and blue.
        alpha: of ExtraSamples, how alpha is stored: 1 multiplied into the colours, 2 apart; 0: there is none.
        compression: a word of tifffile; ``None``: none.
        predictor: whether differences of neighbours are compressed.
        tile: height and width of its tiles; ``None``: it has strips.
        rows: of a strip.
        dtype: of its samples.
        descriptions: its ImageDescription tags; the first one is the file's.
        software: its Software tag.
        resolution: numerator and denominator, across and down.
        unit: of the resolution.
        oriented: whether a tag says which way is up.
        tags: the others.
        folders: of EXIF and GPS, by the code of their tag.
        copies: how many smaller copies of the picture the file holds, too.
        layers: whether it holds layers of Photoshop, too.
        stack: the axes of the stack that the picture is a plane of; ``None``: it is none.
    """

    byteorder: Literal["<", ">"]
    bigtiff: bool
    samples: str
    white_is_zero: bool
    alpha: int
    compression: str | None
    predictor: bool
    tile: tuple[int, int] | None
    rows: int | None
    dtype: np.dtype[Any]
    descriptions: tuple[bytes, ...]
    software: bytes | None
    resolution: tuple[tuple[int, int], tuple[int, int]] | None
    unit: int | None
    oriented: bool
    tags: Folder
    folders: dict[int, Folder]
    stack: Stack | None = None
    rgb: bool = False
    copies: int = 0
    layers: bool = False

    def beside(self) -> str:
        """What else the file holds that is not read and not written again, in words; empty where nothing."""
        copies = f"{self.copies} smaller {'copy' if self.copies == 1 else 'copies'}" if self.copies else ""
        return " and ".join(
            words for words in (copies, "layers of Photoshop" if self.layers else "") if words
        )

    def described(self, shape: tuple[int, ...], *, factor: float) -> list[bytes]:
        """Return the descriptions of a picture of another size, or with other channels.

        Args:
            shape: of what is written: (H, W), (H, W, C) or (C, H, W).
            factor: how many times finer its pixels lie.
        """
        return [_described(one, shape, factor) for one in self.descriptions]

    def of_plane(self, pages: int) -> TiffLayout:
        """Return the layout of one picture of the stack, that says how large its pixels are and counts no others.

        Args:
            pages: of the file that is written; one, or one for each channel.
        """
        alone = [_of_plane(one, pages) for one in self.descriptions]
        return replace(self, descriptions=tuple(one for one in alone if one))

    def tags_for(self, *, factor: float) -> list[tuple[Any, int, int, Any, bool]]:
        """Return the other tags as tifffile takes them."""
        found: list[tuple[Any, int, int, Any, bool]] = [(ORIENTATION, 3, 1, 1, True)] if self.oriented else []
        for code, kind, count, content in self.tags:
            if code == XMP:
                content = upright_xmp(content)
            elif code == PIXEL_SCALE and kind == 12 and count >= 2:
                scale = np.frombuffer(content, f"{self.byteorder}f8").copy()
                scale[:2] /= factor
                content = scale.tobytes()
            elif code == TO_GROUND and kind == 12 and count == 16:
                matrix = np.frombuffer(content, f"{self.byteorder}f8").copy().reshape(4, 4)
                matrix[:, :2] /= factor
                content = matrix.tobytes()
            found.append((code, kind, count, content, True))
        return found


def layout_of(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> TiffLayout:
    """Return the layout of the picture that is the first series of an open file."""
    page: tifffile.TiffPage = series.keyframe
    turned = page.tags.valueof(ORIENTATION, 1) in (5, 6, 7, 8)
    tags = [
        _raw(file, tag) for tag in page.tags if tag.code not in STRUCTURE and tag.valuebytecount <= 1 << 26
    ]
    extras = [int(extra) for extra in page.extrasamples]
    across, down = _ratio(page.tags.valueof(X_RESOLUTION)), _ratio(page.tags.valueof(Y_RESOLUTION))
    resolution = None if across is None or down is None else (across, down)
    unit = page.tags.valueof(UNIT, 0)
    separate = page.planarconfig == 2 and page.samplesperpixel > 1
    return TiffLayout(
        byteorder=file.byteorder,
        bigtiff=file.is_bigtiff,
        samples="pages" if len(series.pages) > 1 else "separate" if separate else "contig",
        white_is_zero=page.photometric == 0,
        rgb=page.photometric == 2,
        alpha=next((extra for extra in extras if extra in (1, 2)), 0),
        compression=LOSSLESS.get(int(page.compression), "zlib"),
        predictor=int(page.predictor) == 2,
        tile=(page.tilelength, page.tilewidth) if page.is_tiled else None,
        rows=None if page.is_tiled else int(page.rowsperstrip) or None,
        dtype=np.dtype(page.dtype or "u1"),
        descriptions=tuple(
            _raw(file, tag).content.rstrip(b"\0") for tag in page.tags.getall(DESCRIPTION) or ()
        ),
        software=None if SOFTWARE not in page.tags else _raw(file, page.tags[SOFTWARE]).content.rstrip(b"\0"),
        resolution=(resolution[::-1] if turned else resolution) if resolution else None,
        unit=int(unit) if isinstance(unit, int) and unit in UNITS else None,
        oriented=ORIENTATION in page.tags,
        copies=len(series.levels) - 1,
        layers=LAYERS in page.tags,
        tags=tuple(tags),
        folders={
            code: folder
            for code in FOLDERS
            if code in page.tags and (folder := read_folder(file, page.tags[code])) is not None
        },
    )


def _ratio(value: Any) -> tuple[int, int] | None:
    """A numerator and a denominator, where it is that."""
    pair = isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, int) for one in value)
    return (value[0], value[1]) if pair and value[0] >= 0 and value[1] > 0 else None


def _raw(file: tifffile.TiffFile, tag: tifffile.TiffTag) -> FolderEntry:
    file.filehandle.seek(tag.valueoffset)
    return FolderEntry(tag.code, int(tag.dtype), int(tag.count), file.filehandle.read(tag.valuebytecount))


def _described(text: bytes, shape: tuple[int, ...], factor: float) -> bytes:
    """A description that names the number or the size of the pixels, for other ones."""
    if factor != 1 and text.lstrip().startswith(b"<") and b"OME" in text:
        for name in _OME_SIZES:
            text = re.sub(rb'\b(%s=")(\d+)"' % name.encode(), lambda m: _times(m, factor), text)
        for name in _OME_SCALES:
            text = re.sub(rb'\b(%s=")([\d.eE+-]+)"' % name.encode(), lambda m: _divided(m, factor), text)
        return text
    if text.startswith(b'{"shape"'):
        try:
            content = json.loads(text)
        except ValueError:
            return text
        return text if content["shape"] == [*shape] else json.dumps({**content, "shape": [*shape]}).encode()
    return text


def _of_plane(text: bytes, pages: int) -> bytes:
    """The description of one picture of a stack; empty where it is not known what it says of the others."""
    if text.startswith(b"ImageJ="):
        head, *lines = text.split(b"\n")
        kept = [line for line in lines if line and line.partition(b"=")[0] not in _IMAGEJ_COUNTS]
        counts = [b"images=%d" % pages, b"channels=%d" % pages] if pages > 1 else []
        return b"\n".join([head, *counts, *kept, b""])
    if b"<OME" in text and len(re.findall(rb"<Image\b", text)) == 1:
        text = re.sub(rb'\b(Size[ZT]=")\d+"', rb'\g<1>1"', text)
        text = re.sub(rb"<(TiffData|Plane)\b(?:[^>]*/>|.*?</\1>)", b"", text, flags=re.DOTALL)
        return re.sub(
            rb"(<Pixels\b[^>]*?)(?:/>|>(.*?)</Pixels>)",
            rb'\g<1>>\g<2><TiffData IFD="0" PlaneCount="%d"/></Pixels>' % pages,
            text,
            flags=re.DOTALL,
        )
    return b""


def _times(match: re.Match[bytes], factor: float) -> bytes:
    return match[1] + str(round(int(match[2]) * factor)).encode() + b'"'


def _divided(match: re.Match[bytes], factor: float) -> bytes:
    return match[1] + repr(float(match[2]) / factor).encode() + b'"'
