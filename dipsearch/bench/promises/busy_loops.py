"""Busy loops: other work on the machine, beside which a promise has to be kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# A loop that nobody stopped ends by itself once its parent is gone.
LOOP = """
import os
parent = os.getppid()
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
except PermissionError:
    pass
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_loops(count: int) -> Iterator[list[int]]:
    """Keep so many processes busy, at the usual priority where the system lets us; yield their numbers."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", LOOP]) for _ in range(count)]
    try:
        yield [loop.pid for loop in loops]
    finally:
        for loop in loops:
            with suppress(ProcessLookupError):
                loop.kill()
        for loop in loops:
            loop.wait()
