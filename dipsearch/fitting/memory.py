"""Keep the C library from giving every large tensor's memory back to the system after each operation.

glibc maps blocks above a threshold anew each time, and the kernel then zeroes every page again at its first
touch; a fit allocates the same few sizes thousands of times. Raising the thresholds keeps the memory in the
process. Results do not change.
"""

from __future__ import annotations

import ctypes
import gc
import platform

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # as glibc numbers them in malloc.h
KEEP = 2**31 - 1  # bytes: freed memory stays with the process, so that no page is cleared twice

USUAL = 32 * 2**20
"""glibc raises its threshold to the largest block that was freed, up to this."""


def keep_freed_memory() -> bool:
    """Raise glibc's thresholds for this process; return whether there was a glibc that took them."""
    return _set_thresholds(map_from=2**30, trim_from=KEEP)


def allocate_as_usual() -> bool:
    """Set the thresholds to where glibc's own adjustment takes them in a process with large tensors.

    For benchmarks, which compare with a loop that leaves the allocator alone. Return as above.
    """
    return _set_thresholds(map_from=USUAL, trim_from=2 * USUAL) and bool(
        ctypes.CDLL(None).malloc_trim(0) >= 0
    )


def _set_thresholds(*, map_from: int, trim_from: int) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, map_from)) and bool(mallopt(M_TRIM_THRESHOLD, trim_from))


def give_back_memory(device: str) -> None:
    """Return what is unused to the system or the GPU.

    To be called after the ``except`` block: while an error is handled, its frames hold the tensors of the fit.
    """
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
