"""The runner: has jobs done for a search or for a restoration, and keeps the time.

Both have a folder with the measured pictures, a pool of workers and a clock. The first answers and the polishing
need no more than that of either, and so there is one way of making them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from .messages import Done, Job, Message
from .pool import Pool

TICK = 0.25
"""Seconds between two looks at the clock."""


class JobRunner(Protocol):
    """Has jobs done for some pictures."""

    @property
    def folder(self) -> Path:
        """With the problems of the pictures, in the form of a study's folder."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The pictures'."""
        ...

    @property
    def seed(self) -> int:
        """Of the splits."""
        ...

    @property
    def seconds(self) -> float:
        """Since the start."""
        ...

    @property
    def done(self) -> Mapping[Path, Done]:
        """The outcome of every job, by the file that it left."""
        ...

    @property
    def arrived(self) -> Mapping[Path, float]:
        """When each was heard of, in seconds since the start."""
        ...

    def work(self, next_job: Callable[[], Job | None]) -> None:
        """Hand out jobs until there is none and nobody works any more.

        Args:
            next_job: the next job, or ``None`` when there is none for now; asked again after every piece of news.
        """
        ...

    def left(self) -> float:
        """Seconds until everything has to be done; infinite without a budget."""
        ...

    def say(self, sentence: str) -> None:
        """Tell whoever listens."""
        ...


def work_through(
    pool: Pool, next_job: Callable[[], Job | None], *, hear: Callable[[list[Message]], None]
) -> None:
    """Hand out jobs to idle workers until there is none and nobody works any more.

    Args:
        pool: the workers.
        next_job: the next job, or ``None`` when there is none for now; asked again after every piece of news.
        hear: told the news, every ``TICK`` seconds at the latest.
    """
    while True:
        for index in pool.idle():
            job = next_job()
            if job is None:
                break
            pool.submit(index, job)
        if not pool.busy():
            return
        hear(pool.poll(TICK))
