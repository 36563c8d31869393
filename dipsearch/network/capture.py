"""Captures: a step recorded on a GPU as one graph, and what PyTorch is left with when that fails.

When a capture is invalidated, PyTorch raises before it has told its allocator and its generators that the capture is
over: the memory pool stays reserved for good, the stream of the capture stays the current one, and whoever draws from
a generator that took part is refused ("Offset increment outside graph capture encountered unexpectedly"). A fit has a
generator of its own, which is made anew; the one of the device takes part in every capture, and comes back with one
that succeeds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import torch

Pool = Any
"""What PyTorch calls a memory pool by; the name of its type differs from version to version."""


@cache
def side_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream of all recordings on a device: memory of a pool is only used again on the stream that it was for."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


alone = threading.RLock()
"""Held by whoever works on the stream of recordings: threads of one process (of a Dask worker, say) share it."""


@contextmanager
def beside(device: torch.device) -> Iterator[None]:
    """Do what is inside the block on the stream of all recordings, as the steps before one have to be done."""
    with alone:
        ours, aside = torch.cuda.current_stream(device), side_stream(device)
        aside.wait_stream(ours)
        with torch.cuda.stream(aside):
            yield
        ours.wait_stream(aside)


@contextmanager
def capturing(
    graph: torch.cuda.CUDAGraph, device: torch.device, *, pool: Pool | None = None
) -> Iterator[None]:
    """Record what is done inside the block; the current stream is what it was, however the block ends.

    What other threads ask of the GPU meanwhile does not spoil it, as by default it would.
    """
    with (
        alone,
        torch.cuda.stream(torch.cuda.current_stream(device)),
        torch.cuda.graph(graph, pool=pool, stream=side_stream(device), capture_error_mode="thread_local"),
    ):
        yield


def recover(device: torch.device, pool: Pool) -> None:
    """Leave a working process after a failed capture: its memory free, the device's own generator usable.

    Args:
        device: on which it was.
        pool: that it allocated from.

    Raises:
        RuntimeError: the device is beyond use in this process.
    """
    torch.cuda.synchronize(device)
    _end_allocation(device, pool)
    with suppress(RuntimeError), capturing(torch.cuda.CUDAGraph(), device):
        torch.zeros((), device=device)
    torch.cuda.empty_cache()


def _end_allocation(device: torch.device, pool: Pool) -> None:
    """Tell the allocator what the failed capture did not."""
    binding: Any = torch._C
    # Refused where the capture itself came to its end, which then has told it.
    with suppress(AttributeError, RuntimeError):
        binding._cuda_endAllocateToPool(device.index, pool)
        binding._cuda_releasePool(device.index, pool)
