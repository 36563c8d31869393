"""Picture files of every kind that people have: depths, colour models, layouts and all that is no pixel, made anew.

Each stands for a reported trouble: a profile lost, a scan without its resolution, a microscope's axes gone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from ...problem.formats.png import encode_png16
from ...problem.formats.png_chunks import Chunk
from .odd_pixels import HEIGHT, WIDTH, OddFile, Samples, films, microscopes, pixels, tiff_of


def odd_files() -> list[OddFile]:
    """All of them, in the order of the table."""
    return [*_png(), *_jpeg(), *_others(), *_tiff(), *microscopes(), *films(), *_refused()]


def profile() -> bytes:
    """The ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int = 1) -> bytes:
    """EXIF as cameras write it, with a maker's note, a position and a size."""
    made = Pillow.Exif()
    made[0x010F], made[0x0110], made[0x0112] = "Camera", "Model 7", orientation
    folder = made.get_ifd(0x8769)
    folder[0x829A], folder[0x9003], folder[0x927C] = (1, 250), "2024:05:06 07:08:09", b"note of the maker"
    folder[0xA002], folder[0xA003] = WIDTH, HEIGHT
    made.get_ifd(0x8825)[1] = "N"
    return made.tobytes()


def _png() -> list[OddFile]:
    text = PngInfo()
    text.add_text("Author", "Somebody")
    text.add_text("Comment", "compressed " * 20, zip=True)
    text.add_itxt("Title", "Ein Bild – mit Umlaut ä", "de", "Titel")
    found = [
        OddFile("grey8.png", lambda p: _pillow(pixels(1), p)),
        OddFile("rgb8.png", lambda p: _pillow(pixels(3), p)),
        OddFile("rgba8.png", lambda p: _pillow(_with_alpha(pixels(3)), p)),
        OddFile("grey_alpha8.png", lambda p: _pillow(_with_alpha(pixels(1)), p)),
        OddFile("grey16.png", lambda p: p.write_bytes(encode_png16(pixels(1, "u2")))),
        OddFile("rgb16_profile.png", lambda p: p.write_bytes(encode_png16(pixels(3, "u2"), _chunks()))),
        OddFile("rgba16.png", lambda p: p.write_bytes(encode_png16(_with_alpha(pixels(3, "u2"))))),
        OddFile("palette.png", lambda p: Pillow.fromarray(pixels(3)).quantize(64).save(p, dpi=(200, 200))),
        OddFile(
            "palette_profile.png",
            lambda p: Pillow.fromarray(pixels(3)).quantize(9).save(p, icc_profile=profile()),
        ),
        OddFile("one_bit.png", lambda p: Pillow.fromarray(pixels(1)[..., 0] > 127).save(p, dpi=(600, 600))),
        OddFile("profile.png", lambda p: _pillow(pixels(3), p, icc_profile=profile(), dpi=(300, 300))),
        OddFile("text.png", lambda p: _pillow(pixels(3), p, pnginfo=text)),
        OddFile("not_square.png", lambda p: _pillow(pixels(1), p, dpi=(300, 150))),
        OddFile("camera.png", lambda p: _pillow(pixels(3), p, exif=exif(), icc_profile=profile())),
    ]
    return [*found, *(OddFile(f"turned{n}.png", _turned(n, dpi=(300, 150))) for n in range(1, 9))]


def _turned(orientation: int, **options: Any) -> Callable[[Path], object]:
    """A picture that EXIF says to turn."""
    return lambda path: _pillow(pixels(3), path, exif=exif(orientation), **options)


def _jpeg() -> list[OddFile]:
    return [
        OddFile("grey.jpg", lambda p: _pillow(pixels(1), p, quality=90)),
        OddFile(
            "photo.jpg",
            lambda p: _pillow(pixels(3), p, quality=92, icc_profile=profile(), dpi=(72, 72), exif=exif()),
        ),
        OddFile(
            "described.jpg",
            lambda p: _pillow(pixels(3), p, xmp=b'<x:xmpmeta>tiff:Orientation="1"</x:xmpmeta>'),
        ),
        *(OddFile(f"turned{n}.jpg", _turned(n, icc_profile=profile())) for n in range(1, 9)),
    ]


def _others() -> list[OddFile]:
    return [
        OddFile("scan.bmp", lambda p: _pillow(pixels(3), p, dpi=(300, 300))),
        OddFile("grey.bmp", lambda p: _pillow(pixels(1), p, dpi=(96, 96))),
        OddFile(
            "web.webp", lambda p: _pillow(pixels(3), p, lossless=True, icc_profile=profile(), exif=exif())
        ),
        OddFile("web_alpha.webp", lambda p: _pillow(_with_alpha(pixels(3)), p, lossless=True, exact=True)),
    ]


