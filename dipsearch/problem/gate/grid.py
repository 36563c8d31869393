"""The grid: a plane cut into squares, whose sums are nearly independent where those of single pixels are not."""

from __future__ import annotations

import torch
from torch import Tensor


def square_sums(plane: Tensor, *, side: int) -> Tensor:
    """Sums of ``(h, w)`` over squares of ``side`` pixels, flat, row by row; squares at the far edges may be cut."""
    height, width = plane.shape
    high, wide = -(-height // side), -(-width // side)
    padded = torch.nn.functional.pad(plane, (0, wide * side - width, 0, high * side - height))
    return padded.view(high, side, wide, side).sum(dim=(1, 3)).flatten()
