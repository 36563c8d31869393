"""The section on warm starts: what learnt weights save, what they cost, and which tasks may begin with them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ..shared.sections import NOTHING, markdown_table
from .warm_rows import FRESH, MOST_BEHIND, NEAR, TUNING, WarmRow, summary

HEADINGS = (
    "task",
    "network",
    "weights",
    "rows",
    "iterations to the cold peak − 0.2 dB, cold / warm",
    "median share",
    "never",
    "stop, cold / warm",
    "lost by the stop, cold / warm, mean (median)",
    "delivered, warm − cold, mean (median)",
    "kind that loses most",
    "may begin warm",
)


def warm_markdown(rows: Sequence[WarmRow], *, command: str, date: str) -> str:
    """The section of the page.

    Args:
        rows: all rows.
        command: that made them.
        date: of it.
    """
    fresh = [row for row in rows if row.pictures == FRESH]
    tuning = [row for row in rows if row.pictures == TUNING]
    lines = [
        "## Warm starts: learnt weights against random ones",
        "",
        f"`{command}`, {date}. 64 × 64 crops at half size, one seed, one thread. Both fits have the same split, z, "
        "jitter and first answer, and end by the rule of a search with short patience. PSNR of what would be "
        "delivered, in dB against the clean picture; the share is of the cold fit's iterations until within "
        f"{NEAR} dB of its own peak. A task may begin warm where no kind of pictures (face, text, texture, "
        f"microscope, photo) delivers more than {MOST_BEHIND} dB less on average.",
        "",
    ]
    if fresh:
        lines += [f"On {_counted(fresh)} that nothing was learnt from or chosen on:", "", _table(fresh), ""]
        lines += ["By kind, dB delivered warm − cold:", "", _by_kind(fresh), ""]
    if tuning:
        lines += [f"On {_counted(tuning)} that the way of learning was chosen on:", "", _table(tuning), ""]
    return "\n".join(lines)


def _counted(rows: Sequence[WarmRow]) -> str:
    names = list(dict.fromkeys(row.picture for row in rows))
    return f"{len(names)} picture{'s'[: len(names) > 1]} ({', '.join(names)})"


def _groups(rows: Sequence[WarmRow]) -> dict[tuple[str, str, str], list[WarmRow]]:
    """Rows by task, network and attempt, networks together."""
    found: dict[tuple[str, str, str], list[WarmRow]] = {}
    for row in sorted(rows, key=lambda row: (row.network, row.attempt, row.task)):
        found.setdefault((row.task, row.network, row.attempt), []).append(row)
    return found


def _table(rows: Sequence[WarmRow]) -> str:
    lines = []
    for key, some in _groups(rows).items():
        found = summary(some)
        cells = (
            *key,
            str(found.rows),
            f"{found.cold_near:.0f} / {found.warm_near:.0f}",
            f"{found.share:.2f}",
            str(found.never),
            f"{found.cold_stop:.0f} / {found.warm_stop:.0f}",
            f"{found.cold_missed:.2f} ({found.cold_median:.2f}) / {found.warm_missed:.2f} ({found.warm_median:.2f})",
            f"{found.gain:+.2f} ({found.median_gain:+.2f})",
            f"{found.worst_kind:+.2f}",
            "yes" if found.pays else "no",
        )
        lines.append(cells)
    return markdown_table(HEADINGS, lines)


def _by_kind(rows: Sequence[WarmRow]) -> str:
    kinds = list(dict.fromkeys(row.kind for row in rows))
    lines = []
    for key, some in _groups(rows).items():
        gains = [[row.gain for row in some if row.kind == kind] for kind in kinds]
        lines.append([*key, *(f"{fmean(each):+.2f}" if each else NOTHING for each in gains)])
    return markdown_table(["task", "network", "weights", *kinds], lines)
