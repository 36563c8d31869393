"""How the passes are launched: in blocks of which size, by how many programs, with which scratch memory."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..gene_rules import Activation, Padding

ACTIVATIONS: dict[Activation | None, int] = {
    None: 0,
    "leaky_relu": 1,
    "relu": 2,
    "elu": 3,
    "silu": 4,
    "gelu": 5,
}
PADDINGS: dict[Padding, int] = {"zero": 0, "reflect": 1, "replicate": 2}
DOUBLINGS = {"nearest": 1, "bilinear": 2}

ACROSS, ALONG = 32, 64
"""Channels and pixels of a block: 128 bytes in a row, a cache line, and sixteen numbers for each of the 128 threads.
One size for all: another one would have to be compiled, too."""

PROGRAMS = 528
"""At most so many programs share the sums of a launch: four for each of an H100's multiprocessors. With 128 × 5 at 512²
396 made 133.1 steps a second, 792 134.5, 1584 133.3, 3168 131.3; with 32 × 4 there 368, 363, 354, 339."""


@dataclass(frozen=True)
class Blocks:
    """How the channels and pixels of images are cut.

    Args:
        vec: channels that are read at once.
        columns: blocks across the channels.
    """

    vec: int
    columns: int

    def grid(self, pixels: int) -> tuple[int, int]:
        """One program for each block."""
        return -(-pixels // ALONG), self.columns

    def shared_grid(self, pixels: int) -> tuple[int, int]:
        """Fewer programs, each for many blocks, for sums."""
        return min(-(-pixels // ALONG), max(1, PROGRAMS // self.columns)), self.columns


@cache
def blocks(*channels: int, itemsize: int, cut: int | None = None) -> Blocks:
    """The blocks for an image whose channels come from parts of these widths; or for `cut` of its channels."""
    vec = 16 // itemsize
    while any(width % vec for width in channels):
        vec //= 2
    return Blocks(vec, -(-(sum(channels) if cut is None else cut) // ACROSS))


class Scratch:
    """Where the programs that share a sum leave their parts and count their arrivals; zero between launches.

    Each module has its own, made once, so that a recorded graph finds it where it was.
    """

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[Any, tuple[Tensor, Tensor]] = weakref.WeakKeyDictionary()

    def of(self, module: Any, grid: tuple[int, int], *, device: torch.device) -> tuple[Tensor, Tensor]:
        """The parts, 32-bit numbers, and the counts, one for each column of the grid."""
        there = self._kept.get(module)
        size = grid[0] * 2 * grid[1] * ACROSS
        if there is None or there[0].device != device or len(there[0]) < size or len(there[1]) < grid[1]:
            there = (
                torch.empty(size, device=device),
                torch.zeros(grid[1], dtype=torch.int32, device=device),
            )
            self._kept[module] = there
        return there


SCRATCH = Scratch()


def launch(kernel: Any, grid: tuple[int, int], first: Tensor, *given: Any, **constants: Any) -> None:
    """Run a kernel; on the device "meta" nothing is computed."""
    if not first.is_meta:
        kernel[grid](first, *given, BLOCK_P=ALONG, BLOCK_C=ACROSS, enable_fp_fusion=True, **constants)
