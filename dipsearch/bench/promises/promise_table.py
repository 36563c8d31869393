"""The promised times as Markdown: what was kept, how long it took, and how many candidates were looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..rivals.own_search import search_title
from ..shared.sections import crossed, or_dash
from ..shared.study_books import FAIR_LOOK
from .promise_rows import LEAST, PICTURE, SHARE, PromiseRow

LEGEND = (
    f"The whole process from its start to its end, on {PICTURE}, with the usual damage of each task. Kept: within "
    f"{100 * SHARE:.0f} % of the budget, or within {LEAST:g} s. Busy: beside two loops that do nothing but compute. "
    f"Looks: candidates that got at least {FAIR_LOOK} iterations."
)


def promises_markdown(rows: Sequence[PromiseRow], *, command: str, date: str) -> str:
    """The section: a heading, the counts, and three tables of searches by budgets.

    Args:
        command, date: that wrote it.
    """
    heading = "## Promises: what a budget means"
    if not rows:
        return "\n\n".join([heading, f"`{command}`, {date}. {LEGEND}", "Nothing was measured yet."])
    parts = [heading, f"`{command}`; measured {_dates(rows)}. {LEGEND}"]
    delivered, kept = (sum(flags) for flags in zip(*((row.delivered, row.kept) for row in rows), strict=True))
    parts += [
        f"Of {len(rows)} searches {delivered} delivered a picture, and {kept} kept their time.",
        "Seconds (**late** where they were too many, **nothing** where no picture was delivered):",
        _by_budget(rows, _seconds),
        "Looks:",
        _by_budget(rows, lambda row: str(row.looks)),
        "Delivered, PSNR in dB:",
        _by_budget(rows, lambda row: or_dash(row.psnr)),
    ]
    if notes := [f"- {row.promise.title}, {_budget(row)}: {row.note}" for row in rows if row.note]:
        parts.append("\n".join(["What was said where something went wrong:", "", *notes]))
    versions = sorted({row.version for row in rows})
    return "\n\n".join([*parts, f"Versions: {', '.join(versions)}."])


def _by_budget(rows: Sequence[PromiseRow], cell: Callable[[PromiseRow], str]) -> str:
    order = sorted(rows, key=lambda row: (row.budget_s, row.task, row.size, row.busy))
    several = len({(row.workers, row.seed) for row in rows}) > 1
    return crossed("search", {(_title(row, several), _budget(row)): cell(row) for row in order})


def _title(row: PromiseRow, several: bool) -> str:
    """What was searched; where rows have several settings, with its own."""
    return row.promise.title + (f", processes: {row.workers}, seed {row.seed}" if several else "")


def _seconds(row: PromiseRow) -> str:
    words = [f"{row.seconds:.1f}", *(["**late**"] if not row.kept else [])]
    return " ".join([*words, *(["**nothing**"] if not row.delivered else [])])


def _budget(row: PromiseRow) -> str:
    return search_title(row.budget_s)


def _dates(rows: Sequence[PromiseRow]) -> str:
    """When the rows were measured: a date for all of them, or each with its budgets."""
    dates = sorted({row.date for row in rows}, reverse=True)
    if len(dates) == 1:
        return dates[0]
    order = sorted(rows, key=lambda row: row.budget_s)
    return ", ".join(
        f"{date} ({', '.join(dict.fromkeys(_budget(row) for row in order if row.date == date))})"
        for date in dates
    )
