"""The seeds' table: how much the PSNR of one network on one measurement changes with the luck of a fit.

Another seed draws other weights, another input, other jitter and another split; differences between networks that are
smaller than this say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...fitting import data_consistent
from ...problem import psnr
from ..cases.damages import group_name, group_order, groups_of
from ..shared.sections import markdown_table
from .fitted_case import FittedCase


@dataclass(frozen=True)
class SeedsRow:
    """Pairs of fits of the same network to the same measurement, with different seeds.

    Args:
        task, damage: which ones; "all" where they are put together.
        deviation_db: standard deviation of one fit's PSNR, from the differences of the pairs.
        largest_db: difference.
        pairs: of fits.
    """

    task: str
    damage: str
    deviation_db: float
    largest_db: float
    pairs: int


def seeds_rows(cases: Sequence[FittedCase]) -> list[SeedsRow]:
    """One row per damage and group of damages."""
    found: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        for pair in case.repeated:
            one, other = (psnr(data_consistent(image, case.problem), case.clean) for image in pair)
            for group in groups_of(case.damage):
                found.setdefault(group, []).append(one - other)
    return [
        SeedsRow(
            *group,
            deviation_db=round(float(np.sqrt(np.mean(np.square(found[group])) / 2)), 4),
            largest_db=round(float(np.abs(found[group]).max()), 4),
            pairs=len(found[group]),
        )
        for group in sorted(found, key=group_order)
    ]


def seeds_markdown(rows: Sequence[SeedsRow]) -> str:
    """A row per damage."""
    lines = [
        (
            f"{group_name(row.task, row.damage)} ({row.pairs})",
            f"{row.deviation_db:.2f}",
            f"{row.largest_db:.2f}",
        )
        for row in rows
    ]
    return markdown_table(("damage (pairs)", "standard deviation, dB", "largest difference, dB"), lines)
