"""Pictures that Pillow reads and writes: PNG, JPEG, BMP and WebP, and the TIFF files that tifffile leaves.

Only these decoders are ever tried, whatever a file says that it is; some of Pillow's others start programs.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import JpegImagePlugin

from ...errors import InputError
from .container import Container, JpegTables
from .exif import ORIENTATION, PREFIX
from .png import png_header, read_png16
from .png_chunks import kept_chunks, with_chunks
from .raster import MAX_PIXELS, Header, Raster, Samples, refuse_huge, upright

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")

IPTC, MOST_IPTC = 0x0404, 65_000  # its number among the parts of Photoshop's segment, and what fits into one

MODES = {"1", "L", "LA", "RGB", "RGBA", "I;16", "F"}


def read_with_pillow(path: Path, *, formats: tuple[str, ...] = FORMATS) -> Raster:
    """Read one picture, turned upright.

    Raises:
        InputError: more than ``MAX_PIXELS`` pixels, an animation, or a colour model other than grey and RGB.
        Exception: whatever Pillow raises for a damaged file; ``read_image`` puts it into words.
    """
    header = png_header(path)
    with _checked(path, formats, header) as image:
        deep = header is not None and header[2] == 16
        samples = (
            read_png16(path, header[3])
            if deep and header
            else _samples(image, path.name, bits=header[2] if header else 8)
        )
        orientation = image.getexif().get(ORIENTATION, 1)
        samples = upright(samples, orientation)
        container = _container(image, path, size=samples.shape[:2], turned=orientation in (5, 6, 7, 8))
    colours = samples.shape[2]
    if colours in (2, 4):
        return Raster(samples[..., :-1], samples[..., -1], _bits(samples), container)
    return Raster(samples, None, _bits(samples), container)


def pillow_header(path: Path) -> Header:
    """What a file says of itself; raises as ``read_with_pillow``."""
    with _checked(path, FORMATS, png_header(path)) as image:
        return Header(_format(image), image.height, image.width)


@contextmanager
def _checked(
    path: Path, formats: tuple[str, ...], header: tuple[int, int, int, int] | None
) -> Iterator[Pillow.Image]:
    """An open picture that is one, and not too large."""
    if header is not None:
        refuse_huge(path.name, *header[:2])
    with _opened(path, formats) as image:
        refuse_huge(path.name, image.height, image.width)
        if getattr(image, "is_animated", False) and image.format != "MPO":
            raise InputError(
                f"{path.name} holds several pictures",
                "one file is one picture",
                "extract the one that you mean",
            )
        yield image


def _format(image: Pillow.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _container(image: Pillow.Image, path: Path, *, size: tuple[int, ...], turned: bool) -> Container:
    """What the file holds besides its pixels."""
    info, kind = image.info, _format(image)
    exif, xmp = info.get("exif"), info.get("xmp") or info.get("XML:com.adobe.xmp")
    dpi = info.get("dpi")
    return Container(
        format=kind,
        size=(size[0], size[1]),
        profile=info.get("icc_profile") or None,
        exif=exif.removeprefix(PREFIX) if isinstance(exif, bytes) and exif else None,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
        turned=turned,
        comment=_bytes(info.get("comment")) if kind == "JPEG" else b"",
        iptc=_bytes((info.get("photoshop") or {}).get(IPTC)) if kind == "JPEG" else b"",
        chunks=kept_chunks(path) if kind == "PNG" else (),
        jpeg=JpegTables(image.quantization, JpegImagePlugin.get_sampling(image))
        if isinstance(image, JpegImagePlugin.JpegImageFile)
        else None,
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@contextmanager
def _opened(path: Path, formats: tuple[str, ...]) -> Iterator[Pillow.Image]:
    # By its path Pillow would map an uncompressed TIFF into memory, and would then forget to turn it.
    with path.open("rb") as file, warnings.catch_warnings():
        # Pillow warns of sizes below our own limit and of odd metadata; neither is the reader's business.
        warnings.simplefilter("ignore")
        try:
            image = Pillow.open(file, formats=formats)
        except Pillow.DecompressionBombError as error:
            raise InputError(
                f"{path.name} declares too many pixels",
                f"at most {MAX_PIXELS:,} pixels are read",
                "crop or reduce the picture first",
            ) from error
        with image:
            yield image


def _samples(image: Pillow.Image, name: str, *, bits: int = 8) -> Samples:
    """The samples of an open picture; ``bits``: as many the file has of each."""
    mode = image.mode
    image.load()
    if mode in ("P", "PA", "YCbCr") or "transparency" in image.info:
        transparent = mode == "PA" or "transparency" in image.info
        grey = mode in ("1", "L")
        if grey and bits in (2, 4) and isinstance(key := image.info.get("transparency"), int):
            # Pillow compares it with the values that it has made larger.
            image.info["transparency"] = key * (255 // (2**bits - 1))
        mode = ("LA" if grey else "RGBA") if transparent else "RGB"
        image = image.convert(mode)
    if mode not in MODES:
        raise InputError(
            f"{name} has the colour model {mode}", "grey and RGB are read", "convert the picture to RGB first"
        )
    samples = np.asarray(image)
    return samples if samples.ndim == 3 else samples[..., None]


def _bits(samples: Samples) -> int:
    if samples.dtype.kind == "f":
        return 32
    return 16 if samples.dtype.itemsize == 2 else 8


def save_with_pillow(path: Path, samples: Samples, container: Container | None = None) -> None:
    """Write (H, W, C) uint8 samples as PNG, JPEG, BMP or WebP, by the suffix; C is 1, 2 (with alpha), 3 or 4.

    PNG, BMP and WebP lose nothing. A JPEG is written with the tables that ``container`` has of one, or else at quality
    95 without subsampling.

    Args:
        container: what else goes into the file.
    """
    squeezed = samples[..., 0] if samples.shape[2] == 1 else samples
    picture, suffix = Pillow.fromarray(np.ascontiguousarray(squeezed)), path.suffix.lower()
    if suffix == ".png":
        picture.save(path)
        if container is not None and (chunks := container.chunks_for((picture.height, picture.width))):
            path.write_bytes(with_chunks(path.read_bytes(), chunks))
        return
    more: dict[str, Any] = {"quality": 95, "subsampling": 0} if suffix in (".jpg", ".jpeg") else {}
    if suffix == ".webp":
        more = {"lossless": True, "exact": True}
    try:
        kept = {} if container is None else _kept(container, (picture.height, picture.width), suffix)
        picture.save(path, **(more | kept))
    except OSError:
        raise
    except Exception:
        if container is None:
            raise
        # What was damaged could be read and cannot be written; the pixels must not be lost for it.
        picture.save(path, **more)


def _kept(container: Container, size: tuple[int, int], suffix: str) -> dict[str, Any]:
    """What Pillow is told to write besides the pixels."""
    dpi = container.resolution()
    kept: dict[str, Any] = {"dpi": tuple(round(one) for one in dpi)} if dpi else {}
    if suffix == ".bmp":
        return {"dpi": dpi} if dpi else {}
    if container.profile:
        kept["icc_profile"] = container.profile
    if exif := container.exif_for(size):
        kept["exif"] = PREFIX + exif
    if xmp := container.xmp_upright():
        kept["xmp"] = xmp
    if suffix == ".webp":
        kept.pop("dpi", None)
        return kept
    if container.comment:
        kept["comment"] = container.comment
    if container.iptc and len(container.iptc) < MOST_IPTC:
        kept["extra"] = _segment_of(container.iptc)
    if container.jpeg is not None:
        kept |= {"qtables": container.jpeg.quantization, "subsampling": container.jpeg.subsampling}
        kept["quality"] = -1  # of Pillow: the tables say it
    return kept


def _segment_of(iptc: bytes) -> bytes:
    """The segment of a JPEG that holds IPTC, as Photoshop has it."""
    held = (
        b"Photoshop 3.0\0"
        + b"8BIM"
        + struct.pack(">HHI", IPTC, 0, len(iptc))
        + iptc
        + b"\0" * (len(iptc) % 2)
    )
    return b"\xff\xed" + struct.pack(">H", len(held) + 2) + held
