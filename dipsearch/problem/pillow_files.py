"""Pictures that Pillow reads and writes: PNG, JPEG, BMP and WebP, and the TIFF files that tifffile leaves.

Only these decoders are ever tried, whatever a file says that it is; some of Pillow's others start programs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from ..errors import InputError
from .png import png_header, read_png16
from .raster import MAX_PIXELS, Raster, Samples, refuse_huge, upright

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
ORIENTATION = 0x0112
MODES = {"1", "L", "LA", "RGB", "RGBA", "I;16", "F"}


def read_with_pillow(path: Path, *, formats: tuple[str, ...] = FORMATS) -> Raster:
    """Read one picture, turned upright.

    Raises:
        InputError: more than ``MAX_PIXELS`` pixels, an animation, or a colour model other than grey and RGB.
        Exception: whatever Pillow raises for a damaged file; ``read_image`` puts it into words.
    """
    header = png_header(path)
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
        deep = header is not None and header[2] == 16
        samples = read_png16(path, header[3]) if deep and header else _samples(image, path.name)
        samples = upright(samples, image.getexif().get(ORIENTATION, 1))
    colours = samples.shape[2]
    if colours in (2, 4):
        return Raster(samples[..., :-1], samples[..., -1], _bits(samples))
    return Raster(samples, None, _bits(samples))


@contextmanager
def _opened(path: Path, formats: tuple[str, ...]) -> Iterator[Pillow.Image]:
    with warnings.catch_warnings():
        # Pillow warns of sizes below our own limit and of odd metadata; neither is the reader's business.
        warnings.simplefilter("ignore")
        try:
            image = Pillow.open(path, formats=formats)
        except Pillow.DecompressionBombError as error:
            raise InputError(
                f"{path.name} declares too many pixels",
                f"at most {MAX_PIXELS:,} pixels are read",
                "crop or reduce the picture first",
            ) from error
        with image:
            yield image


def _samples(image: Pillow.Image, name: str) -> Samples:
    mode = image.mode
    image.load()
    if mode in ("P", "PA", "YCbCr") or "transparency" in image.info:
        transparent = mode == "PA" or "transparency" in image.info
        grey = mode in ("1", "L")
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


def save_with_pillow(path: Path, samples: Samples) -> None:
    """Write (H, W, C) uint8 samples as PNG or JPEG, by the suffix; C is 1, 2 (with alpha), 3 or 4."""
    squeezed = samples[..., 0] if samples.shape[2] == 1 else samples
    picture = Pillow.fromarray(np.ascontiguousarray(squeezed))
    if path.suffix.lower() == ".png":
        picture.save(path)
    else:
        picture.save(path, quality=95, subsampling=0)
