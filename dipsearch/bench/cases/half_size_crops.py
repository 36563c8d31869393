"""Crops: clean pictures cut to a size that a search is quick on, as files that everything else reads."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ...problem import natural_suffix, read_image, write_image
from ...problem.formats.sources import picture_name

ROOMY = 3
"""A picture is halved while its shorter side is more than so many crops long: a crop shall show something."""


def middle_crop(pixels: Tensor, *, side: int, source: str) -> Tensor:
    """The middle of a picture that is halved until it is no longer roomy, ``(1, C, side, side)``.

    Raises:
        InputError: it is smaller than that.
    """
    while min(pixels.shape[-2:]) > ROOMY * side:
        pixels = F.avg_pool2d(pixels, 2)
    return _middle(pixels, side=side, source=source)


def half_size_crop(source: str, *, side: int) -> Tensor:
    """The middle of a picture at half its size, ``(1, C, side, side)`` in [0, 1].

    Raises:
        InputError: the halved picture is smaller than that.
    """
    return _middle(F.avg_pool2d(read_image(source).pixels, 2), side=side, source=f"{source} at half its size")


def _middle(pixels: Tensor, *, side: int, source: str) -> Tensor:
    height, width = pixels.shape[-2:]
    if min(height, width) < side:
        raise InputError(
            f"{source} is {width} × {height}",
            f"{side} × {side} pixels are cut out of it",
            "cut out fewer, or leave the picture out",
        )
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[..., top : top + side, left : left + side].contiguous()


def crop_name(source: str, *, side: int) -> str:
    """The name of a crop in the tables."""
    return f"{picture_name(source)}@{side}"


def write_crop(source: str, crop: Tensor | None = None, *, side: int, folder: Path) -> str:
    """Write a crop into a folder, named as in the tables; return the path.

    Args:
        source: a path or ``sample:NAME``.
        crop: ``(1, C, side, side)``; ``None``: the middle of the picture.

    Raises:
        InputError: the picture cannot be read, or is too small.
    """
    image = read_image(source)
    if crop is None:
        crop = middle_crop(image.pixels, side=side, source=source)
    path = folder / f"{crop_name(source, side=side)}{natural_suffix(crop.shape[1], image.bits)}"
    write_image(path, crop, bits=image.bits)
    return str(path)


def refuse_namesakes(sources: list[str], *, side: int) -> None:
    """Refuse pictures whose crops would have the same name.

    Raises:
        InputError: two of them have.
    """
    names = [crop_name(source, side=side) for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"the crops of two pictures are called {name}",
                "the tables know a picture by its name",
                "rename one, or take the folders one by one, each with its own --out",
            )
