"""How soon a strategy has what the default network of Deep Image Prior reaches at its best.

That network is given an oracle, who stops it at its peak by looking at the clean picture, and goes on with all of y as
the others do. The strategies have no oracle, and only networks count, without the answer of similar patches. Cases in
which that network was still rising when its recording ended are left out: nobody knows how high its peak would be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from ..recorded.fit_recording import EVERY
from ..recorded.table import Table
from ..recorded.table_genomes import BEST_KNOWN, DIP_DEFAULT
from ..recorded.table_parts import TableCase
from ..strategies.replay_delivery import delivered_at
from ..strategies.search_replay import SECONDS_PER_MINUTE, STEP_SECONDS, replay_search
from ..strategies.strategy import Maker

SHARES = tuple(float(share) for share in np.geomspace(0.02, 1, 18))
"""Of that network's own time, at which a strategy is looked at: each is a quarter more than the one before."""

BEFORE_END = 0.9
"""A peak lies in this share of a recording, or it was none."""

Peak = tuple[float, float]
"""The PSNR in dB at the peak, and the seconds until it."""


def default_peak(table: Table, case: TableCase) -> Peak | None:
    """The peak of the default network on a case; ``None`` where the table does not have it, or it had yet to come."""
    recorded = next((one for one in table.genomes if one.name == DIP_DEFAULT), None)
    fit = None if recorded is None else case.fits.get((recorded.digest, 0))
    if recorded is None or fit is None or not fit.steps:
        return None
    at = int(np.nanargmax(fit.now_psnr))
    if at + 1 > BEFORE_END * len(fit.now_psnr):
        return None
    gain = case.psnr(fit.square(fit.end + 1)) - case.psnr(fit.square(fit.end))
    scale = STEP_SECONDS / table.recorded(BEST_KNOWN).seconds[case.side]
    return float(fit.now_psnr[at]) + gain, EVERY * (at + 1) * recorded.seconds[case.side] * scale


def time_to_peak(
    table: Table, strategies: Mapping[str, Maker], cases: Sequence[TableCase], *, seeds: int
) -> dict[str, dict[str, float]]:
    """The share of the default network's own time that strategies need, the median over cases.

    Args:
        table: that is searched.
        strategies: by name.
        cases: on which.
        seeds: searches on each case, whose median counts.

    Returns:
        By strategy: ``share``, -1 where it was not reached in most cases, ``reached``, the share of cases, and
        ``cases``, how many have a peak, of ``all``.
    """
    peaks = [(case, peak) for case in cases if (peak := default_peak(table, case)) is not None]
    if not peaks:
        return {}
    found = {}
    for name, maker in strategies.items():
        shares = [
            median(_share(maker, table, case, peak, seed) for seed in range(seeds)) for case, peak in peaks
        ]
        reached = sum(map(math.isfinite, shares)) / len(shares)
        middle = median(shares)
        found[name] = {
            "share": round(middle, 3) if math.isfinite(middle) else -1.0,
            "reached": round(reached, 3),
            "cases": float(len(peaks)),
            "all": float(len(cases)),
        }
    return found


def _share(maker: Maker, table: Table, case: TableCase, peak: Peak, seed: int) -> float:
    level, seconds = peak
    minutes = seconds / SECONDS_PER_MINUTE
    tried = replay_search(maker, table, case, seed=seed, minutes=minutes)
    for share in SHARES:
        if delivered_at(tried, case, minutes=share * minutes).ensemble >= level:
            return share
    return math.inf
