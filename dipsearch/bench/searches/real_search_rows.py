"""The rows of real searches by strategy: one search of minutes each, and what one strategy gains over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..shared.search_rows import Delivers, SearchRow
from ..tabular.comparisons.search_comparison import DELIVERS, half_interval
from ..tabular.recorded.table_cases import set_of

COMMAND = "bench search"

ALL_TASKS = "all"
"""Stands in the place of a task where a gain is the mean over all of them."""


@dataclass(frozen=True)
class RealSearchRow:
    """What one search delivered.

    Args:
        picture: its name.
        task: of the search.
        strategy: that proposed its networks.
        network: the only one that it has; empty where there are others.
        seed: of the damage and of the search.
        minutes: its budget.
        workers: its processes.
        at_once: how many searches shared the machine.
        networks: that were begun.
        looks: those of them that got at least 200 iterations.
        seconds: of the whole process, on the clock.
        delivered_db, alone_db, first_db: PSNR of what it delivered, of its networks without the first answer, and of
            the first answer; ``None`` where there was none.
        version: of the program.
        measurement: its digest.
    """

    picture: str
    task: str
    strategy: str
    network: str
    seed: int
    minutes: float
    workers: int
    at_once: int
    networks: int
    looks: int
    seconds: float
    delivered_db: float
    alone_db: float | None
    first_db: float | None
    version: str
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """A row stands for itself."""
        once = (self.picture, self.task, self.strategy, self.seed, self.minutes)
        return *once, self.workers, self.at_once, self.network

    def psnr(self, delivers: Delivers) -> float | None:
        """Of the networks alone, or of what was delivered, in dB."""
        return self.alone_db if delivers == "networks" else self.delivered_db


def gains(rows: Sequence[RealSearchRow], *, against: str) -> list[SearchRow]:
    """What each strategy gains over another on the same measurements, for each task and for all of them.

    A gain is the mean over pictures, each of them the mean over its tasks and they over seeds; its interval is what
    other pictures would change. Tasks of one picture are not independent of each other, so that a picture counts once.
    Where the other strategy was measured with several networks, the latest counts.
    """
    tasks = [*dict.fromkeys(row.task for row in rows), ALL_TASKS]
    others = [name for name in dict.fromkeys(row.strategy for row in rows) if name != against]
    found = [
        _gain(rows, strategy, against, task, minutes, delivers)
        for strategy in others
        for task in tasks
        for minutes in dict.fromkeys(row.minutes for row in rows)
        for delivers in DELIVERS
    ]
    return [row for row in found if row is not None]


def _gain(
    rows: Sequence[RealSearchRow], strategy: str, against: str, task: str, minutes: float, delivers: Delivers
) -> SearchRow | None:
    chosen = [row for row in rows if row.minutes == minutes and task in (row.task, ALL_TASKS)]
    theirs = {_pair(row): row.psnr(delivers) for row in chosen if row.strategy == against}
    by_picture: dict[str, dict[str, list[float]]] = {}
    levels, seeds = [], set()
    for row in chosen:
        ours, other = row.psnr(delivers), theirs.get(_pair(row))
        if row.strategy == strategy and ours is not None and other is not None:
            by_picture.setdefault(row.picture, {}).setdefault(row.task, []).append(ours - other)
            levels.append(ours)
            seeds.add(row.seed)
    if not by_picture:
        return None
    means = [fmean(map(fmean, of_tasks.values())) for of_tasks in by_picture.values()]
    mean, half = fmean(means), half_interval(means)
    names = {picture.removeprefix("sample:").partition("@")[0] for picture in by_picture}
    return SearchRow(
        strategy=strategy,
        against=against,
        task=task,
        source="real",
        minutes=minutes,
        pictures=len(names),
        seeds=len(seeds),
        gain_db=round(mean, 3),
        low_db=round(mean - half, 3),
        high_db=round(mean + half, 3),
        set="tuning" if "tuning" in {set_of(name) for name in names} else "test",
        delivers=delivers,
        psnr_db=round(fmean(levels), 3),
        worst_db=round(min(means), 3),
        best_db=round(max(means), 3),
        measurement="real",
    )


def _pair(row: RealSearchRow) -> tuple[object, ...]:
    """What two searches share that are compared."""
    return row.picture, row.task, row.seed, row.minutes, row.workers, row.at_once, row.measurement
