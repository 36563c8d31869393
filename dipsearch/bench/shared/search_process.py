"""A search as a process: the command line as a person types it, in a folder and a process group of its own.

Benches that measure promises start it, time it, send it signals and kill it. They know nothing of the inside of a run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...library.kept_studies import PLACE
from .processes import members

PROGRAM: tuple[str, ...] = (sys.executable, "-m", "dipsearch")
LAST_WORDS = 10.0
"""Seconds after which a killed process group has to be gone."""


@dataclass(frozen=True)
class Ending:
    """How a search ended.

    Args:
        code: its exit code, negative after a signal; ``None``: it was given up.
        seconds: on the clock, from its start until it was gone.
        errors: what it wrote to standard error.
    """

    code: int | None
    seconds: float
    errors: str

    @property
    def last_line(self) -> str:
        """The last line of its errors, else its exit code in words."""
        lines = self.errors.strip().splitlines()
        said = f"exit code {self.code}" if self.code is not None else "it had not ended and was given up"
        return lines[-1].removeprefix("dipsearch: error: ") if lines else said


class SearchProcess:
    """A running search; ``started`` makes one.

    Args:
        process: the leader of its process group.
        out, err: what it writes.
    """

    def __init__(self, process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes]) -> None:
        self.pid = process.pid
        self._process, self._out, self._err = process, out, err
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start, on the clock."""
        return time.monotonic() - self._started

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def said(self) -> str:
        """What it has written so far, to both channels."""
        return _written(self._out) + _written(self._err)

    def wait(self, timeout: float) -> Ending | None:
        """How it ended; ``None``: not within so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(timeout, 0))
        return None if self.running else self._ending(self._process.returncode)

    def ending(self, timeout: float) -> Ending:
        """How it ended; one that has not ended within so many seconds is killed."""
        ended = self.wait(timeout)
        if ended is None:
            seconds = self.seconds
            self.kill()
            ended = Ending(None, seconds, self._ending(None).errors)
        return ended

    def send(self, number: signal.Signals, *, everyone: bool) -> None:
        """Send a signal to the search alone, or to all of its process group, as a terminal does."""
        with suppress(ProcessLookupError):
            (os.killpg if everyone else os.kill)(self.pid, number)

    def kill(self) -> None:
        """End all of the process group at once (``kill -9``) and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        wait_for(lambda: not members(self.pid), seconds=LAST_WORDS)

    def _ending(self, code: int | None) -> Ending:
        return Ending(code, self.seconds, _written(self._err))


def _written(file: IO[bytes]) -> str:
    # The program writes through the same file descriptions, so their positions must stay where they are.
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


@contextmanager
def nothing_ignored() -> Iterator[None]:
    """Let a child hear signals that this process was started to ignore, behind nohup or an ampersand."""
    ignored = [one for one in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(one) == signal.SIG_IGN]
    for one in ignored:
        signal.signal(one, signal.SIG_DFL)
    try:
        yield
    finally:
        for one in ignored:
            signal.signal(one, signal.SIG_IGN)


@contextmanager
def started(arguments: Sequence[str], *, folder: Path, threads: int | None = None) -> Iterator[SearchProcess]:
    """Start a search; whatever is left of its process group is killed at the end.

    Args:
        arguments: behind the name of the program, as ``["search", "photo.png", …]``.
        folder: where it runs; its studies are in ``studies/`` there.
        threads: of each of its processes at the most; ``None``: as many as it wants.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, nothing_ignored():
        process = SearchProcess(
            subprocess.Popen(
                [*PROGRAM, *arguments],
                cwd=folder,
                env=environment(folder, threads),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            ),
            out,
            err,
        )
        try:
            yield process
        finally:
            process.kill()


def run_program(
    arguments: Sequence[str], *, folder: Path, timeout: float, threads: int | None = None
) -> Ending:
    """Run the program to its end, or for so many seconds."""
    with started(arguments, folder=folder, threads=threads) as process:
        return process.ending(timeout)


def wait_for(condition: Callable[[], object], *, seconds: float, every: float = 0.01) -> bool:
    """Wait until something is true, at most for so many seconds; whether it became true."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True


@contextmanager
def no_library() -> Iterator[None]:
    """Hide the networks that the user of this machine has kept from searches that this process starts itself."""
    kept = os.environ.get(PLACE)
    with tempfile.TemporaryDirectory(prefix="dipsearch-library-") as folder:
        os.environ[PLACE] = folder
        try:
            yield
        finally:
            if kept is None:
                del os.environ[PLACE]
            else:
                os.environ[PLACE] = kept


def environment(folder: Path, threads: int | None = None) -> dict[str, str]:
    """What a search in a folder is told: where the package is, and not the networks that the user has kept.

    Args:
        folder: where it runs.
        threads: of each of its processes at the most.
    """
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    limit = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    library = str(folder.resolve() / "library")  # there is none
    return os.environ | {"PYTHONPATH": path, PLACE: library} | limit
