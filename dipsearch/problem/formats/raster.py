"""A raster: the samples of one picture as a file format hands them over, on their way to or from an Image.

The readers of the single formats (``pillow_files``, ``png``, ``tiff``) make rasters; ``image`` turns them
into tensors. Rows come first and channels last here, as in every file format.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .container import Container

Samples = NDArray[Any]

# Largest number of pixels that a file may declare; checked before anything is decoded.
MAX_PIXELS = 2**27


class Raster(NamedTuple):
    """One picture, upright.

    ``samples`` is (H, W, C) of bool, whole numbers or floats; ``alpha`` is (H, W) of the same type or None;
    ``bits`` says how the picture is written back (8, 16, or 32 for float); ``container`` is the rest of the file.
    """

    samples: Samples
    alpha: Samples | None
    bits: int
    container: Container


class Header(NamedTuple):
    """What a file says of itself before anything is decoded.

    ``format`` is as in ``Container``; ``height`` and ``width`` are in pixels, not turned upright; ``planes`` counts the
    pictures of a stack, and is None of one picture.
    """

    format: str
    height: int
    width: int
    planes: int | None = None


def refuse_huge(name: str, height: int, width: int) -> None:
    """Raise InputError when a file declares more than ``MAX_PIXELS`` pixels."""
    if height * width > MAX_PIXELS:
        raise InputError(
            f"{name} declares {width:,} × {height:,} pixels",
            f"at most {MAX_PIXELS:,} pixels are read",
            "crop or reduce the picture first",
        )


def upright(samples: Samples, orientation: int) -> Samples:
    """Turn and mirror (H, W, …) samples as the EXIF orientation 1–8 asks; other values change nothing."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples


def mirrored(samples: Samples) -> Samples:
    """Exchange black and white: unsigned numbers within their type, others by their sign."""
    return np.iinfo(samples.dtype).max - samples if samples.dtype.kind == "u" else -samples


def to_unit(samples: Samples) -> NDArray[np.float32] | NDArray[np.float64]:
    """Scale unsigned numbers of 8 and 16 bits to [0, 1] by the largest value of their type; take others as they are.

    These stay in 64 bits where 32 would round them: of a small signal on a large offset a few steps would be left.
    """
    with np.errstate(over="ignore"):
        floats = samples.astype(np.float32)
    if samples.dtype.itemsize >= 4 and not np.array_equal(floats.astype(np.float64), samples, equal_nan=True):
        return samples.astype(np.float64)
    if samples.dtype.kind == "u" and samples.dtype.itemsize <= 2:
        floats /= np.float32(np.iinfo(samples.dtype).max)
    return floats


def to_integers(values: NDArray[np.float32], bits: int) -> Samples:
    """Clip to [0, 1] and round to whole numbers of 8 or 16 bits."""
    largest = 2**bits - 1
    scaled: Samples = np.rint(np.clip(values.astype(np.float64), 0, 1) * largest)
    return scaled.astype(np.uint8 if bits == 8 else np.uint16)
