"""The rows of the promised times: one search with a budget, and whether it kept it; and their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..rivals.own_search import search_title
from ..shared.sections import crossed, or_dash
from ..shared.study_books import FAIR_LOOK

COMMAND = "bench promises"
PICTURE = "sample:astronaut"
"""The picture that is damaged, reduced to the size of each row."""

SHARE = 1.1
"""A budget is kept within so many times itself …"""

LEAST = 8.0
"""… or within so many seconds, which is what starting the program may cost."""


@dataclass(frozen=True)
class Promise:
    """What is promised of one search.

    Args:
        task: denoise or inpaint.
        size: side of the picture, in pixels.
        busy: beside two busy loops.
        budget_s: seconds, as in ``--budget``.
    """

    task: str
    size: int
    busy: bool
    budget_s: float

    @property
    def limit(self) -> float:
        """Seconds within which the program has to be back."""
        return max(SHARE * self.budget_s, LEAST)

    @property
    def title(self) -> str:
        """What is promised, in words."""
        return f"{self.task} {self.size}², {'busy' if self.busy else 'quiet'}"


@dataclass(frozen=True)
class PromiseRow:
    """What one search did.

    Args:
        task, size, busy, budget_s: as in `Promise`.
        workers, seed: processes of the search, and the seed of damage and search.
        seconds: of the whole process on the clock, from its start to its end.
        delivered: there was a result, and a picture that can be read and is finite.
        kept: it ended within its limit.
        looks: candidates that got at least 200 iterations.
        psnr: of the delivered picture, in dB; ``None`` without one.
        version: of the program.
        date: of the search.
        note: what went wrong; empty when nothing did.
    """

    task: str
    size: int
    busy: bool
    budget_s: float
    workers: int
    seed: int
    seconds: float
    delivered: bool
    kept: bool
    looks: int
    psnr: float | None
    version: str
    date: str
    note: str

    @property
    def promise(self) -> Promise:
        """What was promised."""
        return Promise(self.task, self.size, self.busy, self.budget_s)

    @property
    def group(self) -> tuple[object, ...]:
        """A row stands for itself."""
        return self.task, self.size, self.busy, self.budget_s, self.workers, self.seed

    @property
    def measurement(self) -> str:
        """All rows are of one picture."""
        return PICTURE


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
