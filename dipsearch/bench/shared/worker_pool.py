"""A pool of processes for the fits of a bench, and the watch by which whatever a bench starts ends with it.

Python ends what ``multiprocessing`` started when a program ends by itself or by Ctrl-C. A program that is ended by
SIGTERM, as by ``timeout`` or a system that shuts down, or by SIGKILL, leaves it behind: a fit went on for a quarter of
an hour.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from threading import Thread

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
