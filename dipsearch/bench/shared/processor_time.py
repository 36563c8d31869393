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

PR_SET_CHILD_SUBREAPER = 36
"""Of Linux's ``prctl``."""

PATIENCE, PAUSE = 5.0, 0.02
"""Seconds that are waited for what outlives a program, and between two looks."""


def adopt_orphans() -> None:
    """Become the parent of what outlives children of this process, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def of_children() -> float:
    """Processor seconds of all children that have ended, and of theirs; adopted ones are waited for."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not ended:
            time.sleep(PAUSE)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
