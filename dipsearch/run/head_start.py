"""A head start: workers load their libraries while the request is still looked into.

That takes a worker seconds, on a GPU many. A process is started early only where it has a core of its own, which nobody
else uses either, so that the first answer and what is measured of this machine are what they would be without it.
Nothing outlives the block.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from ..execution.executor import WorkerSpec
from ..execution.local_processes import LocalProcesses
from ..execution.task import Patches, Result
from ..trials.own_parts import NOTHING, OwnParts
from .devices import cores

Given = tuple[Patches, int, Future[Result]]
"""A task that a worker has, the worker's number, and what will come of it."""


def taken_cores() -> int:
    """Cores that other programs had at work in the last minute; 0 where the system does not say."""
    return round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0


@dataclass
class HeadStart:
    """Workers of this machine, before anything is planned for them.

    Args:
        folder: the study's.
        own: parts of the user's, of which every worker gets a copy.

    Attributes:
        given: what they do already.
    """

    folder: Path
    own: OwnParts = NOTHING
    given: list[Given] = field(default_factory=list)
    _executor: LocalProcesses | None = None

    def __enter__(self) -> HeadStart:
        return self

    def __exit__(self, *reason: object) -> None:
        self._end()

    def begin(self, devices: Sequence[str], *, besides: int) -> None:
        """Start workers for some devices, as many as have a core of their own.

        Args:
            devices: of the workers, as far as it is known.
            besides: cores that this process needs for itself.
        """
        most = cores() - besides - taken_cores()
        if most > 0:
            self._for(devices).start(most)

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
