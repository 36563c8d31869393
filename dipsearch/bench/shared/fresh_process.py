"""A fresh process: a measurement in a process of its own, where nothing of an earlier one is in the way.

A copy of a process that has imported everything starts in a moment; CUDA does not survive the copying, and not every
system has it. The peak of the memory that a process has had at once is what Linux tells of it.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ...errors import out_of_memory
from .worker_pool import end_with_parent

T = TypeVar("T")

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured_apart(work: Callable[..., T], *arguments: object, copied: bool = True) -> T | None:
    """What a function of a module returns in a new process; ``None`` where there was not enough memory.

    Args:
        work, arguments: that are handed over.
        copied: from a process that has imported the module of the function, where the system can do that.
    """
    copied = copied and "forkserver" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if copied else "spawn")
    if copied:
        context.set_forkserver_preload([work.__module__])
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(there, work, arguments), daemon=True)
    process.start()
    there.close()
    try:
        found: T | None = here.recv()
    except EOFError:  # the process was ended, for lack of memory as a rule
        found = None
    process.join()
    return found


def _send(
    out: multiprocessing.connection.Connection, work: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    end_with_parent()
    try:
        out.send(work(*arguments))
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise


def reset_peak() -> int | None:
    """Make the peak what is resident now, and return it, in bytes; ``None`` where the system does not tell."""
    if not RESET.exists():
        return None
    RESET.write_text("5")
    return peak()


def peak() -> int:
    """The most bytes that this process has had at once since the peak was reset."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])
