"""A head start: workers load their libraries while the request is still looked into.

That takes a worker seconds, on a GPU many. On a CPU a process is started early only where it has a core of its own,
which nobody else uses either, so that the first answer and what is measured of this machine are what they would be
without it; on a GPU always, for that is where both are made. Nothing outlives the block.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from ..execution.executor import WorkerSpec
from ..execution.fork_server import start_fork_server
from ..execution.local_processes import LocalProcesses
from ..execution.task import Patches, Result
from ..trials.own_parts import NOTHING, OwnParts
from .devices import cores

LEAST_FOR_WORKERS = 10.0
"""Seconds of a budget that workers are started ahead for. With fewer no network is fitted, and where other programs are
busy they took the time of the first answer: 5 s of a 512 × 512 picture beside two loops lasted 11.8 s."""

Given = tuple[Patches, int, Future[Result]]
"""A task that a worker has, the worker's number, and what will come of it."""


def taken_cores() -> int:
    """Cores that other programs had at work in the last minute; 0 where the system does not say.

    The load is that of the whole machine, of which this process may have a part only.
    """
    return round(os.getloadavg()[0] * cores() / (os.cpu_count() or 1)) if hasattr(os, "getloadavg") else 0


@dataclass
class HeadStart:
    """Workers of this machine, before anything is planned for them.

    Args:
        folder: the study's.
        own: parts of the user's, of which every worker gets a copy.
        budget_seconds: of the search; ``None``: as long as it takes.

    Attributes:
        given: what they do already.
    """

    folder: Path
    own: OwnParts = NOTHING
    budget_seconds: float | None = None
    given: list[Given] = field(default_factory=list)
    _executor: LocalProcesses | None = None

    def __enter__(self) -> HeadStart:
        return self

    def __exit__(self, *reason: object) -> None:
        self._end()

    def prepare(self) -> None:
        """Have what workers on a CPU need imported while it is not yet known whether there will be any."""
        if self._room(besides=1) > 0:
            start_fork_server()

    def begin(self, devices: Sequence[str], *, besides: int) -> None:
        """Start workers for some devices: on a CPU as many as have a core of their own.

        Args:
            devices: of the workers, as far as it is known.
            besides: cores that this process needs for itself.
        """
        most = self._room(besides=besides) if devices[0] == "cpu" else 0 if self.short else len(devices)
        if most > 0:
            self._for(devices).start(most)

    @property
    def short(self) -> bool:
        """Whether there is too little time for any network."""
        return self.budget_seconds is not None and self.budget_seconds < LEAST_FOR_WORKERS

    @property
    def free(self) -> bool:
        """Whether a worker is there that has nothing to do."""
        return self._executor is not None and self._executor.free() > 0

    def give(self, task: Patches) -> None:
        """Have a task done by one."""
        assert self._executor is not None
        self.given.append((task, *self._executor.submit(task)))

    def workers(self, devices: Sequence[str]) -> LocalProcesses:
        """All workers of a plan; those that are there already are among them."""
        executor = self._for(devices)
        executor.start()
        return executor

    def _room(self, *, besides: int) -> int:
        return 0 if self.short else cores() - besides - taken_cores()

    def _for(self, devices: Sequence[str]) -> LocalProcesses:
        specs = [WorkerSpec(index, device, threads=1) for index, device in enumerate(devices)]
        if self._executor is None or list(self._executor.specs) != specs:
            self._end()
            self._executor = LocalProcesses(self.folder, specs, self.own)
        return self._executor

    def _end(self) -> None:
        if self._executor is not None:
            self._executor.__exit__()
        self._executor = None
        self.given.clear()
