"""How the passes are launched: in blocks of which size, by how many programs, with which workspace."""

from __future__ import annotations

import weakref
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from subprocess import SubprocessError
from typing import Any

import torch
from torch import Tensor

from ...errors import KernelError, first_line, out_of_memory
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

ACROSS, ALONG = 32, 32
"""Channels and pixels of a block: 128 bytes in a row, a cache line, and eight numbers for each of the 128 threads. One
size for all: another one would have to be compiled, too. With 128 channels at 512² on an H100 `sums` took 0.118 ms for
32 pixels, 0.145 for 64, 0.161 for 128, the others the same; memory alone would take 0.11."""

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


class Workspace:
    """Where the programs that share a sum leave their parts and count their arrivals; zero between launches.

    Each module has its own, made once and kept as long as the module: a recorded graph finds it where it was, also when
    somebody has needed a larger one since.
    """

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[Any, list[tuple[Tensor, Tensor]]] = weakref.WeakKeyDictionary()

    def of(self, module: Any, grid: tuple[int, int], *, device: torch.device) -> tuple[Tensor, Tensor]:
        """The parts, 32-bit numbers, and the counts, one for each column of the grid."""
        there = self._kept.setdefault(module, [])
        size = grid[0] * 2 * grid[1] * ACROSS
        for parts, counts in there:
            if parts.device == device and len(parts) >= size and len(counts) >= grid[1]:
                return parts, counts
        there.append(
            (
                torch.empty(size, dtype=torch.float32, device=device),  # whatever PyTorch's default type is
                torch.zeros(grid[1], dtype=torch.int32, device=device),
            )
        )
        return there[-1]


WORKSPACE = Workspace()


_COMPILED: dict[tuple[Any, ...], tuple[Any, tuple[Any, ...]]] = {}
"""What a kernel was compiled to, and the constants behind its arguments, by what it was compiled for."""


def launch(kernel: Any, grid: tuple[int, int], first: Tensor, *given: Any, **constants: Any) -> None:
    """Run a kernel; on the device "meta" nothing is computed.

    From the second time on the compiled kernel is called without Triton's own search for it, which takes three times as
    long as the launch.

    Raises:
        KernelError: it could not be compiled, or kept.
    """
    if first.is_meta:
        return
    with _current(first.device):
        _launch(kernel, grid, (first, *given), constants)


def _current(device: torch.device) -> AbstractContextManager[Any]:
    """Triton launches on whatever device is the current one, which need not be that of the tensors."""
    if device.type != "cuda" or device.index == torch.cuda.current_device():
        return nullcontext()
    return torch.cuda.device(device)


def _launch(
    kernel: Any, grid: tuple[int, int], arguments: tuple[Any, ...], constants: dict[str, Any]
) -> None:
    compiled_for = kernel, arguments[0].device, *map(_kind, arguments), *constants.items()
    found = _COMPILED.get(compiled_for)
    if found is not None:
        compiled, rest = found
        compiled[(*grid, 1)](*arguments, *rest)
        return
    constants |= {"BLOCK_P": ALONG, "BLOCK_C": ACROSS}
    try:
        compiled = kernel[grid](*arguments, enable_fp_fusion=True, **constants)
    except (RuntimeError, OSError, SubprocessError, _triton_error()) as error:
        if out_of_memory(error):  # which says nothing of the kernel
            raise
        raise KernelError(
            f"Triton says: {first_line(error)}",
            "it compiles a kernel with a compiler of this machine, and keeps it in ~/.triton",
            "install a C compiler, make room there, or set TRITON_CACHE_DIR to another folder",
        ) from error
    if compiled is not None:  # the interpreter compiles nothing
        rest = tuple(constants[name] for name in kernel.arg_names[len(arguments) :])
        _COMPILED[compiled_for] = compiled, rest if _takes_constants() else ()


@cache
def _triton_error() -> type[Exception]:
    """What Triton's own errors are derived from, which is no RuntimeError."""
    from triton.errors import TritonError

    found: type[Exception] = TritonError
    return found


@cache
def _takes_constants() -> bool:
    """Whether a compiled kernel is given its constants, too: since Triton 3.3, which PyTorch 2.7 brings."""
    import triton

    major, minor = triton.__version__.split(".")[:2]
    return (int(major), int(minor)) >= (3, 3)


def _kind(argument: Any) -> Any:
    """What a kernel is compiled anew for: of an array its type and whether it is aligned, of a number how long it is.

    The kernels ask for no more: their sizes are not specialised.
    """
    if isinstance(argument, Tensor):
        return argument.dtype, argument.data_ptr() % 16 == 0
    return argument > _LONGEST if isinstance(argument, int) else type(argument)


_LONGEST = 2**31 - 1  # of a 32-bit whole number: a larger one is another type to the compiler
