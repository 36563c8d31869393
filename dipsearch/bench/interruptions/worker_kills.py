"""Worker kills: one process after another of a search dies, and the search comes to its end all the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ..shared.processes import workers
from ..shared.search_process import SearchProcess, started, wait_for
from .interrupted_search import InterruptedSearch, faults_of_end, row, study_of
from .interruption_rows import InterruptionRow

SPACING = 3.0
"""Seconds between two kills, on average."""

APPEARS = 30.0
"""Seconds within which there is a worker to kill."""


def workers_killed(search: InterruptedSearch, numbers: Sequence[int]) -> list[InterruptionRow]:
    """Kill so many workers of one search, whose budget has room for that."""
    budget = search.budget + SPACING * len(numbers)
    with TemporaryDirectory(prefix="dipsearch-workers-") as folder:
        place = Path(folder)
        with started(search.arguments(place, numbers[0], budget=budget), folder=place) as process:
            moments = [_kill_one(search, process, number) for number in numbers]
            ended = process.ending(search.patience + 2 * budget)
        faults = faults_of_end(ended, study_of(place)) + ([ended.last_line] if ended.code else [])
    return [
        row(
            "worker",
            number,
            moment=ended.seconds if moment is None else moment,
            seconds=ended.seconds,
            faults=faults if moment is not None else [*faults, "there was no worker to kill"],
            remark=f"{len(numbers)} in a search of {budget:g} s",
        )
        for number, moment in zip(numbers, moments, strict=True)
    ]


def _kill_one(search: InterruptedSearch, process: SearchProcess, number: int) -> float | None:
    """Kill one of the workers after a while; when it was done, or ``None`` where there was none."""
    random = search.random("worker", number)
    process.wait(random.uniform(0.2 * SPACING, 1.8 * SPACING))
    wait_for(lambda: workers(process.pid) or not process.running, seconds=APPEARS)
    there = workers(process.pid)
    if not there:
        return None
    with suppress(ProcessLookupError):
        os.kill(random.choice(sorted(there)), signal.SIGKILL)
    return process.seconds
