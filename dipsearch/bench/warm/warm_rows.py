"""Rows of the warm starts: a network fitted to the same measurement from random and from learnt weights.

Their table says by task and kind of picture what is gained and what is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ..shared.sections import NOTHING, markdown_table

COMMAND = "bench warm"

NEAR = 0.2
"""dB below the cold fit's peak at which a fit counts as being there."""

MOST_BEHIND = 0.05
"""dB that warm fits may be behind cold ones on average, over the pictures of a kind, to be taken for a task."""

TUNING, FRESH = "tuning", "fresh"


@dataclass(frozen=True)
class WarmRow:
    """One network on one measurement; PSNR in dB against the clean picture, of what would be delivered.

    Args:
        pictures: "tuning", on which the way of learning was chosen, or "fresh".
        picture, kind: its name, and what it shows.
        damage, task: what was done to it.
        network: the preset.
        attempt: how its weights were learnt.
        measurement: digest of the weights and of the lengths.
        seconds_per_step: processor time of one iteration.
        cold_peak_db, warm_peak_db: the best that each came to, at whatever iteration.
        cold_peak_step, warm_peak_step: that iteration.
        cold_near_step, warm_near_step: the first iteration within ``NEAR`` of the cold peak; 0: never.
        cold_stop_db, warm_stop_db: at the iteration that the stopping rule chose.
        cold_stop_step, warm_stop_step: that iteration.
        cold_steps, warm_steps: after how many the rule ended it, or the length was over.
    """

    pictures: str
    picture: str
    kind: str
    damage: str
    task: str
    network: str
    attempt: str
    measurement: str
    seconds_per_step: float
    cold_peak_db: float
    cold_peak_step: int
    cold_near_step: int
    cold_stop_db: float
    cold_stop_step: int
    cold_steps: int
    warm_peak_db: float
    warm_peak_step: int
    warm_near_step: int
    warm_stop_db: float
    warm_stop_step: int
    warm_steps: int

    @property
    def group(self) -> tuple[object, ...]:
        """What excludes older ones."""
        return self.pictures, self.picture, self.damage, self.network, self.attempt

    @property
    def gain(self) -> float:
        """dB that the warm fit delivers more."""
        return self.warm_stop_db - self.cold_stop_db

    @property
    def share(self) -> float:
        """Iterations until it is near the cold peak, in those of the cold fit; where it never is, in those it made."""
        return (self.warm_near_step or self.warm_steps) / max(1, self.cold_near_step)


@dataclass(frozen=True)
class WarmSummary:
    """Some rows together.

    Args:
        rows: how many.
        share: median share of the cold fits' iterations until within ``NEAR`` of their peak.
        never: rows in which the warm fit never came so near.
        cold_near, warm_near: median iterations of those.
        gain: mean dB that warm fits deliver more, at their own stops.
        median_gain: the median of these.
        worst_kind: mean gain of the kind of pictures that loses most.
        cold_stop, warm_stop: median iterations chosen by the rule.
        cold_missed, warm_missed: mean dB that the rule lost against the fit's own peak.
        cold_median, warm_median: the medians of these.
    """

    rows: int
    share: float
    never: int
    cold_near: float
    warm_near: float
    gain: float
    median_gain: float
    worst_kind: float
    cold_stop: float
    warm_stop: float
    cold_missed: float
    warm_missed: float
    cold_median: float
    warm_median: float

    @property
    def pays(self) -> bool:
        """Whether no kind of pictures loses more than ``MOST_BEHIND``."""
        return self.worst_kind >= -MOST_BEHIND


def summary(rows: list[WarmRow]) -> WarmSummary:
    """Some rows, at least one, together."""
    kinds = {row.kind for row in rows}
    cold = [row.cold_peak_db - row.cold_stop_db for row in rows]
    warm = [row.warm_peak_db - row.warm_stop_db for row in rows]
    return WarmSummary(
        rows=len(rows),
        share=median(row.share for row in rows),
        never=sum(row.warm_near_step == 0 for row in rows),
        cold_near=median(row.cold_near_step for row in rows),
        warm_near=median(row.warm_near_step or row.warm_steps for row in rows),
        gain=fmean(row.gain for row in rows),
        median_gain=median(row.gain for row in rows),
        worst_kind=min(fmean(row.gain for row in rows if row.kind == kind) for kind in kinds),
        cold_stop=median(row.cold_stop_step for row in rows),
        warm_stop=median(row.warm_stop_step for row in rows),
        cold_missed=fmean(cold),
        warm_missed=fmean(warm),
        cold_median=median(cold),
        warm_median=median(warm),
    )


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
