"""Local processes: one worker per device of this machine, on a CPU one per core, each in a process of its own.

A worker that dies is replaced, and its task can be given to another one; a parent that dies takes its workers along.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import RLock
from types import MappingProxyType, ModuleType
from typing import Any

import cloudpickle
import numpy as np

from ..errors import ResourceError
from ..trials.own_parts import NOTHING, OwnParts, operators_of, unpacked
from .executor import TaskFailed, WorkerDied, WorkerSpec
from .task import Result, Slice, Task

FORKED = sys.platform == "linux"
"""Whether workers without a GPU are forked from a process that has imported what they need: each of them took 1.9
seconds of a core for that. Apple's libraries do not survive a fork, nor does CUDA, and Windows has none."""

IMPORTED = (f"{__package__}.worker", f"{__package__}.warm_up")
"""What the fork server imports. No thread begins with it, and nothing is computed: so it may be forked."""

_ONE_AT_A_TIME = RLock()
"""Held while a process starts, for which the environment and the main module of this one are others for a moment."""

WHOLE_GROUP = {signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])}
"""Signals that a terminal or a system sends to workers, too; what they mean is the parent's to decide, which ends its
workers by SIGKILL."""


@dataclass
class _Process:
    spec: WorkerSpec
    process: BaseProcess
    connection: Connection
    future: Future[Result] | None = None
    places: list[str] = field(default_factory=list)  # of the fits that it advanced, the latest last


@dataclass
class LocalProcesses:
    """The worker processes of one study on this machine.

    Args:
        folder: that the files of tasks are relative to.
        specs: one for each worker.
        own: parts of the user's, of which every worker gets a copy.
    """

    folder: Path
    specs: Sequence[WorkerSpec]
    own: OwnParts = NOTHING
    _processes: list[_Process] = field(default_factory=list)
    _packed: bytes | None = None

    def __enter__(self) -> LocalProcesses:
        self.start()
        return self

    def start(self, most: int | None = None) -> None:
        """Start those that are not there yet, ``most`` in all; the others begin with the block.

        Raises:
            ResourceError: this process may have no children.
        """
        if multiprocessing.current_process().daemon:
            raise ResourceError(
                "dipsearch was called in a daemonic process, as those of multiprocessing.Pool are",
                "its workers are processes, and Python lets daemonic ones have none",
                "call it in a process of concurrent.futures.ProcessPoolExecutor instead, which may",
            )
        if not self._processes:
            self._packed = self.own.packed()
        for spec in self.specs[len(self._processes) : most]:
            self._processes.append(self._started(spec))

    def __exit__(self, *reason: object) -> None:
        """End them at once: what they have done is in its files, and to shut Python down takes a second."""
        self.kill()
        for one in self._processes:
            one.process.join()
            one.connection.close()
        self._processes.clear()

    @property
    def workers(self) -> Sequence[WorkerSpec]:
        """All of them; a dead one is replaced."""
        return self.specs

    def free(self) -> int:
        """How many have no task."""
        return sum(one.future is None for one in self._processes)

    @property
    def lost(self) -> bool:
        """Never: they are started anew."""
        return False

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        """Have a task done by a free worker; see ``Executor``."""
        idle = [one for one in self._processes if one.future is None]
        place = task.place if isinstance(task, Slice) else ""
        # Who advanced the fits last, or else who has the fewest of others to forget.
        one = next((one for one in idle if place in one.places[-1:]), None) or next(
            (one for one in idle if place in one.places), min(idle, key=lambda one: len(one.places))
        )
        if place:
            for other in self._processes:
                if place in other.places:
                    other.places.remove(place)
            one.places.append(place)
        future: Future[Result] = Future()
        try:
            packed = cloudpickle.dumps(task)  # a network of the user's may be defined in the script itself
        except Exception as error:  # pickling foreign objects may raise anything
            future.set_exception(TaskFailed(f"it cannot be sent to a worker: {error!r}"))
            return one.spec.index, future
        one.future = future
        _send(one.connection, packed)
        return one.spec.index, future

    def wait(self, timeout: float) -> None:
        """Wait until something has come of a task; see ``Executor``."""
        connections: dict[object, _Process] = {one.connection: one for one in self._processes}
        for ready in wait(list(connections), timeout):  # type: ignore[arg-type]
            one = connections[ready]
            try:
                _settle(one, one.connection.recv())
            except (EOFError, OSError):  # it may end in the middle of a message
                self._replace(one)

    def give_up(self, future: Future[Result]) -> None:
        """End the process that works on it; another one takes its place."""
        for one in list(self._processes):
            if one.future is future:
                one.future = None
                one.process.kill()
                self._replace(one)
                future.set_exception(TaskFailed("nobody waited for it any more"))

    def checkpoint(self, *, within: float) -> None:
        """Nothing to do: workers write into the folder."""

    def kill(self) -> None:
        """End all processes now."""
        for one in self._processes:
            one.process.kill()

    def _replace(self, one: _Process) -> None:
        one.process.join()
        one.connection.close()
        code, future = one.process.exitcode, one.future
        self._processes[self._processes.index(one)] = self._started(one.spec)
        if future is not None:
            future.set_exception(WorkerDied(f"its process died ({_exit_in_words(code)})"))

    def _started(self, spec: WorkerSpec) -> _Process:
        with _ONE_AT_A_TIME:
            if spec.device == "cpu" and start_fork_server():
                with suppress(OSError, EOFError):  # there is no memory for a fork, or the server has ended
                    # A fork is as deaf as the server; this process waits for that, and has to hear what it is told.
                    return self._begun(spec, "forkserver")
            with _deaf():
                return self._begun(spec, "spawn")

    def _begun(self, spec: WorkerSpec, method: str) -> _Process:
        context: Any = multiprocessing.get_context(method)
        here, there = context.Pipe()
        with _environment(spec) as environment, _without_main():
            surroundings = Surroundings(environment, cores=_cores())
            arguments = self.folder, spec, there, surroundings, self._packed
            process = context.Process(target=serve, args=arguments, daemon=True)
            try:
                process.start()
            except (OSError, EOFError):
                here.close()
                raise
            finally:
                there.close()
        return _Process(spec, process, here)


