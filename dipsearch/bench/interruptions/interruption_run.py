"""The run of the interruptions: what is not in the file yet is done to searches, kind by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..shared.row_file import RowFile
from .interrupted_search import InterruptedSearch
from .interruption_rows import InterruptionRow, Kind
from .kills import LONGEST, chain_of_kills, signal_sent, workers_killed
from .owners import resumed_beside, ten_at_once


def interrupt(
    search: InterruptedSearch,
    numbers: Mapping[Kind, int],
    file: RowFile[InterruptionRow],
    *,
    say: Callable[[str], None],
) -> None:
    """Make so many interruptions of each kind; those whose rows are there are not made again.

    Args:
        file: is written whenever a search, or a chain of kills, is through.
        say: sees a line for every interruption.
    """
    for kind, count in numbers.items():
        for batch in batches(kind, count):
            missing = [
                number for number in batch if not file.has((kind, number, search.setting), measurement="")
            ]
            if missing:
                made = interrupted(search, kind, missing)
                rows = [replace(one, setting=search.setting) for one in made]
                file.add(rows)
                for row in rows:
                    say(line_of(row))


def batches(kind: Kind, count: int) -> Iterator[range]:
    """Numbers that belong to one search: chains of kills, all kills of workers, else one each."""
    step = {"kill": LONGEST, "worker": count}.get(kind, 1)
    return (range(first, min(first + step, count)) for first in range(0, count, step))


def interrupted(search: InterruptedSearch, kind: Kind, numbers: Sequence[int]) -> list[InterruptionRow]:
    """The rows of interruptions that belong to one search."""
    if kind == "kill":
        return chain_of_kills(search, numbers)
    if kind == "worker":
        return workers_killed(search, numbers)
    if kind == "ten":
        return [ten_at_once(search, number) for number in numbers]
    if kind == "beside":
        return [resumed_beside(search, number) for number in numbers]
    return [signal_sent(search, kind, number) for number in numbers]


def line_of(made: InterruptionRow) -> str:
    """A row for people."""
    lost = "" if made.lost_steps is None else f", {made.lost_steps} iterations lost"
    return (
        f"{made.kind:6} {made.number:3} at {made.moment_s:5.1f} s, then {made.seconds:5.1f} s: "
        f"{'ok' if made.ok else 'NOT OK'}{lost}{f'  ({made.note})' if made.note else ''}"
    )
