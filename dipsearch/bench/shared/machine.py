"""The machine that a measurement was made on: what it is called, what runs on it, and the best it can do."""

from __future__ import annotations

import platform
import re
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...fitting.memory import keep_freed_memory
from ...fitting.precision import Precision, effective, tf32

_SIDE, _COPIED = {"cpu": 1024, "cuda": 8192}, {"cpu": 64 * 2**20, "cuda": 2**30}
"""Sides of the matrices, and bytes of the copy: on a GPU the smaller ones take no longer than their launch."""

_SECONDS = 0.3


@dataclass(frozen=True)
class Ceilings:
    """What no loop can pass.

    Attributes:
        flops: of a product of two matrices of 32-bit numbers, in operations per second.
        bytes: read and written by a copy, per second.
        tf32, bf16: as ``flops``, with factors rounded to these formats; ``None`` where the device has none of them.
    """

    flops: float
    bytes: float
    tf32: float | None = None
    bf16: float | None = None

    def of(self, precision: Precision) -> float:
        """Operations per second in a precision."""
        rounded = {"tf32": self.tf32, "bf16": self.bf16}.get(precision)
        return self.flops if rounded is None else rounded


def machine_name(device: str) -> str:
    """The processor or GPU, as the system calls it."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def file_name(machine: str) -> str:
    """The name in a form that suits file systems: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")


def versions() -> dict[str, str]:
    """What the figures depend on besides the machine."""
    from ... import __version__

    return {
        "dipsearch": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def command_line() -> str:
    """The command of this process."""
    return shlex.join(["python", *sys.argv])


@dataclass(frozen=True)
class Measured:
    """Something that was measured at once: on which machine, by which command, with which versions, and when."""

    machine: str
    command: str
    versions: dict[str, str]
    date: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def measured_now(device: str) -> tuple[str, str, dict[str, str], str]:
    """The first fields of what is measured now."""
    return machine_name(device), command_line(), versions(), time.strftime("%Y-%m-%d")


class Clock:
    """Seconds of a device's work.

    On a CPU with one thread it is the processor's time: what other programs take of the machine does not
    count. Elsewhere it is wall time, read when the device has finished.

    Attributes:
        kind: "processor" or "wall".
    """

    def __init__(self, device: str, *, threads: int) -> None:
        self._device = device
        self.kind = "processor" if device == "cpu" and threads == 1 else "wall"

    def __call__(self) -> float:
        if self._device.startswith("cuda"):
            torch.cuda.synchronize(self._device)
        elif self._device == "mps":
            torch.mps.synchronize()
        return time.process_time() if self.kind == "processor" else time.perf_counter()


def measure_ceilings(device: str, *, clock: Clock) -> Ceilings:
    """Measure the best rates of a device, each as the fastest of many tries within a third of a second."""
    kind = "cuda" if device.startswith("cuda") else "cpu"
    copied = _copied(device, size=_COPIED[kind], clock=clock)
    found = {word: _product(device, word, side=_SIDE[kind], clock=clock) for word in _known(device)}
    return Ceilings(found["fp32"], copied, found.get("tf32"), found.get("bf16"))


def _copied(device: str, *, size: int, clock: Clock) -> float:
    """Bytes per second that a copy of so many reads and writes."""
    source = torch.rand(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / _fastest(lambda: target.copy_(source), clock)


def _known(device: str) -> list[Precision]:
    """The precisions that are different ones on a device."""
    words: tuple[Precision, ...] = ("fp32", "tf32", "bf16")
    return [word for word in words if effective(word, torch.device(device)) == word]


def _product(device: str, precision: Precision, *, side: int, clock: Clock) -> float:
    """Operations per second of a product of two matrices."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.rand(side, side, device=device, dtype=kind) for _ in range(2))
    product = torch.empty_like(a)
    with tf32(torch.backends.cuda.matmul, precision == "tf32"):
        return 2 * side**3 / _fastest(lambda: torch.mm(a, b, out=product), clock)


def _fastest(work: Callable[[], object], clock: Clock) -> float:
    best, until = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < until:
        start = clock()
        work()
        best = min(best, clock() - start)
    return best


def one_thread() -> None:
    """Make this process compute with one thread, as a worker of a search does."""
    torch.set_num_threads(1)
    keep_freed_memory()
