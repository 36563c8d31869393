"""Keep the C library from giving every large tensor's memory back to the system after each operation.

glibc maps blocks above a threshold anew each time, and the kernel then zeroes every page again at its first
touch; a fit allocates the same few sizes thousands of times. Raising the thresholds keeps the memory in the
process. Results do not change.
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP = 2**31 - 1


def keep_freed_memory() -> bool:
    """Raise glibc's thresholds for this process; return whether there was a glibc that took them."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, 2**30)) and bool(mallopt(M_TRIM_THRESHOLD, KEEP))
