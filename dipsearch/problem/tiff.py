"""TIFF: any channel count, 8 or 16 bits or float, with or without alpha.

tifffile reads and writes them. The compressions and colour models that it leaves to optional packages (LZW,
JPEG, palettes) are handed to Pillow as far as Pillow reads them without loss.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import tifffile

from ..errors import InputError
from .pillow_files import ORIENTATION, read_with_pillow
from .raster import Raster, Samples, refuse_huge, upright

# tifffile reports damage to its logger as well as by exceptions; one line of error is enough.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

ALPHA = (1, 2)  # values of the ExtraSamples tag: associated, unassociated
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
# Axes are named by tifffile; S samples, C channels, Q an unnamed leading axis of an array saved as it was.
CHANNELS_LAST, CHANNELS_FIRST = ("YX", "YXS", "YXC"), ("SYX", "CYX", "QYX")


def read_tiff(path: Path) -> Raster:
    """Read one picture, turned upright; whole numbers stay whole numbers, floats keep their range.

    Raises:
        InputError: several pictures, too many pixels, or samples that cannot be read without loss.
        Exception: whatever tifffile raises for a damaged file; ``read_image`` puts it into words.
    """
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        page = series.keyframe
        # A file may also declare any number of channels: four of them weigh as much as one colour pixel.
        pixels = max(1, page.imagelength * page.imagewidth)
        colour_pictures = -(-int(np.prod(series.shape, dtype=object)) // (4 * pixels))
        refuse_huge(path.name, page.imagelength, page.imagewidth * colour_pictures)
        if len(file.series) > 1 or series.axes not in CHANNELS_LAST + CHANNELS_FIRST:
            raise InputError(
                f"{path.name} holds {len(file.pages)} pages with the axes {series.axes}",
                "one file is one picture of rows, columns and channels",
                "save the page that you mean as a file of its own",
            )
        plain = page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) and page.bitspersample >= 8
        samples = _decoded(series) if plain else None
        extras = tuple(int(extra) for extra in page.extrasamples)
        orientation = page.tags.valueof(ORIENTATION, 1)
        inverted = page.photometric == WHITE_IS_ZERO
        exact_in_pillow = page.bitspersample <= 8 or page.samplesperpixel == 1
    if samples is None:
        if not exact_in_pillow:
            raise InputError(
                f"{path.name} is compressed in a way that cannot be read here at its full depth",
                "more than 8 bits are read without compression or with Deflate",
                "save it again so, or install the package imagecodecs",
            )
        return read_with_pillow(path, formats=("TIFF",))
    if series.axes in CHANNELS_FIRST:
        samples = np.moveaxis(samples, 0, -1)
    return _raster(samples, extras, orientation=orientation, inverted=inverted, name=path.name)


def _decoded(series: tifffile.TiffPageSeries) -> Samples | None:
    try:
        return np.asarray(series.asarray())
    except ValueError as error:
        if "imagecodecs" in str(error):
            return None
        raise


def _raster(
    samples: Samples, extras: tuple[int, ...], *, orientation: int, inverted: bool, name: str
) -> Raster:
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if not (kind == "f" or (kind == "u" and size <= 2)):
        raise InputError(
            f"{name} holds samples of the type {samples.dtype}",
            "unsigned whole numbers of 8 or 16 bits and floats are read",
            "convert the picture to one of them",
        )
    if samples.ndim == 2:
        samples = samples[..., None]
    samples = upright(samples, orientation)
    bits = 32 if kind == "f" else 8 * size
    channels = samples.shape[2]
    places = [channels - len(extras) + i for i, extra in enumerate(extras) if extra in ALPHA]
    alpha = samples[..., places[0]] if places else None
    colours = np.delete(samples, places[:1], axis=2) if places else samples
    if inverted:
        colours = (1 if kind == "f" else np.iinfo(samples.dtype).max) - colours
    return Raster(colours, alpha, bits)


def save_tiff(path: Path, samples: Samples, *, with_alpha: bool) -> None:
    """Write (H, W, C) samples losslessly (Deflate); the last channel is alpha when ``with_alpha``."""
    channels = samples.shape[2]
    colours = channels - with_alpha
    extras = (0,) * (colours - (3 if colours == 3 else 1)) + (2,) * with_alpha
    tifffile.imwrite(
        path,
        samples[..., 0] if channels == 1 else samples,
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=extras or None,
        compression="zlib",
        metadata=None,
        software="dipsearch",
    )