def _tiff() -> list[OddFile]:
    scan = {
        "resolution": (300, 300),
        "resolutionunit": "INCH",
        "software": "Scanner 3",
        "datetime": "2024:05:06 07:08:09",
    }
    tags = [
        (315, 2, 0, "Somebody", True),
        (33432, 2, 0, "Copyright nobody", True),
        (700, 1, 8, b"<x:xmp/>", True),
    ]
    ground = [(33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 7e5, 5e6, 0.0), True)]
    rgb = {"photometric": "rgb"}
    return [
        OddFile("grey8.tif", tiff_of(pixels(1), metadata=None)),
        OddFile("grey16_12bits.tif", tiff_of(pixels(1, "u2") // 16, metadata=None)),
        OddFile("rgb8_profile.tif", tiff_of(pixels(3), **rgb, iccprofile=profile(), **scan, extratags=tags)),
        OddFile("rgb16.tiff", tiff_of(pixels(3, "u2"), **rgb, compression="zlib", predictor=True)),
        OddFile("rgb16_lzw.tif", tiff_of(pixels(3, "u2"), **rgb, compression="lzw", predictor=True)),
        OddFile("grey8_lzw.tif", tiff_of(pixels(1), compression="lzw")),
        OddFile("lzma.tif", tiff_of(pixels(1, "u2"), compression="lzma")),
        OddFile("rgba8.tif", tiff_of(_with_alpha(pixels(3)), **rgb, extrasamples=["unassalpha"])),
        OddFile(
            "rgba16_multiplied.tif",
            tiff_of(_with_alpha(pixels(3, "u2")), **rgb, extrasamples=["assocalpha"]),
        ),
        OddFile("float32.tif", tiff_of(pixels(1, "f4"))),
        OddFile("float64.tif", tiff_of(pixels(1, "f8"))),
        OddFile("half_floats.tif", tiff_of(pixels(1, "f2"))),
        OddFile("signed16.tif", tiff_of(pixels(1, "i2"))),
        OddFile("unsigned32.tif", tiff_of(pixels(1, "u4"))),
        OddFile("white_is_zero.tif", tiff_of(pixels(1), photometric="miniswhite")),
        OddFile("planar.tif", tiff_of(np.moveaxis(pixels(3), 2, 0), **rgb, planarconfig="separate")),
        OddFile("tiled.tif", tiff_of(pixels(3), **rgb, tile=(16, 32), compression="zlib")),
        OddFile(
            "tiled_planar16.tif",
            tiff_of(np.moveaxis(pixels(3, "u2"), 2, 0), **rgb, planarconfig="separate", tile=(32, 16)),
        ),
        OddFile("big.tif", tiff_of(pixels(1, "u2"), bigtiff=True, **scan)),
        OddFile("motorola.tif", tiff_of(pixels(1, "u2"), byteorder=">", extratags=tags)),
        OddFile("map.tif", tiff_of(pixels(1, "f4"), extratags=ground)),
        OddFile("seven_bands.tif", tiff_of(pixels(7, "u2"), photometric="minisblack", planarconfig="contig")),
        *(
            OddFile(
                f"turned{n}.tif",
                tiff_of(pixels(3), **rgb, resolution=(300, 150), extratags=[(274, 3, 1, n, True)]),
            )
            for n in range(1, 9)
        ),
        OddFile("palette.tif", lambda p: Pillow.fromarray(pixels(3)).quantize(64).save(p, dpi=(200, 200))),
        OddFile("camera.tif", lambda p: _pillow(pixels(3), p, exif=exif(), icc_profile=profile())),
    ]


def _refused() -> list[OddFile]:
    ten = np.stack([pixels(1, "u2")[..., 0]] * 10)
    return [
        OddFile("cmyk.jpg", lambda p: Pillow.fromarray(pixels(3)).convert("CMYK").save(p), "CMYK"),
        OddFile("cmyk.tif", lambda p: Pillow.fromarray(pixels(3)).convert("CMYK").save(p), "CMYK"),
        OddFile("cmyk16.tif", tiff_of(pixels(4, "u2"), photometric="separated"), "CMYK"),
        OddFile("lab.tif", lambda p: Pillow.fromarray(pixels(3)).convert("LAB").save(p), "LAB"),
        OddFile("ten_frames.tif", tiff_of(ten, photometric="minisblack"), "--axes"),
    ]


def _chunks() -> list[Chunk]:
    """What Pillow writes of a profile and a resolution, and chunks that it does not know."""
    import zlib

    profiled = b"ICC Profile\0\0" + zlib.compress(profile())
    return [
        Chunk(b"iCCP", profiled),
        Chunk(b"gAMA", (45455).to_bytes(4, "big")),
        Chunk(b"pHYs", (11811).to_bytes(4, "big") * 2 + b"\x01"),
        Chunk(b"tEXt", b"Author\0Somebody"),
        Chunk(b"prVt", b"private, and safe to copy"),
    ]


def _with_alpha(colours: Samples) -> Samples:
    alpha = np.full((HEIGHT, WIDTH, 1), np.iinfo(colours.dtype).max, colours.dtype)
    alpha[:, :10] //= 4 if colours.dtype.itemsize == 1 else 2
    return np.concatenate([colours, alpha], axis=2)


def _pillow(samples: Samples, path: Path, **options: Any) -> None:
    Pillow.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples).save(path, **options)
