"""The course of a search as it is expected: the best candidate so far over the first answer, by time, on the table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ....trials.objective import estimated_psnr
from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SetName
from ..recorded.table_parts import TableCase
from ..strategies.search_replay import SECONDS_PER_MINUTE, STEP_SECONDS, replay_search
from ..strategies.strategy import Tried
from .search_comparison import PILOT, STRATEGIES, TIMED

MINUTES = 12.0
MOMENTS = tuple(MINUTES * SECONDS_PER_MINUTE * k / 48 for k in range(1, 49))
"""Seconds at which it is asked."""

WORKERS = 2


def expected_courses(table: Table, *, set: SetName, seeds: int) -> dict[str, list[tuple[float, float]]]:
    """What a search as it ships comes to, by task: iterations that there was time for, and dB over the first answer.

    Moments before the first check point of every search are left out.

    Args:
        table: of recorded fits.
        set: of the pictures; every one of them counts alike.
        seeds: searches for each case.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for task in dict.fromkeys(case.task for case in cases_of(table, set=set)):
        courses = [
            _course(table, case, seed)
            for case in cases_of(table, set=set, task=task)
            for seed in range(seeds)
        ]
        found[task] = [
            (WORKERS * moment / STEP_SECONDS, fmean(gains))
            for moment, gains in zip(MOMENTS, zip(*courses, strict=True), strict=True)
            if min(gains) > float("-inf")
        ]
    return found


def _course(table: Table, case: TableCase, seed: int) -> list[float]:
    tried = replay_search(
        STRATEGIES[PILOT], table, case, seed=seed, minutes=MINUTES, workers=WORKERS, policy=TIMED
    )
    first = estimated_psnr(case.first_validation_mse)
    return [_best(tried, moment) - first for moment in MOMENTS]


def _best(tried: Sequence[Tried], moment: float) -> float:
    """The estimated PSNR of the best candidate so far."""
    reached = [(one, max((steps for at, steps in one.slices if at <= moment), default=0)) for one in tried]
    return max((one.estimate_at(steps) for one, steps in reached), default=float("-inf"))
