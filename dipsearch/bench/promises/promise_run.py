"""The run of the promised times: damaged pictures, one search for each budget, timed from start to end.

Busy machines are those with loops beside it that do nothing but compute.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ... import __version__
from ...errors import FormatError
from ...trials.true_quality import finite
from ..cases.rival_case import RivalCase, make_case
from ..cases.rival_damages import DAMAGES_OF_RIVALS, USUAL
from ..rivals.own_search import search_arguments
from ..shared.row_file import RowFile
from ..shared.search_process import Ending, run_program
from ..shared.sections import or_dash
from ..shared.study_books import read_books
from ..shared.study_files import read_delivery
from .promise_rows import PICTURE, Promise, PromiseRow

# A loop that nobody stopped ends by itself once its parent is gone.
LOOP = """
import os
parent = os.getppid()
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
except PermissionError:
    pass
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_loops(count: int) -> Iterator[list[int]]:
    """Keep so many processes busy, at the usual priority where the system lets us; yield their numbers."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", LOOP]) for _ in range(count)]
    try:
        yield [loop.pid for loop in loops]
    finally:
        for loop in loops:
            with suppress(ProcessLookupError):
                loop.kill()
        for loop in loops:
            loop.wait()


NAME = "promised"
LOOPS = 2
"""How many busy loops a busy machine has beside the search."""


@dataclass(frozen=True)
class PromisedSearches:
    """What is measured.

    Args:
        promises: one search for each.
        workers: processes of a search.
        seed: of the damage and of the search.
    """

    promises: Sequence[Promise]
    workers: int
    seed: int


def keep_promises(wanted: PromisedSearches, file: RowFile[PromiseRow], *, say: Callable[[str], None]) -> None:
    """Measure what ``file`` does not hold yet; it is written after every search."""
    for promise in wanted.promises:
        group = (promise.task, promise.size, promise.busy, promise.budget_s, wanted.workers, wanted.seed)
        if file.has(group, measurement=PICTURE):
            continue
        row = measured(promise, workers=wanted.workers, seed=wanted.seed)
        file.add([row])
        say(line_of(row))


def measured(promise: Promise, *, workers: int, seed: int) -> PromiseRow:
    """The row of one search."""
    with TemporaryDirectory(prefix="dipsearch-promises-") as folder:
        place = Path(folder)
        case = damaged(promise.task, promise.size, seed=seed, folder=place)
        arguments = search_arguments(case, budget=promise.budget_s, workers=workers, seed=seed, name=NAME)
        with busy_loops(LOOPS) if promise.busy else nullcontext():
            ended = run_program(arguments, folder=place, timeout=5 * promise.limit + 300)
        return row_of(promise, ended, place / "studies" / NAME, workers=workers, seed=seed)


def damaged(task: str, size: int, *, seed: int, folder: Path) -> RivalCase:
    """The picture with the usual damage of a task, and its clean copy, as files."""
    return make_case(f"{PICTURE}@{size}", DAMAGES_OF_RIVALS[USUAL[task]], seed=seed, folder=folder)


def row_of(promise: Promise, ended: Ending, study: Path, *, workers: int, seed: int) -> PromiseRow:
    """What a search that has ended leaves to be written down."""
    result: dict[str, Any] = {}
    note = "" if ended.code == 0 else ended.last_line
    try:
        result = read_delivery(study)
    except FormatError as error:
        note = note or str(error)
    return PromiseRow(
        task=promise.task,
        size=promise.size,
        busy=promise.busy,
        budget_s=promise.budget_s,
        workers=workers,
        seed=seed,
        seconds=round(ended.seconds, 2),
        delivered=bool(result),
        kept=ended.code is not None and ended.seconds <= promise.limit,
        looks=read_books(study, name=NAME).looks,
        psnr=finite(result.get("delivered_psnr")),
        version=f"dipsearch {__version__}",
        date=time.strftime("%Y-%m-%d"),
        note=note,
    )


def line_of(row: PromiseRow) -> str:
    """A row for people."""
    return (
        f"{row.promise.title:22} {row.budget_s:4g} s: {row.seconds:6.1f} s, {'kept' if row.kept else 'LATE'}, "
        f"{f'{or_dash(row.psnr)} dB' if row.delivered else 'NOTHING'}, {row.looks} looks"
        f"{f'  ({row.note})' if row.note else ''}"
    )
