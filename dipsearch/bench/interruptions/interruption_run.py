"""The run of the interruptions: what is not in the file yet is done to searches, kind by kind.

One kind are owners: a study belongs to one search; whoever else wants it is refused in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..shared.row_file import RowFile
from ..shared.search_process import Ending, started, wait_for
from .interrupted_search import RESUME, InterruptedSearch, faults_of_end, row, study_of
from .interruption_rows import InterruptionRow, Kind
from .kills import LONGEST, chain_of_kills, signal_sent, workers_killed

CROWD = 10
USAGE_ERROR = 2
LATER = 2
"""How many try to go on with a running search."""


def ten_at_once(search: InterruptedSearch, number: int) -> InterruptionRow:
    """Start ten searches of one name at once: one becomes the owner and delivers, nine are refused."""
    with TemporaryDirectory(prefix="dipsearch-owners-") as folder:
        place = Path(folder)
        arguments = search.arguments(place, number)
        with ExitStack() as stack:
            crowd = [stack.enter_context(started(arguments, folder=place)) for _ in range(CROWD)]
            endings = [process.ending(CROWD * search.patience) for process in crowd]
        owners = [ended for ended in endings if ended.code == 0]
        others = [ended for ended in endings if ended.code != 0]
        faults = faults_of_end(owners[0], study_of(place)) if owners else ["nobody owned it"]
        if len(owners) > 1:
            faults.append(f"{len(owners)} owned it")
        faults += _not_refused(others)
        seconds = max(ended.seconds for ended in endings)
        return row("ten", number, moment=0, seconds=seconds, faults=faults, remark=_refusal(others))


def resumed_beside(search: InterruptedSearch, number: int) -> InterruptionRow:
    """Try to go on with a search that runs: it is refused, and the search delivers."""
    with TemporaryDirectory(prefix="dipsearch-owners-") as folder:
        place = Path(folder)
        with ExitStack() as stack:
            owner = stack.enter_context(started(search.arguments(place, number), folder=place))
            begun = wait_for(
                lambda: (study_of(place) / "study.yaml").is_file() or not owner.running,
                seconds=search.patience,
            )
            moment = owner.seconds
            others = [stack.enter_context(started(RESUME, folder=place)) for _ in range(LATER)]
            endings = [process.ending(search.patience) for process in others]
            ended = owner.ending(search.patience)
        faults = faults_of_end(ended, study_of(place)) + ([ended.last_line] if ended.code else [])
        faults += [] if begun else ["no study was begun"]
        faults += _not_refused(endings)
        return row(
            "beside", number, moment=moment, seconds=ended.seconds, faults=faults, remark=_refusal(endings)
        )


def _not_refused(endings: Sequence[Ending]) -> list[str]:
    """Sentences on those that were not sent away in one line."""
    bad = [
        ended for ended in endings if ended.code != USAGE_ERROR or len(ended.errors.strip().splitlines()) != 1
    ]
    if not bad:
        return []
    lines = len(bad[0].errors.strip().splitlines())
    return [
        f"{len(bad)} of {len(endings)} were not refused in one line with exit code {USAGE_ERROR} "
        f"(exit code {bad[0].code}, {lines} lines: {bad[0].last_line})"
    ]


def _refusal(endings: Sequence[Ending]) -> str:
    """What the first one that was refused was told."""
    return next((ended.last_line for ended in endings if ended.code == USAGE_ERROR), "")


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
