"""Local processes: one worker per device of this machine, on a CPU one per core, each in a process of its own.

A worker that dies is replaced, and its task can be given to another one; a parent that dies takes its workers along.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from ..errors import ResourceError
from ..trials.own_parts import NOTHING, OwnParts, operators_of, unpacked
from .executor import GIVEN_UP, TaskFailed, WorkerDied, WorkerSpec, unsendable
from .fork_server import from_own_server, start_fork_server
from .surroundings import ONE_AT_A_TIME, WHOLE_GROUP, Surroundings, deaf, surroundings_for, without_main
from .task import Result, Slice, Task

ENDING = 5.0
"""Seconds that the end of a process is waited for: one whose disk hangs does not even hear that it is killed."""


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
            _wait_for(one.process)
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
            future.set_exception(unsendable(error))
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
                future.set_exception(TaskFailed(GIVEN_UP))

    def checkpoint(self, *, within: float) -> None:
        """Nothing to do: workers write into the folder."""

    def kill(self) -> None:
        """End all processes now."""
        for one in self._processes:
            one.process.kill()

    def _replace(self, one: _Process) -> None:
        how, future = _wait_for(one.process), one.future
        one.connection.close()
        self._processes[self._processes.index(one)] = self._started(one.spec)
        if future is not None:
            future.set_exception(WorkerDied(how))

    def _started(self, spec: WorkerSpec) -> _Process:
        with ONE_AT_A_TIME:
            if spec.device == "cpu" and start_fork_server():
                with suppress(OSError, EOFError):  # there is no memory for a fork, or the server has ended
                    # A fork is as deaf as the server; this process waits for that, and has to hear what it is told.
                    return self._begun(spec, "forkserver")
            with deaf():
                return self._begun(spec, "spawn")

    def _begun(self, spec: WorkerSpec, method: str) -> _Process:
        context: Any = multiprocessing.get_context(method)
        here, there = context.Pipe()
        with surroundings_for(spec) as surroundings, without_main(), from_own_server():
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
    from .worker import Worker, in_words

    keep_freed_memory()
    torch.set_num_threads(spec.threads)
    device = "cuda:0" if spec.device.startswith("cuda") else spec.device
    own = unpacked(packed)
    if device.startswith("cuda"):
        warm_up(device)
    gc.freeze()  # what was imported lasts: giving back memory took a tenth of a second of looking through it
    worker = Worker(folder, device, own)
    with operators_of(folder, own), suppress(EOFError, ConnectionError):  # the parent is gone
        while task := connection.recv_bytes():
            try:
                found: Result | Exception = worker.do(cloudpickle.loads(task))
            except Exception as error:  # the search goes on; the parent says what happened
                if not worker.usable:
                    return  # another process takes its place, and is given the task
                found = error if isinstance(error, TaskFailed) else TaskFailed(in_words(error))
            connection.send(found)


def _settle(one: _Process, found: Result | Exception) -> None:
    future, one.future = one.future, None
    assert future is not None
    if isinstance(found, Exception):
        future.set_exception(found)
    else:
        future.set_result(found)


def _send(connection: Connection, packed: bytes) -> None:
    try:
        connection.send_bytes(packed)
    except (BrokenPipeError, OSError):
        return  # the worker is dead; wait() will notice and replace it


def _wait_for(process: BaseProcess) -> str:
    """Wait until a process has ended, but not for ever; how it ended, in words."""
    process.join(ENDING)
    code = process.exitcode
    if code is None:
        process.kill()
        # Python waits for all its children at its own exit, and has no public way to let one of them go.
        multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]
        return f"its process is through and did not end within {ENDING:.0f} s"
    if code < 0:
        name = signal.Signals(-code).name
        return f"its process died ({name}{', perhaps for lack of memory' if name == 'SIGKILL' else ''})"
    return f"its process died (exit code {code})"
