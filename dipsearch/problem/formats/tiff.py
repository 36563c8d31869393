"""TIFF: any channel count, whole numbers or floats, with or without alpha, one picture or one plane of a stack.

tifffile reads them; LZW comes from ``lzw``. The compressions and colour models that it leaves to optional
packages (JPEG, palettes) are handed to Pillow as far as Pillow reads them without loss.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ...errors import InputError
from .container import Container
from .exif import ORIENTATION, exif_of
from .lzw import enable_lzw
from .pillow_files import read_with_pillow
from .raster import Header, Raster, Samples, mirrored, refuse_huge, upright
from .stack import Stack, refuse_other_plane, stack_of
from .tiff_layout import DESCRIPTION, LOSSLESS, TiffLayout, layout_of

# tifffile reports damage to its logger as well as by exceptions; one line of error is enough.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
enable_lzw()

# The last array that was decoded, and its file: the planes of a stack are asked for one by one.
_latest: list[Any] = []

ALPHA = (1, 2)  # values of the ExtraSamples tag: associated, unassociated
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
INCH, CENTIMETRE = 2, 3
MOST_BYTES = 10_000
SAID = (271, 272, 306, 315, 33432)  # maker, model, date, artist, copyright: what EXIF has, too
MADE_BY_PROGRAMS = (b"ImageJ=", b"<", b"{")  # descriptions of the file and not of what it shows


def tiff_header(path: Path, *, axes: str | None = None) -> Header:
    """What a TIFF says of itself.

    Raises:
        InputError: it is a stack, and its axes are not known, or its colours are none that are read.
    """
    with tifffile.TiffFile(path) as file:
        stack, page = _stack_of(path, file, axes), file.series[0].keyframe
        _refuse_colours(path, page)
        planes = None if stack.is_picture else stack.planes
        return Header("TIFF", page.imagelength, page.imagewidth, planes)


def read_tiff(path: Path, *, axes: str | None = None, plane: int | None = None) -> Raster:
    """Read one picture, turned upright; whole numbers stay whole numbers, floats keep their range.

    Args:
        axes: what a person said of the axes; ``None``: as the file says.
        plane: of a stack, which picture.

    Raises:
        InputError: several pictures, too many pixels, or samples that cannot be read without loss.
        Exception: whatever tifffile raises for a damaged file; ``read_image`` puts it into words.
    """
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        page = series.keyframe
        # A file may also declare any number of channels: four of them weigh as much as one colour pixel.
        pixels = max(1, page.imagelength * page.imagewidth)
        values = int(np.prod(series.shape, dtype=object))
        stack = _stack_of(path, file, axes)
        refuse_other_plane(path.name, stack, plane)
        refuse_huge(path.name, page.imagelength, page.imagewidth * -(-values // (4 * pixels * stack.planes)))
        _refuse_colours(path, page)
        plain = page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) and page.bitspersample >= 8
        samples = _decoded(path, series, keep=not stack.is_picture) if plain else None
        extras = tuple(int(extra) for extra in page.extrasamples)
        orientation = page.tags.valueof(ORIENTATION, 1)
        layout = replace(layout_of(file, series), stack=None if stack.is_picture else stack)
        known = int(page.compression) in LOSSLESS
        compression = str(getattr(page.compression, "name", page.compression))
        exact_in_pillow = page.bitspersample <= 8 or page.samplesperpixel == 1
    if samples is None:
        if not exact_in_pillow:
            raise InputError(
                f"{path.name} is compressed in a way that cannot be read here at its full depth",
                "more than 8 bits are read without compression, with Deflate, LZW or LZMA",
                "save it again so, or install the package imagecodecs",
            )
        try:
            read = read_with_pillow(path, formats=("TIFF",))
        except OSError as error:
            if not plain or known:
                raise
            raise InputError(
                f"{path.name} is compressed with {compression}",
                "it is read where the package imagecodecs is installed",
                "install that, or save the picture again without compression, or with Deflate or LZW",
            ) from error
        rgb = read.samples.shape[2] == 3
        layout = replace(layout, dtype=read.samples.dtype, white_is_zero=False, samples="contig", rgb=rgb)
        return read._replace(container=_container(layout, read.samples.shape[:2]))
    return _raster(
        stack.plane(samples, plane or 0), extras, orientation=orientation, layout=layout, name=path.name
    )


def _container(layout: TiffLayout, size: tuple[int, ...]) -> Container:
    """What a TIFF holds besides its pixels, with what other formats can take of it."""
    contents = {entry.tag: entry.content for entry in layout.tags}
    inches = {INCH: 1.0, CENTIMETRE: 2.54}.get(layout.unit or INCH, 0.0)
    dpi = None
    if layout.resolution is not None and inches:
        across, down = (inches * over / under if under else 0.0 for over, under in layout.resolution)
        dpi = (across, down) if min(across, down) > 1 else None
    said = {code: contents.get(code, b"") for code in SAID}
    # EXIF of a JPEG has 64 KiB at most.
    said[DESCRIPTION] = next(
        (one for one in layout.descriptions if not one.lstrip().startswith(MADE_BY_PROGRAMS)),
        b"",
    )
    exif = exif_of(
        {code: text for code, held in said.items() if 0 < len(text := held.rstrip(b"\0")) < MOST_BYTES}
    )
    return Container(
        "TIFF", (size[0], size[1]), contents.get(34675), exif, contents.get(700), dpi, tiff=layout
    )


def _decoded(path: Path, series: tifffile.TiffPageSeries, *, keep: bool) -> Samples | None:
    """The array of a file, kept for the next plane where ``keep``; ``None`` where tifffile lacks a decoder."""
    status = path.stat()
    key = (path.resolve(), status.st_mtime_ns, status.st_size)
    if _latest and _latest[0] == key:
        return np.asarray(_latest[1])
    try:
        array = np.asarray(series.asarray())
        _latest[:] = [key, array] if keep else []
        return array
    except ImportError:
        return None  # newer ones are in a module that Python itself has since 3.14
    except ValueError as error:
        if "imagecodecs" in str(error):
            return None
        raise


def _stack_of(path: Path, file: tifffile.TiffFile, given: str | None) -> Stack:
    series = file.series[0]
    if len(file.series) > 1:
        kinds = [f"{one.keyframe.imagewidth} × {one.keyframe.imagelength}" for one in file.series]
        more = ", …" if len(kinds) > 5 else ""
        raise InputError(
            f"{path.name} holds {len(file.pages)} pages of different kinds ({', '.join(kinds[:5])}{more})",
            "one file is one picture of rows, columns and channels, or a stack of such",
            "save the page that you mean as a file of its own",
        )
    return stack_of(path.name, series.axes, series.shape, given=given)


def _refuse_colours(path: Path, page: tifffile.TiffPage) -> None:
    if int(page.photometric) not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR):
        model = str(getattr(page.photometric, "name", page.photometric))
        model = "CMYK" if model == "SEPARATED" else model
        raise InputError(
            f"{path.name} has the colour model {model}",
            "grey and RGB are read",
            "convert the picture to RGB first",
        )


def _raster(
    samples: Samples, extras: tuple[int, ...], *, orientation: int, layout: TiffLayout, name: str
) -> Raster:
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if not (kind == "f" or (kind in "iu" and size <= 4)):
        raise InputError(
            f"{name} holds samples of the type {samples.dtype}",
            "whole numbers of up to 32 bits and floats are read",
            "convert the picture to one of them",
        )
    if samples.ndim == 2:
        samples = samples[..., None]
    samples = upright(samples, orientation)
    bits = 8 * size if kind == "u" and size <= 2 else 32
    channels = samples.shape[2]
    places = [channels - len(extras) + i for i, extra in enumerate(extras) if extra in ALPHA]
    alpha = samples[..., places[0]] if places else None
    colours = np.delete(samples, places[:1], axis=2) if places else samples
    if colours.size == 0:
        raise InputError(
            f"{name} holds no colours", "a picture has at least one channel besides alpha", "save it again"
        )
    layout = replace(layout, dtype=samples.dtype.newbyteorder("="))
    if layout.white_is_zero:
        colours = mirrored(colours)
    return Raster(colours, alpha, bits, _container(layout, samples.shape[:2]))
