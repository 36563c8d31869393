"""The processes of this machine, as the kernel lists them: who started whom, and who belongs together.

Benches that end processes look here for the workers of a search, and for those that outlived it.
Processor time is that of a program and of all that it started, also of what outlived it: a search's workers are forked
from a server that ends after it, so that nobody but the system waits for that, and its time would be lost. On Linux
this process takes over what outlives a child of its own.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

PROC = Path("/proc")
ENDED = "ZX"
"""The states of processes that only wait to be forgotten."""


@dataclass(frozen=True)
class ProcessEntry:
    """One process.

    Args:
        pid: its number.
        parent: the number of the process that started it.
        group: the number of its process group.
        alive: it has not ended.
        command: its command line.
    """

    pid: int
    parent: int
    group: int
    alive: bool
    command: str


def processes() -> list[ProcessEntry]:
    """All processes, those that end meanwhile left out; none where the system does not list them in files."""
    if not PROC.is_dir():
        return []
    found = (_entry(folder) for folder in PROC.iterdir() if folder.name.isdigit())
    return [entry for entry in found if entry is not None]


def members(group: int) -> list[int]:
    """The living processes of a group."""
    return [entry.pid for entry in processes() if entry.group == group and entry.alive]


def workers(parent: int) -> list[int]:
    """The living processes that ``multiprocessing`` spawned for a parent, or forked from what it spawned for that."""
    found = [entry for entry in processes() if entry.alive]
    servers = {entry.pid for entry in found if entry.parent == parent and "forkserver" in entry.command}
    return [
        entry.pid
        for entry in found
        if entry.parent in servers or (entry.parent == parent and "spawn_main" in entry.command)
    ]


def _entry(folder: Path) -> ProcessEntry | None:
    try:
        stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        command = (folder / "cmdline").read_bytes()
    except OSError:  # it has just ended
        return None
    state, parent, group = stat.rpartition(")")[2].split()[:3]
    words = os.fsdecode(command.replace(b"\0", b" ")).strip()
    return ProcessEntry(int(folder.name), int(parent), int(group), state not in ENDED, words)


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
