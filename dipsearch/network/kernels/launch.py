"""How the passes are launched: in blocks of which size, by how many programs, with which scratch memory."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
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

ELEMENTS = 2048
"""Pixels × channels of a block: sixteen for each of the 128 threads."""

PROGRAMS = 528
"""At most so many programs share a sum: four for each of an H100's multiprocessors; more would wait for each other."""


@dataclass(frozen=True)
class Blocks:
    """How the channels and pixels of images are cut.

    Args:
        vec: channels that are read at once.
        pixels, channels: of a block.
        columns: blocks across the channels.
    """

    vec: int
    pixels: int
    channels: int
    columns: int

    def grid(self, pixels: int) -> tuple[int, int]:
        """One program for each block."""
        return -(-pixels // self.pixels), self.columns

    def shared_grid(self, pixels: int) -> tuple[int, int]:
        """Fewer programs, each for many blocks, for sums."""
        return min(-(-pixels // self.pixels), max(1, PROGRAMS // self.columns)), self.columns

    def constants(self) -> dict[str, int]:
        """For a kernel."""
        return {"VEC": self.vec, "BLOCK_P": self.pixels, "BLOCK_C": self.channels}


def blocks(*channels: int, itemsize: int, cut: int | None = None) -> Blocks:
    """The blocks for an image whose channels come from parts of these widths; or for `cut` of its channels."""
    vec = 16 // itemsize
    while any(width % vec for width in channels):
        vec //= 2
    total = sum(channels) if cut is None else cut
    across = 32 if total > 16 else 8  # 128 or 32 bytes in a row: a cache line or a sector of one
    return Blocks(vec, ELEMENTS // across, across, -(-total // across))


class Counters:
    """Memory for counting arrivals: one number for each block of channels of a module, zero between launches."""

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[Any, Tensor] = weakref.WeakKeyDictionary()

    def of(self, module: Any, *, columns: int, device: torch.device) -> Tensor:
        """Those of a module; made once, so that a recorded graph finds them zero."""
        there = self._kept.get(module)
        if there is None or there.device != device or len(there) < columns:
            there = torch.zeros(columns, dtype=torch.int32, device=device)
            self._kept[module] = there
        return there


COUNTERS = Counters()


def partial_sums(grid: tuple[int, int], cut: Blocks, *, device: torch.device) -> Tensor:
    """Where the programs of a grid leave their sums."""
    return torch.empty(grid[0] * 2 * cut.columns * cut.channels, device=device)


def launch(kernel: Any, grid: tuple[int, int], *given: Any, **constants: Any) -> None:
    """Run a kernel; on the device "meta" nothing is computed."""
    tensors = [one for one in given if isinstance(one, Tensor)]
    if tensors[0].is_meta:
        return
    kernel[grid](*given, enable_fp_fusion=True, **constants)
