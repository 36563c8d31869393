"""Tiles: a large picture is worked on in overlapping squares, so that memory stays bounded and no seam is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture, in pixels of whatever it was cut for."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def tiles(height: int, width: int, *, side: int, overlap: int) -> Iterator[Tile]:
    """Cut (height, width) into tiles of at most ``side``, neighbours sharing at least ``overlap`` pixels."""
    for top, down in _spans(height, side=side, overlap=overlap):
        for left, across in _spans(width, side=side, overlap=overlap):
            yield Tile(top, left, down, across)


def _spans(size: int, *, side: int, overlap: int) -> list[tuple[int, int]]:
    """Where tiles begin along one axis and how long they are: as few as possible, all as long, and no longer than that
    takes."""
    if size <= side:
        return [(0, size)]
    count = -(-(size - overlap) // (side - overlap))
    length = -(-(size + (count - 1) * overlap) // count)
    return [(round(index * (size - length) / (count - 1)), length) for index in range(count)]


class Mosaic:
    """Puts restored tiles together: where they overlap, each fades out towards its border.

    Args:
        image: (1, C, H, W) zeros to be filled.
        overlap: pixels that neighbours share at least.
        margin: pixels at a cut edge that do not count at all; between two margins of an overlap a tile fades.
    """

    def __init__(self, image: Tensor, *, overlap: int, margin: int = 0) -> None:
        self._sums, self._margin, self._fade = image, margin, max(overlap - 2 * margin, 1)
        self._weights = image.new_zeros(image.shape[-2:])

    def add(self, tile: Tile, restored: Tensor) -> None:
        """Add (1, C, height, width) at its place."""
        height, width = self._weights.shape
        down = self._ramp(tile.height, before=tile.top > 0, after=tile.top + tile.height < height)
        across = self._ramp(tile.width, before=tile.left > 0, after=tile.left + tile.width < width)
        weight = torch.outer(down, across).to(restored)
        self._sums[(..., *tile.window)] += restored * weight
        self._weights[tile.window] += weight

    def image(self) -> Tensor:
        """The whole picture, (1, C, H, W)."""
        return self._sums.div_(self._weights)

    def _ramp(self, size: int, *, before: bool, after: bool) -> Tensor:
        """Weights along one axis: 1, but rising from a cut edge before and falling to one after."""
        place = torch.arange(size, dtype=torch.float32) + 0.5
        weight = torch.ones(size, dtype=torch.float32)
        for cut, inside in ((before, place), (after, size - place)):
            if cut:
                weight = torch.minimum(weight, ((inside - self._margin) / self._fade).clamp(min=0))
        return weight
