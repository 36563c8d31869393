"""The processes of this machine, as the kernel lists them: who started whom, and who belongs together.

Benches that end processes look here for the workers of a search, and for those that outlived it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

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
