"""Owners: a study belongs to one search; whoever else wants it is refused in one line."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from ..shared.search_process import Ending, started, wait_for
from .interrupted_search import RESUME, InterruptedSearch, faults_of_end, row, study_of
from .interruption_rows import InterruptionRow

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
