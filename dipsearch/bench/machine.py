"""The machine that a measurement was made on: what it is called, what runs on it, and the best it can do."""

from __future__ import annotations

import platform
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

_SIDE = 1024
_COPIED = 64 * 2**20
_SECONDS = 0.3


@dataclass(frozen=True)
class Ceilings:
    """What no loop can pass.

    Attributes:
        flops: of a product of two 1024 × 1024 matrices of 32-bit numbers, in operations per second.
        bytes: read and written by a copy of 64 MB, per second.
    """

    flops: float
    bytes: float


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
    from .. import __version__

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
    return " ".join(["python", *sys.argv])


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
    a, b = (torch.rand(_SIDE, _SIDE, device=device) for _ in range(2))
    product = torch.empty_like(a)
    source = torch.rand(_COPIED // 4, device=device)
    target = torch.empty_like(source)

    def fastest(work: str) -> float:
        best, until = float("inf"), time.perf_counter() + _SECONDS
        while time.perf_counter() < until:
            start = clock()
            if work == "product":
                torch.mm(a, b, out=product)
            else:
                target.copy_(source)
            best = min(best, clock() - start)
        return best

    return Ceilings(2 * _SIDE**3 / fastest("product"), 2 * _COPIED / fastest("copy"))
