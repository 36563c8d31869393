"""The surroundings of a process that begins: its environment, its cores, the signals that it hears, its main module.

A child takes them from its parent, or from the process that it is forked from; while one starts, this process has for
a moment what the child is to find.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from threading import RLock
from types import MappingProxyType, ModuleType

from .executor import WorkerSpec

ONE_AT_A_TIME = RLock()
"""Held while a process starts, for which the environment and the main module of this one are others for a moment."""

WHOLE_GROUP = {signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])}
"""Signals that a terminal or a system sends to workers, too; what they mean is the parent's to decide, which ends its
workers by SIGKILL."""


@dataclass(frozen=True)
class Surroundings:
    """What a worker has in common with its parent; what it was forked from may have been there for long.

    Args:
        environment: all of it.
        cores: that it may use; ``None``: the system does not say.
    """

    environment: Mapping[str, str]
    cores: frozenset[int] | None

    def take(self) -> None:
        """Make them those of this process."""
        for name in set(os.environ) - set(self.environment):
            del os.environ[name]
        os.environ.update(self.environment)
        if self.cores is not None:
            os.sched_setaffinity(0, self.cores)


@contextmanager
def surroundings_for(
    spec: WorkerSpec, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Surroundings]:
    """Set what has to be in the environment before a child imports its libraries; yields what the child is to take.

    Args:
        spec: of the worker, which says how many threads it has and which GPU it sees.
        more: variables besides those.
    """
    wanted = {"OMP_NUM_THREADS": str(spec.threads), "MKL_NUM_THREADS": str(spec.threads), **more}
    if spec.device.startswith("cuda:"):
        # Each process sees one GPU only, so nothing can land on a neighbour's by mistake.
        wanted["CUDA_VISIBLE_DEVICES"] = visible_as(spec.device, os.environ.get("CUDA_VISIBLE_DEVICES"))
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        yield Surroundings(dict(os.environ), None if cores is None else frozenset(cores))
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def visible_as(device: str, visible: str | None) -> str:
    """What names a GPU of this process to a child that is to see no other one.

    Args:
        device: "cuda:1": the second one that this process sees.
        visible: what tells this process which it sees: numbers, UUIDs of GPUs or of parts of one (MIG); ``None``: all.
    """
    number = device.partition(":")[2]
    names = [name.strip() for name in (visible or "").split(",") if name.strip()]
    return names[int(number)] if int(number) < len(names) else number


@contextmanager
def without_main() -> Iterator[None]:
    """Start a child that does not run the user's script again.

    Spawned children import the parent's main module, in case that something to be done was defined there. Workers need
    nothing of it, and a script without ``if __name__ == "__main__"`` would begin a search of its own in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def deaf() -> Iterator[None]:
    """Start a child that does not hear the terminal's signals while it imports its libraries, which takes seconds."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # or else the start of a child does so, and unblocks them on its way
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WHOLE_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
