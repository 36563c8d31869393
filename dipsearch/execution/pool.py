"""The pool: one process per device (on a CPU one per core), each with its own desk.

The parent hands out one job at a time to each worker and hears news from it, so that counts and deadlines are
kept in one place. A worker that dies is replaced; a parent that dies takes its workers along.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path

from ..proposal.study import Settings
from .messages import Broken, Done, Job, News, Progress

_SPAWN = multiprocessing.get_context("spawn")

JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class Seat:
    """Where a worker works: its number, its device and its threads."""

    index: int
    device: str
    threads: int


@dataclass
class _Worker:
    seat: Seat
    process: SpawnProcess
    connection: Connection
    job: Job | None = None


@dataclass
class Pool:
    """The worker processes of one study on this machine.

    Args:
        folder: the study's folder.
        settings: what all workers share.
        seats: one for each worker.
    """

    folder: Path
    settings: Settings
    seats: Sequence[Seat]
    _workers: list[_Worker] = field(default_factory=list)
    _halt: Event = field(default_factory=_SPAWN.Event)

    def __enter__(self) -> Pool:
        self._workers = [self._start(seat) for seat in self.seats]
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
        return [worker.seat.index for worker in self._workers if worker.job is None]

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

    def poll(self, timeout: float) -> list[News]:
        """Wait up to ``timeout`` seconds for news; a dead worker is news, and is replaced."""
        waiting: dict[object, _Worker] = {worker.connection: worker for worker in self._workers}
        news: list[News] = []
        for ready in wait(list(waiting), timeout):  # type: ignore[arg-type]
            worker = waiting[ready]
            try:
                while worker.connection.poll():
                    item: News = worker.connection.recv()
                    if not isinstance(item, Progress):
                        worker.job = None
                    news.append(item)
            except (EOFError, ConnectionError):
                news.append(self._replace(worker))
        return news

    def kill(self) -> None:
        """End all processes now."""
        for worker in self._workers:
            worker.process.kill()

    def _replace(self, worker: _Worker) -> Broken:
        worker.process.join()
        worker.connection.close()
        code, job = worker.process.exitcode, worker.job
        self._workers[worker.seat.index] = self._start(worker.seat)
        return Broken(worker.seat.index, job, f"its process died ({_exit_in_words(code)})", fatal=True)

    def _start(self, seat: Seat) -> _Worker:
        here, there = _SPAWN.Pipe()
        process = _SPAWN.Process(
            target=serve, args=(self.folder, self.settings, seat, there, self._halt), daemon=True
        )
        with _environment(seat):
            process.start()
        there.close()
        return _Worker(seat, process, here)


def serve(folder: Path, settings: Settings, seat: Seat, connection: Connection, halt: Event) -> None:
    """A worker process: do jobs until told to stop or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    import optuna
    import torch

    from ..fitting.memory import keep_freed_memory
    from .worker import Desk

    keep_freed_memory()
    torch.set_num_threads(seat.threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    device = "cuda:0" if seat.device.startswith("cuda") else seat.device

    def report(progress: Progress) -> None:
        try:
            connection.send(progress)
        except ConnectionError:
            # The parent is gone. Leaving without a word keeps the candidate marked as running, so that the study
            # fits it again when it is resumed; an ordinary exception would mark it as failed.
            raise SystemExit(1) from None

    desk = Desk(folder, settings, seat.index, device, report=report, halted=halt.is_set)
    try:
        while (job := connection.recv()) is not None:
            try:
                connection.send(Done(seat.index, job, desk.do(job)))
            except ConnectionError:
                raise
            except Exception as error:  # the study goes on; the parent says what happened
                connection.send(Broken(seat.index, job, f"{type(error).__name__}: {error}"))
    except (EOFError, ConnectionError):
        return  # the parent is gone


@contextmanager
def _environment(seat: Seat) -> Iterator[None]:
    """Set what has to be in the environment before a child imports its libraries."""
    wanted = {"OMP_NUM_THREADS": str(seat.threads), "MKL_NUM_THREADS": str(seat.threads)}
    if seat.device.startswith("cuda:"):
        # Each process sees one GPU only, so nothing can land on a neighbour's by mistake.
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        number = int(seat.device.split(":")[1])
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