def start_fork_server() -> bool:
    """Begin the process that workers without a GPU are forked from, unless it is there; it is not waited for.

    It lasts as long as this process, so that the workers of a later search are there in a moment. It is the one that
    ``multiprocessing`` has for a process.

    Returns:
        Whether it is there; not where the name of the folder for temporary files is too long for its socket.
    """
    if not FORKED:
        return False
    from multiprocessing.forkserver import ensure_running

    multiprocessing.set_forkserver_preload(list(IMPORTED))
    # It looks for modules where this process does, and nowhere else, or it had another dipsearch than its parent.
    folders = [
        path for path in sys.path if isinstance(path, str)
    ]  # what else is in it Python does not look at
    paths = {"PYTHONPATH": os.pathsep.join(folders), "PYTHONSAFEPATH": "1"}
    with _ONE_AT_A_TIME, _environment(WorkerSpec(0, "cpu"), paths), _without_main(), _deaf():
        try:
            ensure_running()
        except OSError:
            return False
    return True


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


def _cores() -> frozenset[int] | None:
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def serve(
    folder: Path, spec: WorkerSpec, connection: Connection, surroundings: Surroundings, packed: bytes | None
) -> None:
    """A worker process: do tasks until told to stop or until the parent is gone."""
    for number in WHOLE_GROUP:
        signal.signal(number, signal.SIG_IGN)
    surroundings.take()
    np.random.seed()  # noqa: NPY002  (that of own modules; forks of one process began with the same numbers)
    import torch

    from ..fitting.memory import keep_freed_memory
    from .warm_up import warm_up
    from .worker import Worker

    keep_freed_memory()
    torch.set_num_threads(spec.threads)
    device = "cuda:0" if spec.device.startswith("cuda") else spec.device
    own = unpacked(packed)
    if device.startswith("cuda"):
        warm_up(device)
    with operators_of(folder, own):
        _serve(Worker(folder, device, own), connection)


def _serve(worker: object, connection: Connection) -> None:
    from .worker import Worker, in_words

    assert isinstance(worker, Worker)
    try:
        while packed := connection.recv_bytes():
            try:
                found: Result | Exception = worker.do(cloudpickle.loads(packed))
            except Exception as error:  # the search goes on; the parent says what happened
                if not worker.usable:
                    return  # another process takes its place, and is given the task
                found = error if isinstance(error, TaskFailed) else TaskFailed(in_words(error))
            connection.send(found)
    except (EOFError, ConnectionError):
        return  # the parent is gone


def _settle(one: _Process, found: Result | Exception) -> None:
    future, one.future = one.future, None
    assert future is not None
    if isinstance(found, Exception):
        future.set_exception(found)
    else:
        future.set_result(found)


@contextmanager
def _environment(
    spec: WorkerSpec, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[dict[str, str]]:
    """Set what has to be in the environment before a child imports its libraries; yields all of the environment."""
    wanted = {"OMP_NUM_THREADS": str(spec.threads), "MKL_NUM_THREADS": str(spec.threads), **more}
    if spec.device.startswith("cuda:"):
        # Each process sees one GPU only, so nothing can land on a neighbour's by mistake.
        wanted["CUDA_VISIBLE_DEVICES"] = visible_as(spec.device, os.environ.get("CUDA_VISIBLE_DEVICES"))
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield dict(os.environ)
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
def _without_main() -> Iterator[None]:
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
def _deaf() -> Iterator[None]:
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


def _send(connection: Connection, packed: bytes) -> None:
    try:
        connection.send_bytes(packed)
    except (BrokenPipeError, OSError):
        return  # the worker is dead; wait() will notice and replace it


def _exit_in_words(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"{name}, perhaps for lack of memory" if name == "SIGKILL" else name
    return f"exit code {code}"
