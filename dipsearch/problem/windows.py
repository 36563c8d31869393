"""Windows: the parts of a picture around its holes, side by side as one smaller picture.

Where little is missing from a large picture, the rest of it says nothing about the holes and costs most of the time. So
the work is done on windows with a margin around the holes, all of one size, and their holes alone are put back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation, find_objects, label
from torch import Tensor

from .array_types import Bits
from .splits.holes import are_holes

SMALL_PICTURE = 256 * 256
"""Pixels up to which a picture is worked on as it is."""

MARGIN = 64
"""Pixels that are seen around a hole at the least; around a larger one half of its longer side."""

WORTHWHILE = 0.5
"""The share of the picture that all windows cover at the most."""

BLOCK = 16  # pixels of the cells in which holes are looked for; those in neighbouring cells share a window
MOST_WINDOWS = 36  # with more than that one around all holes is tried

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Windows:
    """Windows of one size, in a grid.

    Attributes:
        corners: top and left of each in the picture, row by row of the grid.
        height, width: of each.
        columns: of the grid.
    """

    corners: tuple[tuple[int, int], ...]
    height: int
    width: int
    columns: int

    def cut(self, picture: Tensor) -> Tensor:
        """Return the windows of a picture (…, H, W) as one picture."""
        rows = [self.corners[at : at + self.columns] for at in range(0, len(self.corners), self.columns)]
        return torch.cat(
            [torch.cat([self._part(picture, one) for one in row], dim=-1) for row in rows], dim=-2
        )

    def inserted(self, picture: Tensor, parts: Tensor, *, missing: Tensor) -> Tensor:
        """Return a picture (1, C, H, W) with what ``parts``, as ``cut`` lays them out, have for its missing pixels.

        Args:
            missing: (1, 1, H, W), true or 1 where something is.
        """
        whole = picture.clone()
        for index, corner in enumerate(self.corners):
            row, column = divmod(index, self.columns)
            top, left = row * self.height, column * self.width
            part = parts[..., top : top + self.height, left : left + self.width].to(whole)
            here = self._part(whole, corner)
            here.copy_(torch.where(self._part(missing, corner) > 0, part, here))
        return whole

    def sentence(self) -> str:
        """What is worked on, for people."""
        count = len(self.corners)
        what = "a part" if count == 1 else f"{count} parts"
        return f"{what} of {self.width} × {self.height} pixels around the holes are worked on; all else stays as it is"

    def _part(self, picture: Tensor, corner: tuple[int, int]) -> Tensor:
        top, left = corner
        return picture[..., top : top + self.height, left : left + self.width]


def windows_around(missing: Bits) -> Windows | None:
    """Return windows around the holes of a picture (h, w); ``None`` where the whole of it had better be worked on."""
    height, width = missing.shape
    if missing.size <= SMALL_PICTURE or not are_holes(missing):
        return None
    for boxes in (_boxes(missing), [_with_margin(bounds(missing), missing.shape)]):
        found = _of_one_size(boxes, height, width)
        if found is not None and len(found.corners) * found.height * found.width <= WORTHWHILE * missing.size:
            return found
    return None


def _boxes(missing: Bits) -> list[Box]:
    """Rectangles with their margins, none of which overlaps another: top, left, bottom, right."""
    coarse = _coarse(missing)
    holes, _ = label(binary_dilation(coarse, np.ones((3, 3))))
    boxes = [_with_margin(_scaled(rows, columns), missing.shape) for rows, columns in find_objects(holes)]
    merged = True
    while merged:
        merged = False
        for index, one in enumerate(boxes):
            other = next((n for n in range(index + 1, len(boxes)) if _overlap(one, boxes[n])), None)
            if other is not None:
                boxes[index] = _union(one, boxes.pop(other))
                merged = True
                break
    return boxes


def bounds(marked: Bits) -> Box:
    """The smallest rectangle around all marked pixels (h, w), of which there are some."""
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _of_one_size(boxes: list[Box], height: int, width: int) -> Windows | None:
    if not 1 <= len(boxes) <= MOST_WINDOWS:
        return None
    tall, wide = max(box[2] - box[0] for box in boxes), max(box[3] - box[1] for box in boxes)
    corners = tuple(
        (_start(top, bottom, tall, height), _start(left, right, wide, width))
        for top, left, bottom, right in boxes
    )
    columns = next(n for n in range(math.isqrt(len(boxes) - 1) + 1, len(boxes) + 1) if len(boxes) % n == 0)
    return Windows(corners, tall, wide, columns)


def _start(begin: int, end: int, size: int, limit: int) -> int:
    """Where a window of ``size`` begins that has the middle of (begin, end), within ``limit``."""
    return min(max(0, (begin + end - size) // 2), limit - size)


def _with_margin(box: Box, shape: tuple[int, ...]) -> Box:
    top, left, bottom, right = box
    margin = max(MARGIN, max(bottom - top, right - left) // 2)
    return (
        max(0, top - margin),
        max(0, left - margin),
        min(shape[0], bottom + margin),
        min(shape[1], right + margin),
    )


def _coarse(missing: Bits) -> Bits:
    """Blocks in which something is missing."""
    height, width = (-(-size // BLOCK) * BLOCK for size in missing.shape)
    padded = np.zeros((height, width), dtype=bool)
    padded[: missing.shape[0], : missing.shape[1]] = missing
    blocks = padded.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return np.asarray(blocks.any(axis=(1, 3)))


def _scaled(rows: slice, columns: slice) -> Box:
    return rows.start * BLOCK, columns.start * BLOCK, rows.stop * BLOCK, columns.stop * BLOCK


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _union(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
