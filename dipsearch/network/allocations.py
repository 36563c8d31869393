"""Allocations: everything that an iteration takes from the machine and gives back, in its order.

Operations on PyTorch's `meta` device make tensors that have shapes and lifetimes and no numbers. Followed from
their making to their end, they tell what is alive at once, temporaries included.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .workspace import workspace_bytes

Event = tuple[int, int]
"""An allocation (its number, its bytes) or, with 0 bytes, its end."""

_aten = torch.ops.aten

_KEEP_LAYOUT = {
    getattr(_aten, name + way).default
    for name in (
        *("reflection_pad2d", "replication_pad2d", "avg_pool2d", "max_pool2d_with_indices", "convolution"),
        *(
            "upsample_nearest2d",
            "upsample_bilinear2d",
            "upsample_bicubic2d",
            "native_batch_norm",
            "silu",
            "gelu",
        ),
    )
    for way in ("", "_backward")
}
"""What keeps images channels last on a CPU; some of it does not on meta, and copies would follow that nobody makes."""

_CONVOLUTIONS = (_aten.convolution.default, _aten.convolution_backward.default)


class Allocations(TorchDispatchMode):
    """Notes the storages that operations make, and when they are freed; to be used as a context.

    Args:
        device: that the meta tensors stand for: "cpu", "cuda" or "mps".

    Attributes:
        events: so far.
    """

    def __init__(self, device: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self._on_cpu = device == "cpu"
        self._alive: set[int] = set()
        self._count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        storages = {leaf.untyped_storage()._cdata for leaf in given}
        result = func(*args, **(kwargs or {}))
        made = [
            leaf
            for leaf in tree_leaves(result)
            if isinstance(leaf, Tensor) and leaf.untyped_storage()._cdata not in storages
        ]
        if self._on_cpu and func in _KEEP_LAYOUT and any(_channels_last(leaf) for leaf in given):
            _make_channels_last(made)
        beside = self._beside(func, args, result)
        if beside:
            self._count += 1
            self.events.append((-self._count, beside))
        number = -self._count
        for leaf in made:
            self.adopt(leaf)
        if beside:
            self.events.append((number, 0))
        return result

    def _beside(self, func: Any, args: tuple[Any, ...], result: Any) -> int:
        if self._on_cpu:
            return workspace_bytes(func, args, result)
        return sum(leaf.nbytes for leaf in args[:2]) if func in _CONVOLUTIONS else 0

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


def _channels_last(x: Tensor) -> bool:
    return x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def _make_channels_last(made: list[Tensor]) -> None:
    for x in made:
        if x.dim() == 4 and not _channels_last(x):
            _, channels, height, width = x.shape
            x.as_strided_(x.shape, (channels * height * width, 1, channels * width, channels))
