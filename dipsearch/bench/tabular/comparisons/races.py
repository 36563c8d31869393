"""Races over pictures, replayed on the table: how many candidates are looked at in a time, and what is chosen of them.

All cases of a set stand in the place of pictures that share one network, though they are of three tasks: that makes
them less alike than a folder of somebody's pictures, and races harder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ....planning.plan import least_steps
from ....planning.racing import LEVEL, verdict
from ...shared.sections import crossed
from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SETS
from ..recorded.table_parts import TableCase
from .search_comparison import half_interval

LEVELS = (0.05, 0.1, 0.2)
LOOKS = (4, 8, 16)
"""The time, in looks of one candidate at all pictures."""

FINALISTS = 3
"""So many of the best at their looks are fitted to their ends, and the one with the best estimate is chosen."""


@dataclass(frozen=True)
class RaceRow:
    """One level of the test in one time.

    Args:
        set: of the cases: "tuning", "test" or "all".
        pictures: how many cases.
        looks: the time.
        level: of the test.
        candidates: that were looked at, the mean over orders; ``without``: without a race.
        gain_db: true PSNR of what is chosen, the mean over pictures, over what is chosen without a race.
        low_db, high_db: its 95 % interval over orders.
    """

    set: str
    pictures: int
    looks: int
    level: float
    candidates: float
    without: float
    gain_db: float
    low_db: float
    high_db: float


@dataclass(frozen=True, eq=False)
class _Runners:
    """What is known of all genomes, ``(genomes, cases)`` each."""

    looks: np.ndarray
    estimates: np.ndarray
    psnr: np.ndarray


def race_rows(table: Table, *, orders: int) -> list[RaceRow]:
    """Race at every level in every time, and without a race.

    Args:
        table: of recorded fits.
        orders: in which genomes and pictures come.
    """
    rows = []
    for name in (*SETS, "all"):
        cases = [case for each in SETS if name in (each, "all") for case in cases_of(table, set=each)]
        if not cases:
            continue
        runners = _runners(table, cases)
        for looks in LOOKS:
            plain = [_raced(runners, looks, 0.0, order) for order in range(orders)]
            for level in LEVELS:
                raced = [_raced(runners, looks, level, order) for order in range(orders)]
                gains = [one[1] - other[1] for one, other in zip(raced, plain, strict=True)]
                mean, half = fmean(gains), half_interval(gains)
                rows.append(
                    RaceRow(
                        set=name,
                        pictures=len(cases),
                        looks=looks,
                        level=level,
                        candidates=round(fmean(count for count, _ in raced), 1),
                        without=round(fmean(count for count, _ in plain), 1),
                        gain_db=round(mean, 3),
                        low_db=round(mean - half, 3),
                        high_db=round(mean + half, 3),
                    )
                )
    return rows


def _runners(table: Table, cases: Sequence[TableCase]) -> _Runners:
    there = [one for one in table.genomes if all(case.fits[one.digest, 0].steps for case in cases)]
    fits = [[case.fits[one.digest, 0] for case in cases] for one in there]
    least = [least_steps(one.genome.genome) for one in there]
    looks = [
        [max(value for step, value in fit.curve if step <= max(steps, fit.curve[0][0])) for fit in each]
        for each, steps in zip(fits, least, strict=True)
    ]
    return _Runners(
        np.array(looks),
        np.array([[fit.estimate for fit in each] for each in fits]),
        np.array([[float(fit.psnr[-1]) for fit in each] for each in fits]),
    )


def _raced(runners: _Runners, looks: int, level: float, order: int) -> tuple[int, float]:
    """How many candidates were looked at, and the mean true PSNR of the one that is chosen."""
    generator = np.random.default_rng(order)
    count, pictures = runners.looks.shape
    genomes, places = generator.permutation(count).tolist(), generator.permutation(pictures).tolist()
    left, best, seen = looks * pictures, None, 0
    whole: list[int] = []
    for genome in genomes:
        shown: dict[int, float] = {}
        lost = False
        for place in places[:left]:
            left -= 1
            shown[place] = runners.looks[genome, place]
            rest = len(shown) < pictures
            if rest and best is not None and verdict(shown, _looks_of(runners, best), level=level):
                lost = True
                break
        if not lost and len(shown) < pictures:
            break  # the time is over
        seen += 1
        if not lost:
            whole.append(genome)
            best = max(whole, key=lambda one: float(runners.looks[one].mean()))
    finalists = sorted(whole, key=lambda one: -float(runners.looks[one].mean()))[:FINALISTS]
    chosen = max(finalists, key=lambda one: float(runners.estimates[one].mean()))
    return seen, float(runners.psnr[chosen].mean())


def _looks_of(runners: _Runners, genome: int) -> dict[int, float]:
    return dict(enumerate(runners.looks[genome].tolist()))


def races_markdown(rows: Sequence[RaceRow], *, command: str, date: str, orders: int) -> str:
    """The section: a heading, a legend and a table.

    Args:
        command, date: that wrote it.
        orders: of genomes and pictures.
    """
    parts = [
        "## Races: a candidate that loses on the first pictures is not fitted to all",
        f"`{command}`, {date}. All cases of a set of the table of recorded fits stand in the place of pictures that "
        f"share one network. The time is that of so many looks at all of them. The {FINALISTS} best at their looks are "
        "fitted to their ends, and the one with the best estimate is chosen. A cell has the candidates that were "
        "looked at (without a race), and what is chosen in true PSNR, in dB over no race, with its 95 % interval over "
        f"{orders} orders. Searches race at p < {LEVEL:g}.",
    ]
    cells = {
        (f"{row.set}, {row.pictures} cases, {row.looks} looks", f"p < {row.level:g}"): (
            f"{row.candidates:.0f} ({row.without:.0f}); {row.gain_db:+.2f} [{row.low_db:+.2f}, {row.high_db:+.2f}]"
        )
        for row in rows
    }
    return "\n\n".join([*parts, crossed("pictures and time", cells)])
