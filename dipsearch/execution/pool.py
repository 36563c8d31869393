"""The pool: one process per device (on a CPU one per core), each with its own worker.

The parent hands out one job at a time to each worker and hears news from it, so that counts and deadlines are
kept in one place. A worker that dies is replaced; a parent that dies takes its workers along.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..proposal.study import Settings
from ..trials.own_parts import NOTHING, OwnParts, operators_of, unpacked
from .messages import Broken, Done, Job, Message, Progress

if TYPE_CHECKING:
    from .worker import Worker

_SPAWN = multiprocessing.get_context("spawn")

JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerSpec:
    """Where a worker works: its number, its device and its threads."""

    index: int
    device: str
    threads: int


@dataclass
class _Worker:
    spec: WorkerSpec
    process: SpawnProcess
    connection: Connection
    job: Job | None = None


@dataclass
class Pool:
    """The worker processes of one study on this machine.

    Args:
        folder: the study's folder.
        settings: what all workers share.
        specs: one for each worker.
        own: parts of the user's, of which every worker gets a copy.
    """

    folder: Path
    settings: Settings
    specs: Sequence[WorkerSpec]
    own: OwnParts = NOTHING
    _workers: list[_Worker] = field(default_factory=list)
    _halt: Event = field(default_factory=_SPAWN.Event)
    _packed: bytes | None = None

    def __enter__(self) -> Pool:
        self._packed = None if self.own is NOTHING else self.own.packed()
        self._workers = [self._start(spec) for spec in self.specs]
        return self

    def __exit__(self, *reason: object) -> None:
        self._halt.set()
        for worker in self._workers:
            _tell(worker.connection, None)
        for worker in self._workers:
            worker.process.join(JOIN_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()

    def idle(self) -> list[int]:
        """The numbers of the workers without a job."""
        return [worker.spec.index for worker in self._workers if worker.job is None]

    def busy(self) -> bool:
        """Whether any worker has a job."""
        return any(worker.job is not None for worker in self._workers)

    def submit(self, index: int, job: Job) -> None:
        """Give an idle worker a job."""
        worker = self._workers[index]
        worker.job = job
        _tell(worker.connection, job)

    def halt(self) -> None:
        """Ask all fits to end at their next check point."""
        self._halt.set()

    def go_on(self) -> None:
        """Take ``halt`` back, for the jobs that follow."""
        self._halt.clear()

    def poll(self, timeout: float) -> list[Message]:
        """Wait up to ``timeout`` seconds for news; a dead worker is news, and is replaced."""
        waiting: dict[object, _Worker] = {worker.connection: worker for worker in self._workers}
        messages: list[Message] = []
        for ready in wait(list(waiting), timeout):  # type: ignore[arg-type]
            worker = waiting[ready]
            try:
                while worker.connection.poll():
                    item: Message = worker.connection.recv()
                    if not isinstance(item, Progress):
                        worker.job = None
                    messages.append(item)
            except (EOFError, ConnectionError):
                messages.append(self._replace(worker))
        return messages

    def kill(self) -> None:
        """End all processes now."""
        for worker in self._workers:
            worker.process.kill()

    def _replace(self, worker: _Worker) -> Broken:
        worker.process.join()
        worker.connection.close()
        code, job = worker.process.exitcode, worker.job
        self._workers[worker.spec.index] = self._start(worker.spec)
        return Broken(worker.spec.index, job, f"its process died ({_exit_in_words(code)})", fatal=True)

    def _start(self, spec: WorkerSpec) -> _Worker:
        here, there = _SPAWN.Pipe()
        process = _SPAWN.Process(
            target=serve,
            args=(self.folder, self.settings, spec, there, self._halt, self._packed),
            daemon=True,
        )
        with _environment(spec), _without_main():
            process.start()
        there.close()
        return _Worker(spec, process, here)


def serve(
    folder: Path,
    settings: Settings,
    spec: WorkerSpec,
    connection: Connection,
    halt: Event,
    packed: bytes | None = None,
) -> None:
    """A worker process: do jobs until told to stop or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    import optuna
    import torch

    from ..fitting.memory import keep_freed_memory
    from .worker import Worker

    keep_freed_memory()
    torch.set_num_threads(spec.threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    device = "cuda:0" if spec.device.startswith("cuda") else spec.device

    def report(progress: Progress) -> None:
        try:
            connection.send(progress)
        except ConnectionError:
            # The parent is gone. Leaving without a word keeps the candidate marked as running, so that the study
            # fits it again when it is resumed; an ordinary exception would mark it as failed.
            raise SystemExit(1) from None

    own = unpacked(packed)
    worker = Worker(folder, settings, spec.index, device, report=report, halted=halt.is_set, own=own)
    with operators_of(folder, own):
        _serve(worker, spec, connection)


def _serve(worker: Worker, spec: WorkerSpec, connection: Connection) -> None:
    try:
        while (job := connection.recv()) is not None:
            try:
                connection.send(Done(spec.index, job, worker.do(job)))
            except ConnectionError:
                raise
            except Exception as error:  # the study goes on; the parent says what happened
                connection.send(Broken(spec.index, job, f"{type(error).__name__}: {error}"))
    except (EOFError, ConnectionError):
        return  # the parent is gone


@contextmanager
def _environment(spec: WorkerSpec) -> Iterator[None]:
    """Set what has to be in the environment before a child imports its libraries."""
    wanted = {"OMP_NUM_THREADS": str(spec.threads), "MKL_NUM_THREADS": str(spec.threads)}
    if spec.device.startswith("cuda:"):
        # Each process sees one GPU only, so nothing can land on a neighbour's by mistake.
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        number = int(spec.device.split(":")[1])
        wanted["CUDA_VISIBLE_DEVICES"] = (
            visible[number] if number < len(visible) and visible[0] else str(number)
        )
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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


def _tell(connection: Connection, message: Job | None) -> None:
    try:
        connection.send(message)
    except (BrokenPipeError, OSError):
        return  # the worker is dead; poll() will notice and replace it


def _exit_in_words(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"{name}, perhaps for lack of memory" if name == "SIGKILL" else name
    return f"exit code {code}"
