"""A pool of processes for the fits of a bench, and the watch by which whatever a bench starts ends with it.

Python ends what ``multiprocessing`` started when a program ends by itself or by Ctrl-C. A program that is ended by
SIGTERM, as by ``timeout`` or a system that shuts down, or by SIGKILL, leaves it behind: a fit went on for a quarter of
an hour.

A measurement may have a process of its own, where nothing of an earlier one is in the way: a copy of a process that has
imported everything starts in a moment; CUDA does not survive the copying, and not every system has it. The peak of the
memory that a process has had at once is what Linux tells of it.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from ...errors import out_of_memory
from .machine import one_thread


@contextmanager
def worker_pool(workers: int, begin: Callable[[], object] = one_thread) -> Iterator[ProcessPoolExecutor]:
    """So many processes that end with this one.

    Args:
        workers: how many.
        begin: what each of them does first.
    """
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begun, initargs=(begin,)
    ) as pool:
        yield pool


def end_with_parent() -> None:
    """Have this process end at once when the one that started it has ended, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_watch, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()


def _begun(begin: Callable[[], object]) -> None:
    end_with_parent()
    begin()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)  # nobody waits for what it does, and other threads may be in the middle of a fit


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
