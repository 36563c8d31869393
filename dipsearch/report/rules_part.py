"""What the stopping rules of the literature would have done with the fits of a study, as plain rows.

They watched and decided nothing. Where a reference exists, what they would have delivered is compared with what
was delivered, on the same recorded outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from .curves import CurveRow, Mark


@dataclass(frozen=True)
class MonitorRow:
    """One rule over the fits that it watched.

    Args:
        rule: its name.
        watched: fits.
        found: fits in which it had an iteration to deliver.
        later: the median of the iterations by which it would have stopped later; negative: earlier.
        gain: the PSNR that it would have gained against the reference, in dB, on average; negative: lost.
        worst: the least gain, in dB.
    """

    rule: str
    watched: int
    found: int
    later: float | None
    gain: float | None
    worst: float | None


def monitor_rows(rows: Sequence[CurveRow]) -> tuple[MonitorRow, ...]:
    """Every rule over the complete candidates, in the order in which the rules were recorded."""
    found: dict[str, list[tuple[CurveRow, Mark]]] = {}
    for row in rows:
        for mark in row.marks if row.complete else ():
            found.setdefault(mark.rule, []).append((row, mark))
    return tuple(_row(rule, pairs) for rule, pairs in found.items())


def _row(rule: str, pairs: Sequence[tuple[CurveRow, Mark]]) -> MonitorRow:
    steps = [mark.step - row.stop for row, mark in pairs if mark.step is not None]
    gains = [
        mark.psnr - row.course.at(row.stop)
        for row, mark in pairs
        if row.course is not None and mark.psnr is not None
    ]
    return MonitorRow(
        rule=rule,
        watched=len(pairs),
        found=len(steps),
        later=median(steps) if steps else None,
        gain=fmean(gains) if gains else None,
        worst=min(gains, default=None),
    )
