"""The noise map: how strong noise is from place to place, as a coarse table and as a value for every pixel.

A table of places is plain values, as a noise model and a file can hold them; each stands for the middle of its cell,
and the picture is divided into as many equal cells. Between the middles it is interpolated linearly.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Places = tuple[tuple[float, ...], ...]
"""Rows of strengths, as multiples of a noise model's sigma."""

STRENGTHS = 9
"""Between the weakest and the strongest, for which what depends on sigma is worked out; between them it is linear."""


def of_every_pixel(places: Places, height: int, width: int) -> Tensor:
    """The strength at every pixel as a multiple of sigma, (1, 1, height, width)."""
    table = torch.tensor(places, dtype=torch.float32)[None, None]
    return F.interpolate(table, size=(height, width), mode="bilinear", align_corners=False)


def cropped(
    places: Places, shape: tuple[int, int], *, top: int, left: int, height: int, width: int
) -> Places:
    """The table of a part of a picture, its cells about as large as those of the whole.

    Args:
        shape: height and width of the whole, in pixels as the other four.
    """
    part = of_every_pixel(places, *shape)[..., top : top + height, left : left + width]
    cells = (len(places), len(places[0]))
    rows, columns = (
        min(side, max(2, round(count * side / whole)))
        for count, side, whole in zip(cells, (height, width), shape, strict=True)
    )
    return as_places(F.adaptive_avg_pool2d(part, (rows, columns))[0, 0])


def as_places(table: Tensor) -> Places:
    """A table (rows, columns) as plain values."""
    return tuple(tuple(float(value) for value in row) for row in table.tolist())


def for_every_strength(by_sigma: Callable[[float], Tensor], sigma: float, strength: Tensor) -> Tensor:
    """What depends on sigma, (1, C, h, w), with the sigma of every pixel.

    Args:
        by_sigma: what it is where sigma is the same everywhere.
        sigma, strength: of the noise, and ``of_every_pixel`` of its places.
    """
    low, high = float(strength.min()), float(strength.max())
    if high <= low:
        return by_sigma(sigma * low)
    step = (high - low) / (STRENGTHS - 1)
    found: Tensor | None = None
    for index in range(STRENGTHS):
        weight = (1 - ((strength - low) / step - index).abs()).clamp(min=0)
        part = by_sigma(sigma * (low + index * step))
        part = part * weight.to(part)
        found = part if found is None else found + part
    assert found is not None
    return found
