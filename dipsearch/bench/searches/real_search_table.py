"""The section of BENCHMARKS.md: strategies in real searches beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from ...library import starters_for
from ..shared.search_rows import Delivers, SearchRow
from ..shared.sections import NOTHING, crossed
from ..tabular.comparisons.search_comparison import DELIVERS, SEEDS
from ..tabular.recorded.table_cases import IN_WORDS
from .real_search_rows import ALL_TASKS, RealSearchRow, gains
from .real_search_run import DIP

WHAT: Mapping[Delivers, str] = {"networks": "the networks alone", "polished": "what was delivered"}


def real_searches_markdown(rows: Sequence[RealSearchRow], *, command: str, date: str) -> str:
    """The section: a heading, a legend and the tables.

    Args:
        command, date: that wrote it.
    """
    parts = ["## Search strategies in real searches"]
    if not rows:
        return "\n\n".join([*parts, f"`{command}`, {date}. Nothing was measured yet."])
    pictures = ", ".join(dict.fromkeys(row.picture for row in rows))
    machine = "; ".join(
        dict.fromkeys(
            f"{row.minutes:g} minutes, processes of a search: {row.workers}, searches side by side: {row.at_once}"
            for row in rows
        )
    )
    parts.append(
        f"`{command}`, {date}, {', '.join(dict.fromkeys(row.version for row in rows))}. Whole searches by the command "
        f"line on {pictures}; {machine}. Strategies differ in who proposes networks, and in nothing else; those that "
        "are compared had the same measurement and the same seed. A gain is the mean over pictures with its 95 % "
        "interval over pictures, each of which counts once, for all tasks with the mean of its tasks; in brackets the "
        "worst and the best picture."
    )
    parts += [" ".join(found) for found in (_repeated(rows), _missing(rows)) if found]
    found = gains(rows, against=SEEDS)
    for minutes in sorted({row.minutes for row in rows}):
        parts.append(f"### {minutes:g} minutes")
        parts.append(_levels([row for row in rows if row.minutes == minutes]))
        for delivers in DELIVERS:
            there = [row for row in found if (row.minutes, row.delivers) == (minutes, delivers)]
            if there:
                parts += [f"Gain of {WHAT[delivers]} in dB over “{SEEDS}”:", _gains(there)]
    return "\n\n".join(parts)


def _repeated(rows: Sequence[RealSearchRow]) -> list[str]:
    """Which network was fitted again and again, and where a search would take another one by now."""
    said = []
    for strategy, task in dict.fromkeys((row.strategy, row.task) for row in rows if row.network):
        there = dict.fromkeys(row.network for row in rows if (row.strategy, row.task) == (strategy, task))
        now = starters_for(task)[0][0] if strategy == SEEDS else ""
        since = "" if now in (*there, "") else f"; searches begin with `{now}` since"
        said.append(f"{strategy}, {IN_WORDS[task]}: {', '.join(f'`{name}`' for name in there)}{since}.")
    if any(row.strategy in (SEEDS, DIP) for row in rows):
        said.append(
            "Of one network every fit begins with weights and an input of its own; a search fits no network twice, so "
            "that the learning rates differ by 1 % at the most."
        )
    return said


def _missing(rows: Sequence[RealSearchRow]) -> list[str]:
    """The pictures and tasks that were not measured."""
    there = {(row.picture, row.task) for row in rows}
    pictures, tasks = (
        list(dict.fromkeys(names)) for names in zip(*((r.picture, r.task) for r in rows), strict=True)
    )
    found = [
        f"{IN_WORDS[task]} of {name}" for task in tasks for name in pictures if (name, task) not in there
    ]
    return [f"Not measured: {', '.join(found)}."] if found else []


def _levels(rows: Sequence[RealSearchRow]) -> str:
    cells = {}
    for strategy in dict.fromkeys(row.strategy for row in rows):
        there = [row for row in rows if row.strategy == strategy]
        alone = [row.alone_db for row in there if row.alone_db is not None]
        first = [row.first_db for row in there if row.first_db is not None]
        cells[strategy, "searches"] = str(len(there))
        cells[strategy, "networks begun, mean"] = f"{fmean(row.networks for row in there):.1f}"
        cells[strategy, "first answer, dB"] = f"{fmean(first):.2f}" if first else NOTHING
        cells[strategy, "networks alone, dB"] = f"{fmean(alone):.2f}" if alone else NOTHING
        cells[strategy, "delivered, dB"] = f"{fmean(row.delivered_db for row in there):.2f}"
    return crossed("strategy", cells)


def _gains(rows: Sequence[SearchRow]) -> str:
    cells = {
        (row.strategy, "all tasks" if row.task == ALL_TASKS else IN_WORDS[row.task]): _gain(row)
        for row in rows
    }
    return crossed("strategy", cells)


def _gain(row: SearchRow) -> str:
    if row.low_db == row.high_db:
        return f"{row.gain_db:+.2f}"  # of one picture: there is no interval
    interval = f"[{row.low_db:+.2f}, {row.high_db:+.2f}]"
    return f"{row.gain_db:+.2f} {interval} ({row.worst_db:+.2f} … {row.best_db:+.2f})"
