"""A container: everything of a picture file that is no pixel, kept from reading to writing.

The readers of the single formats fill it, an ``Image`` carries it, and ``write_image`` puts it into the file that it
writes. Pictures are turned upright when they are read, so the container says so from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .exif import patched, upright_xmp
from .png_chunks import RAW_PROFILE, XMP, Chunk, made_chunks, of_size
from .tiff_layout import TiffLayout


@dataclass(frozen=True, eq=False)
class JpegTables:
    """How a JPEG was compressed: its quantisation tables, and Pillow's number for its chroma subsampling."""

    quantization: dict[int, list[int]]
    subsampling: int


@dataclass(frozen=True, eq=False)
class Container:
    """What a picture file holds besides its pixels.

    Attributes:
        format: the file's: "PNG", "JPEG", "BMP", "WEBP" or "TIFF".
        size: height and width of the picture when it was read, upright.
        profile: the ICC profile.
        exif: as a block that begins with its byte order.
        xmp: the XMP packet.
        dpi: pixels per inch, across and down.
        turned: whether rows became columns when the picture was turned upright.
        chunks: of a PNG, what is copied as it is.
        jpeg: of a JPEG, how it was compressed.
        tiff: of a TIFF, how it was laid out, and its tags.
        comment: of a JPEG.
        iptc: of a JPEG, what agencies write of a picture.
        factor: how many times finer the pixels lie than they did.
    """

    format: str
    size: tuple[int, int] = (0, 0)
    profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    turned: bool = False
    chunks: tuple[Chunk, ...] = ()
    jpeg: JpegTables | None = None
    tiff: TiffLayout | None = None
    comment: bytes = b""
    iptc: bytes = b""
    factor: float = 1.0

    def of_width(self, width: int) -> Container:
        """Return the container of the same scene where it is ``width`` pixels wide."""
        return self if self.size[1] in (0, width) else replace(self, factor=width / self.size[1])

    def exif_for(self, size: tuple[int, int]) -> bytes | None:
        """Return EXIF for an upright picture of ``size`` (height, width)."""
        return None if self.exif is None else patched(self.exif, size=size)

    def xmp_upright(self) -> bytes | None:
        """Return the XMP packet of the upright picture."""
        return None if self.xmp is None else upright_xmp(self.xmp)

    def resolution(self) -> tuple[float, float] | None:
        """Return pixels per inch, across and down, of what is written."""
        if self.dpi is None:
            return None
        x, y = self.dpi[::-1] if self.turned else self.dpi
        return x * self.factor, y * self.factor

    def chunks_for(self, size: tuple[int, int]) -> list[Chunk]:
        """Return the chunks of a PNG of ``size`` (height, width): its own, or made of what another format knew."""
        if self.format == "PNG":
            return of_size(self.chunks, size=size, turned=self.turned, factor=self.factor)
        return made_chunks(
            profile=self.profile,
            exif=self.exif_for(size),
            xmp=self.xmp_upright(),
            dpi=self.resolution(),
            comment=self.comment,
            iptc=self.iptc,
        )

    def left_out_by(self, suffix: str) -> list[str]:
        """Return in words what a file of this suffix does not keep."""
        parts = []
        folders = self.tiff is not None and self.tiff.folders and suffix not in (".tif", ".tiff")
        if folders or (suffix == ".bmp" and self.exif):
            parts.append("EXIF data")
        if suffix == ".bmp" and self.profile:
            parts.append("colour profile")
        texts = any(
            name in (b"tEXt", b"zTXt", b"iTXt") and not content.lower().startswith((XMP.lower(), RAW_PROFILE))
            for name, content in self.chunks
        )
        if (texts and suffix != ".png") or (self.comment and suffix in (".bmp", ".webp")):
            parts.append("text")
        if self.iptc and suffix in (".bmp", ".webp"):
            parts.append("IPTC data")
        return parts
