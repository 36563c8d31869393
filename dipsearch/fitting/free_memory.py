"""Free memory: what fits can still take from the machine before something is ended for lack of it.

On Linux the kernel's own estimate of what is available, or what the control group of this process (a
container, a batch job) has left where that is less; on a CUDA device what its driver calls free. Elsewhere
nobody says, and there is no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

ROOT = Path("/")

UNUSABLE = RuntimeError, AssertionError, torch.cuda.DeferredCudaCallError
"""What PyTorch raises of a GPU that cannot be used: an error of CUDA's, that it was built without CUDA, and what went
wrong before anybody had asked for a GPU."""


def free_bytes(device: str, *, root: Path = ROOT) -> int | None:
    """Bytes of memory that are free for fits on ``device`` ("cpu", "cuda:1", …); ``None`` where it cannot be told.

    Args:
        root: where ``proc`` and ``sys`` lie.
    """
    if device.startswith("cuda"):
        try:
            return int(torch.cuda.mem_get_info(device)[0])
        except UNUSABLE:
            return 0  # not even what a process needs to ask is there
    if device != "cpu":
        return None
    known = [_available(root), *_left_in_groups(root)]
    return min((value for value in known if value is not None), default=None)


def _available(root: Path) -> int | None:
    """MemAvailable of the system: free pages, and those that the kernel can give up."""
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return None


def _left_in_groups(root: Path) -> Iterator[int]:
    """What each control group of this process that has a limit has left, in both versions of the interface."""
    for line in _lines(root / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        if not kinds:
            top, limit, used, given_up = "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in kinds.split(","):
            top, limit, used, given_up = (
                "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            )  # fmt: skip
        else:
            continue
        inner = root / top / path.strip("/")
        # In a container the path is often that of the host, and its own group stands at the top.
        for folder in (inner, *inner.parents):
            if not folder.is_relative_to(root / top):
                break
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None:
                yield max(0, most - taken + _statistic(folder / "memory.stat", given_up))


def _number(file: Path) -> int | None:
    first = next(iter(_lines(file)), "")
    return int(first) if first.isdigit() else None  # "max": no limit


def _statistic(file: Path, name: str) -> int:
    """A value of ``memory.stat``; caches of files that can be dropped are counted as used, though they are free."""
    for line in _lines(file):
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
