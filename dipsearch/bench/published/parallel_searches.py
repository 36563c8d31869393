"""Searches side by side: each a process of its own, as many at once as one asks for, and what they ended with.

One GPU has room for several searches, for each leaves it idle now and then. This process only waits, so that none of
them waits for it; whatever ends it ends the searches, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from ...errors import FormatError, ResourceError
from ...run.signals import interruptible
from ..cases.rival_case import RivalCase
from ..rivals.own_search import PATIENCE, SearchOutcome, search_arguments
from ..shared.search_process import started
from ..shared.study_files import read_delivery

NAME = "published"

EVERY = 0.1
"""Seconds between two looks at what is running: less than anybody would notice in a search's time."""

T = TypeVar("T")


class Running(Protocol):
    """A search that was begun."""

    def outcome(self) -> SearchOutcome | None:
        """What it ended with; ``None`` while it runs.

        Raises:
            ResourceError: it failed.
        """

    def close(self) -> None:
        """End it, if it has not ended, and remove its files."""


Begin = Callable[[RivalCase], Running]
"""From a case to its search; tests put something quicker in its place."""


class RunningSearch:
    """The program, searching.

    Args:
        case: what it restores.
        seconds: its budget.
        device: as it is typed.
        workers: processes; ``None``: as many as the program wants.
    """

    def __init__(self, case: RivalCase, *, seconds: int, device: str, workers: int | None) -> None:
        self._until = PATIENCE * seconds + 300
        self._seconds = seconds
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="dipsearch-published-")))
        self._study = folder / "studies" / NAME
        typed = search_arguments(
            case, budget=seconds, workers=workers, seed=case.seed, name=NAME, device=device
        )
        self._process = self._stack.enter_context(started(typed, folder=folder))

    def outcome(self) -> SearchOutcome | None:
        if self._process.running and self._process.seconds < self._until:
            return None
        ended = self._process.ending(0)
        try:
            if ended.code != 0:
                raise FormatError(ended.last_line)
            return SearchOutcome(read_delivery(self._study), None, ended.seconds)
        except FormatError as error:
            raise ResourceError(f"the search of {self._seconds} s failed: {error}") from error

    def close(self) -> None:
        self._stack.close()


def begin_search(*, seconds: int, device: str, workers: int | None) -> Begin:
    """What begins a search with such a budget, on such a device."""
    return lambda case: RunningSearch(case, seconds=seconds, device=device, workers=workers)


def side_by_side(
    jobs: Iterable[T],
    *,
    at_once: int,
    begin: Callable[[T], Running],
    took: Callable[[T, SearchOutcome | ResourceError], None],
) -> None:
    """Search for every job, so many at the same time.

    Args:
        jobs: are asked for one by one, whenever a place is free.
        begin: the search of a job.
        took: is told what it ended with, or why it failed.

    Raises:
        KeyboardInterrupt: somebody asked this process to end; the searches are gone then.
    """
    waiting, running = iter(jobs), list[tuple[T, Running]]()
    with interruptible() as asked:
        try:
            while True:
                while len(running) < at_once and (job := next(waiting, None)) is not None:
                    running.append((job, begin(job)))
                if not running:
                    return
                if not _take_ended(running, took):
                    time.sleep(EVERY)
                if asked.once:
                    raise KeyboardInterrupt
        finally:
            for _, search in running:
                search.close()


def _take_ended(
    running: list[tuple[T, Running]], took: Callable[[T, SearchOutcome | ResourceError], None]
) -> bool:
    """Tell of the searches that have ended, and take them from the list; whether there were any."""
    before = len(running)
    for job, search in list(running):
        try:
            outcome: SearchOutcome | ResourceError | None = search.outcome()
        except ResourceError as error:
            outcome = error
        if outcome is not None:
            running.remove((job, search))
            search.close()
            took(job, outcome)
    return len(running) < before
