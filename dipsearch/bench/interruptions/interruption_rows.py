"""The rows of the interruptions: what was done to a search, and whether anything was lost by it; and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from types import MappingProxyType
from typing import Literal, get_args

from ..shared.sections import NOTHING, markdown_table

COMMAND = "bench interruptions"

Kind = Literal["kill", "term", "int", "hup", "worker", "ten", "beside"]
KINDS: tuple[Kind, ...] = get_args(Kind)

USUAL_NUMBERS: Mapping[Kind, int] = MappingProxyType(
    {"kill": 100, "term": 20, "int": 20, "hup": 20, "worker": 20, "ten": 3, "beside": 3}
)
"""How many of each kind are made when nothing else is asked for."""

TITLES: Mapping[Kind, str] = MappingProxyType(
    {
        "kill": "kill -9 of all processes, then `--resume`",
        "term": "SIGTERM",
        "int": "SIGINT",
        "hup": "SIGHUP",
        "worker": "kill -9 of a worker, in one search",
        "ten": "ten searches of one name at once",
        "beside": "two `--resume` beside the running search",
    }
)


@dataclass(frozen=True)
class InterruptionRow:
    """One interruption.

    Args:
        kind: what was done.
        number: which one of its kind, from 0 on.
        moment_s: when, in seconds after the start of the process.
        ok: all that is promised was found true.
        lost_steps: iterations that have to be made again, of all candidates under way; ``None``: not counted.
        seconds: of a signal: from it until the search was gone; of kills: of the next run; else of the search.
        note: what went wrong, else what there is to say.
        version: of the program.
        at_stake: candidates that were finished or under way at a kill; ``None``: not counted.
        setting: of the search that was interrupted.
    """

    kind: Kind
    number: int
    moment_s: float
    ok: bool
    lost_steps: int | None
    seconds: float
    note: str
    version: str
    at_stake: int | None = None
    setting: str = ""

    @property
    def group(self) -> tuple[object, ...]:
        """A row stands for itself."""
        return self.kind, self.number, self.setting

    @property
    def measurement(self) -> str:
        """All rows are of one picture."""
        return ""


LEGEND = (
    "Ok: after a kill every file can be read, and after the next run every finished candidate is there with its "
    "value, and none that was under way was dropped, begun anew, or lost more than a slice; a signal is answered with "
    "a word, unless everything was written before, and with exit code 0; after it, after "
    "the death of workers and beside others a picture is delivered, and whoever is not the owner of a study is "
    "refused in one line with exit code 2. At stake: kills at which a candidate was finished or under way. Lost: "
    "iterations of all candidates under way that have to be made again. "
    "Seconds: from the signal, of the run after a kill, else of the search."
)
HEAD = (
    "interruption",
    "number",
    "ok",
    "at stake",
    "of these ok",
    "lost iterations, mean",
    "largest",
    "seconds, median",
    "largest",
)
FAILURES = 8
"""How many of the failures are listed."""


def interruptions_markdown(rows: Sequence[InterruptionRow], *, command: str, date: str) -> str:
    """The section: a heading, the legend, a table, and what went wrong.

    Args:
        command, date: that wrote it.
    """
    parts = ["## Interruptions: what a kill costs", f"`{command}`, {date}. {LEGEND}"]
    if not rows:
        return "\n\n".join([*parts, "Nothing was measured yet."])
    by_kind = {kind: [row for row in rows if row.kind == kind] for kind in KINDS}
    parts.append(markdown_table(HEAD, (_line(TITLES[kind], some) for kind, some in by_kind.items() if some)))
    failures = [row for row in rows if not row.ok]
    if failures:
        listed = [f"- {row.kind} {row.number}: {row.note}" for row in failures[:FAILURES]]
        more = len(failures) - len(listed)
        listed += [f"- and {more} more"] if more else []
        parts.append("\n".join(["Not ok:", "", *listed]))
    versions = sorted({row.version for row in rows})
    settings = sorted({row.setting for row in rows})
    return "\n\n".join([*parts, f"Versions: {', '.join(versions)}. Searches: {'; '.join(settings)}."])


def _line(title: str, rows: Sequence[InterruptionRow]) -> list[str]:
    stakes = [row for row in rows if row.at_stake]
    counted = any(row.at_stake is not None for row in rows)
    lost = [row.lost_steps for row in rows if row.lost_steps is not None]
    seconds = [row.seconds for row in rows]
    return [
        title,
        str(len(rows)),
        str(sum(row.ok for row in rows)),
        str(len(stakes)) if counted else NOTHING,
        str(sum(row.ok for row in stakes)) if counted else NOTHING,
        f"{fmean(lost):.0f}" if lost else NOTHING,
        str(max(lost)) if lost else NOTHING,
        f"{median(seconds):.1f}",
        f"{max(seconds):.1f}",
    ]
