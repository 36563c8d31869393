"""Peak memory: the most that the fit of a candidate takes from the machine, known before it is built.

Two iterations (forward, loss, backward, Adam's moments) run on PyTorch's `meta` device, whose tensors have
shapes, lifetimes and no numbers. Every allocation is followed to its end, so temporaries and the order in
which the backward pass frees things are counted as they are. On a CPU the allocations are then laid out as the
C library lays them out: where no gap is large enough its heap grows, and a process keeps what it once had.
"""

from __future__ import annotations

import bisect
import weakref
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .convolution import as_on
from .generator import Generator
from .genome import Genome

PICTURES = 12
"""Copies of the picture that a fit holds besides: targets, weights, average, the last few readings."""

KERNELS = 6 * 10**6
"""Bytes of machine code that PyTorch's libraries make or load for the shapes of a new network, on a CPU."""

_REORDERING = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)

ALIGNING = 112
"""Bytes by which a gap has to be larger than the block: the C library looks for room to align it, then gives
back what it did not need. A gap that a block has left is therefore too small for the next one of its size."""

Event = tuple[int, int]
"""An allocation (its number, its bytes) or, with 0 bytes, its end."""


@lru_cache(maxsize=4096)
def memory_bytes(
    genome: Genome, *, image_shape: tuple[int, ...], device: str = "cpu", lean: bool = False
) -> int:
    """The growth of a process, on a GPU of its allocator, when it fits a candidate; in bytes.

    Args:
        genome: the candidate.
        image_shape: (1, C, H, W) of the image; it is padded to the generator's stride, as the loop does.
        device: "cpu", "cuda" or "mps".
        lean: see `generator.build`.
    """
    _, channels, height, width = image_shape
    follow = _Follow()
    with torch.device("meta"), as_on(device), follow:
        generator = Generator(genome, channels=channels)
        _channels_last(generator)
        generator.body.lean = lean
        rows, columns = (-(-size // generator.stride) * generator.stride for size in (height, width))
        shape = (1, genome.input_channels or 2, rows, columns)
        z, noise = torch.empty(shape, memory_format=torch.channels_last), torch.empty(shape)
        pictures = torch.empty(PICTURES, channels, height, width)
        for parameter in generator.parameters():
            follow.adopt(parameter)
        moments: list[Tensor] = []
        for _ in range(2):
            generator.zero_grad(set_to_none=True)
            output = generator(z + noise)[..., :height, :width]
            loss = (output - pictures[:1]).square().sum()
            loss.backward()
            del output, loss
            moments = moments or [torch.empty_like(p) for p in generator.parameters() for _ in range(2)]
    # What is still alive would report its end to the list while that is read.
    events = list(follow.events)
    return heap_size(events) + KERNELS if device == "cpu" else peak_size(events)


def peak_size(events: list[Event]) -> int:
    """The most bytes that are allocated at once."""
    sizes: dict[int, int] = {}
    now = peak = 0
    for number, size in events:
        now += size or -sizes.pop(number)
        if size:
            sizes[number] = size
        peak = max(peak, now)
    return peak


def heap_size(events: list[Event]) -> int:
    """How far a heap grows that takes the smallest gap that is large enough, and joins neighbouring gaps."""
    top = 0
    places: dict[int, tuple[int, int]] = {}
    gaps: list[tuple[int, int]] = []  # (start, end), ascending
    end = 0
    for number, size in events:
        if not size:
            start, stop = places.pop(number)
            end = _join(gaps, start, stop, end)
            continue
        fitting = [gap for gap in gaps if gap[1] - gap[0] >= size + ALIGNING]
        if fitting:
            start, stop = min(fitting, key=lambda gap: (gap[1] - gap[0], gap[0]))
            index = bisect.bisect_left(gaps, (start, stop))
            gaps[index : index + 1] = [(start + size, stop)] if start + size < stop else []
        else:
            start, end = end, end + size
            top = max(top, end)
        places[number] = start, start + size
    return top


def _join(gaps: list[tuple[int, int]], start: int, stop: int, end: int) -> int:
    """Free [start, stop); returns the new end of the heap, which shrinks when its last part is free."""
    index = bisect.bisect_left(gaps, (start, stop))
    if index < len(gaps) and gaps[index][0] == stop:
        stop = gaps.pop(index)[1]
    if index > 0 and gaps[index - 1][1] == start:
        index -= 1
        start = gaps.pop(index)[0]
    if stop == end:
        return start
    gaps.insert(index, (start, stop))
    return end


def _channels_last(generator: nn.Module) -> None:
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class _Follow(TorchDispatchMode):
    """Notes the storages that operations make, and when they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self._alive: set[int] = set()
        self._count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if _is_tensor(leaf)}
        if func in _REORDERING:
            # The library works on copies in a layout of its own, which are gone when the operation ends.
            self._count += 1
            copies = sum(leaf.nbytes for leaf in args[:2])
            self.events += [(-self._count, copies), (-self._count, 0)]
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if _is_tensor(leaf) and leaf.untyped_storage()._cdata not in given:
                self.adopt(leaf)
        return result

    def adopt(self, tensor: Tensor) -> None:
        """Follow a tensor's storage from now on."""
        storage = tensor.untyped_storage()
        if storage._cdata in self._alive or not storage.nbytes():
            return
        self._count += 1
        self._alive.add(storage._cdata)
        self.events.append((self._count, storage.nbytes()))
        weakref.finalize(storage, self._end, storage._cdata, self._count)

    def _end(self, identity: int, number: int) -> None:
        self._alive.discard(identity)
        self.events.append((number, 0))


def _is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)
