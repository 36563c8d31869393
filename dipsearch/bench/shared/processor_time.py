"""Processor time of a program and of all that it started, also of what outlived it.

A search's workers are forked from a server that ends after it, so that nobody but the system waits for that: its time
would be lost. On Linux this process takes over what outlives a child of its own.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from .processes import processes

_Returned = TypeVar("_Returned")

PR_SET_CHILD_SUBREAPER = 36
"""Of Linux's ``prctl``."""

PATIENCE, PAUSE = 5.0, 0.02
"""Seconds that are waited for what outlives a program, and between two looks."""


def with_processor_seconds(work: Callable[[], _Returned]) -> tuple[_Returned, float]:
    """What a piece of work returns, and the processor seconds of the programs that it ran and of all they started.

    Programs that are under way before are left alone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    others, before = _children(), _of_those_that_ended()
    returned = work()
    until = time.monotonic() + PATIENCE
    while (left := _children() - others) and time.monotonic() < until:
        for pid in left:
            with suppress(ChildProcessError):  # somebody else has waited for it
                os.waitpid(pid, os.WNOHANG)
        time.sleep(PAUSE)
    return returned, _of_those_that_ended() - before


def _children() -> set[int]:
    return {entry.pid for entry in processes() if entry.parent == os.getpid()}


def _of_those_that_ended() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
