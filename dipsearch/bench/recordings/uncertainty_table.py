"""The uncertainty's table: how the map that comes with a delivery compares with its true error, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...delivery.picture_outputs import uncertainty_of
from ...delivery.uncertainty import Calibration, calibration
from ..cases.damages import group_name, group_order, groups_of
from .fitted_case import FittedCase
from .score_tables import deviation


@dataclass(frozen=True)
class UncertaintyRow:
    """How maps of uncertainty compare with the error of what is delivered, over some cases.

    Args:
        task, damage: which cases; "all" where they are put together.
        rank_correlation: Spearman's ρ with the absolute error over the pixels, the mean over the cases;
            ``rank_correlation_sd`` and ``rank_correlation_min`` beside it.
        within_one, within_two: shares of the values whose error is below one and two deviations.
        cases: measurements.
    """

    task: str
    damage: str
    rank_correlation: float
    rank_correlation_sd: float
    rank_correlation_min: float
    within_one: float
    within_two: float
    cases: int


def uncertainty_rows(cases: Sequence[FittedCase]) -> list[UncertaintyRow]:
    """One row per damage and one over everything."""
    found: dict[tuple[str, str], list[Calibration]] = {}
    for case in cases:
        compared = _compared(case)
        if compared is not None:
            for group in groups_of(case.damage):
                found.setdefault(group, []).append(compared)
    return [_row(*group, found[group]) for group in sorted(found, key=group_order)]


def uncertainty_markdown(rows: Sequence[UncertaintyRow]) -> str:
    """A row per damage."""
    lines = [
        "| damage (cases) | rank correlation, mean ± sd | smallest | error below 1 deviation | below 2 |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {group_name(row.task, row.damage)} ({row.cases}) "
        f"| {row.rank_correlation:.2f} ± {row.rank_correlation_sd:.2f} | {row.rank_correlation_min:.2f} "
        f"| {100 * row.within_one:.0f} % | {100 * row.within_two:.0f} % |"
        for row in rows
    ]
    return "\n".join(lines)


def _compared(case: FittedCase) -> Calibration | None:
    found = uncertainty_of(case.choice, case.delivery, case.picture)
    return None if found is None else calibration(found, case.choice.answer.image, case.clean)


def _row(task: str, damage: str, values: Sequence[Calibration]) -> UncertaintyRow:
    correlations = [value.rank_correlation for value in values]
    return UncertaintyRow(
        task,
        damage,
        rank_correlation=round(float(np.mean(correlations)), 4),
        rank_correlation_sd=round(deviation(correlations), 4),
        rank_correlation_min=round(float(np.min(correlations)), 4),
        within_one=round(float(np.mean([value.within_one for value in values])), 4),
        within_two=round(float(np.mean([value.within_two for value in values])), 4),
        cases=len(values),
    )
