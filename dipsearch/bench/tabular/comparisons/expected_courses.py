"""The course of a search as it is expected: the best candidate so far over the first answer, by time, on the table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ....trials.objective import estimated_psnr
from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SetName
from ..recorded.table_parts import TableCase
from ..strategies.sampler_strategies import as_shipped
from ..strategies.search_replay import SECONDS_PER_MINUTE, STEP_SECONDS, Moves, replay
from ..strategies.strategy import Tried
from .search_comparison import TIMED

MINUTES = 12.0
MOMENTS = tuple(MINUTES * SECONDS_PER_MINUTE * k / 48 for k in range(1, 49))
"""Seconds at which it is asked."""

WORKERS = 2

COURSES = 6
"""Searches for each case, whose mean is shipped."""


def expected_courses(table: Table, *, set: SetName) -> dict[str, list[tuple[float, float]]]:
    """What a search as it ships comes to, by task: see `expected_course_of`."""
    tasks = dict.fromkeys(case.task for case in cases_of(table, set=set))
    return {task: expected_course_of(table, cases_of(table, set=set, task=task)) for task in tasks}


def expected_course_of(table: Table, cases: Sequence[TableCase]) -> list[tuple[float, float]]:
    """Iterations that there was time for, and dB over the first answer.

    Moments before the first check point of every search are left out.

    Args:
        table: of recorded fits.
        cases: of one task; every one of them counts alike.
    """
    courses = [course for case in cases for course in _courses(table, case)]
    return [
        (WORKERS * moment / STEP_SECONDS, fmean(gains))
        for moment, gains in zip(MOMENTS, zip(*courses, strict=True), strict=True)
        if min(gains) > float("-inf")
    ]


def _courses(table: Table, case: TableCase) -> list[list[float]]:
    first, moves = estimated_psnr(case.first_validation_mse), Moves()
    searches = [
        replay(
            as_shipped,
            table,
            case,
            seed=seed,
            minutes=MINUTES,
            workers=WORKERS,
            policy=TIMED,
            moves=moves,
        )
        for seed in range(COURSES)
    ]
    return [[_best(one.tried, moment) - first for moment in MOMENTS] for one in searches]


def _best(tried: Sequence[Tried], moment: float) -> float:
    """The estimated PSNR of the best candidate so far."""
    reached = [(one, max((steps for at, steps in one.slices if at <= moment), default=0)) for one in tried]
    return max((one.estimate_at(steps) for one, steps in reached), default=float("-inf"))
