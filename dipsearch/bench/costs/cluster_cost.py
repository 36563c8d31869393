"""The cost of a cluster: what a slice takes by Dask, beside what it takes by processes of this machine.

One worker of each kind in turns, with slices of a second and files as in a search. The processor time of all processes
tells what travelling costs, whatever else the machine does; the wall time has the waiting in it, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from ...execution.dask_cluster import DaskCluster
from ...execution.executor import Executor, WorkerSpec
from ...execution.local_processes import LocalProcesses
from ...execution.task import Slice
from ..shared.processes import PROC, processes
from .scaling import iterations_per_second

TURNS, SECONDS = 3, 15.0
ALLOWED_ON_A_CLUSTER = 0.1


@dataclass(frozen=True)
class ClusterCost:
    """Iterations of one worker per second and per second of processors, in turns by local processes and by Dask.

    Attributes:
        rates: of each turn, first by local processes, then by Dask, by the clock of the wall.
        efficiencies: likewise, by the processor time of all processes.
    """

    rates: tuple[tuple[float, float], ...]
    efficiencies: tuple[tuple[float, float], ...]

    @property
    def share(self) -> float:
        """What Dask needs more of the wall time, the median of the turns."""
        return median(local / dask - 1 for local, dask in self.rates)

    @property
    def processor_share(self) -> float:
        """What Dask needs more of the processor time, likewise."""
        return median(local / dask - 1 for local, dask in self.efficiencies)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        both = {"share": self.share, "processor_share": self.processor_share}
        return {**asdict(self), **both, "allowed": ALLOWED_ON_A_CLUSTER}

    @property
    def sentence(self) -> str:
        """For people."""
        turns = ", ".join(f"{100 * (local / dask - 1):+.1f} %" for local, dask in self.rates)
        return (
            f"{100 * self.share:+.1f} % of time against local processes (in turns {turns}), "
            f"{100 * self.processor_share:+.1f} % of processor time; {100 * ALLOWED_ON_A_CLUSTER:.0f} % are allowed"
        )


@dataclass
class _Clock:
    """The wall's, which notes the processor time whenever it is looked at."""

    processor: Callable[[], float]
    seen: list[tuple[float, float]] = field(default_factory=list)

    def __call__(self) -> float:
        self.seen.append((time.monotonic(), self.processor()))
        return self.seen[-1][0]

    @property
    def busy(self) -> float:
        """Processors that were at work on average since the first look."""
        (begun, before), (ended, after) = self.seen[0], self.seen[-1]
        return (after - before) / (ended - begun)


def measure_cluster(folder: Path, task: Slice) -> ClusterCost:
    """Let a process of this machine and a worker of Dask's on it work in turns.

    Args:
        folder: of a study.
        task: a slice of a fit in it.

    Raises:
        ResourceError: Dask is not installed.
    """

    def of(executor: AbstractContextManager[Executor], place: str) -> tuple[float, float]:
        clock = _Clock(processor_seconds)
        with executor as opened:
            rate = iterations_per_second(opened, replace(task, place=place), seconds=SECONDS, clock=clock)
        return rate, rate / clock.busy

    both = [
        (
            of(LocalProcesses(folder, [WorkerSpec(0, "cpu")]), f"cluster/{turn}-local"),
            of(DaskCluster(folder, "local:1"), f"cluster/{turn}-dask"),
        )
        for turn in range(TURNS)
    ]
    return ClusterCost(
        tuple((local[0], dask[0]) for local, dask in both), tuple((local[1], dask[1]) for local, dask in both)
    )


def processor_seconds() -> float:
    """Processor time so far of this process and of all that come from it and live."""
    children: dict[int, list[int]] = {}
    for one in processes():
        children.setdefault(one.parent, []).append(one.pid)
    found, todo = 0.0, [os.getpid()]
    while todo:
        pid = todo.pop()
        todo += children.get(pid, ())
        try:
            stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has just ended
            continue
        user, system = stat.rpartition(")")[2].split()[11:13]
        found += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return found
