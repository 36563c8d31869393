"""What replays tell besides gains: fits that are needed, the time to a known level, and which genes matter.

The level is what the default network of Deep Image Prior reaches at its best. That network is given an oracle, who
stops it at its peak by looking at the clean picture, and goes on with all of y as the others do. The strategies have no
oracle, and only networks count; of the answer of similar patches only its time counts, for those who wait for it as
their pilot. Cases in which that network was still rising when its recording ended are left out: nobody knows how high
its peak would be.

Genes matter by Optuna's importances over the genomes of a table: with scikit-learn, which is no dependency, fANOVA
(Hutter, Hoos and Leyton-Brown, ICML 2014); otherwise PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, arXiv
2304.10255), which comes with Optuna and says what it takes to be among the best. Both are looked up afterwards, with
the true PSNR: they explain the table and are no part of a search.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from statistics import fmean, median
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from ....proposal.distributions import Conditional
from ..recorded.fit_recording import EVERY
from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SetName
from ..recorded.table_genomes import BEST_KNOWN, DIP_DEFAULT
from ..recorded.table_parts import Recorded, TableCase
from ..strategies.known_strategies import once
from ..strategies.replay_delivery import delivered_at
from ..strategies.sampler_strategies import skip_space
from ..strategies.search_replay import SECONDS_PER_MINUTE, STEP_SECONDS, replay_search
from ..strategies.strategy import Maker
from .fits_needed import fits_to_best_of_random
from .search_comparison import GENETIC, JITTER, ONCE, PILOT, RANDOM, SEEDS, STRATEGIES, WEAKEST

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


FIRST_SECONDS = {"denoise": 1.7, "inpaint": 4.9, "sr": 3.5}
"""Of the first answer to 128 × 128 pixels, as measured (``benchmarks/README.md``, similar patches). Networks with a
pilot wait for it."""


def time_to_peak(
    table: Table, strategies: Mapping[str, Maker], cases: Sequence[TableCase], *, seeds: int
) -> dict[str, dict[str, Any]]:
    """The share of the default network's own time that strategies need, by case and the median over cases.

    Args:
        table: that is searched.
        strategies: by name.
        cases: on which.
        seeds: searches on each case, whose median counts.

    Returns:
        By strategy: ``shares`` of the cases that have a peak, by picture and task, -1 where it was not reached;
        ``share``, their median, -1 where it was not reached in most cases; ``reached``, the share of cases; and
        ``cases``, how many have a peak, of ``all``.
    """
    peaks = [(case, peak) for case in cases if (peak := default_peak(table, case)) is not None]
    if not peaks:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for name, maker in strategies.items():
        shares = [
            median(_share(maker, table, case, peak, seed) for seed in range(seeds)) for case, peak in peaks
        ]
        found[name] = {
            "share": _or_never(median(shares)),
            "reached": round(sum(map(math.isfinite, shares)) / len(shares), 3),
            "cases": len(peaks),
            "all": len(cases),
            "shares": {
                f"{case.picture}, {case.task}": _or_never(share)
                for (case, _), share in zip(peaks, shares, strict=True)
            },
        }
    return found


def _or_never(share: float) -> float:
    return round(share, 3) if math.isfinite(share) else -1.0


def _share(maker: Maker, table: Table, case: TableCase, peak: Peak, seed: int) -> float:
    """Of the time until the peak, the first answer among it where a network waits for it as its pilot."""
    level, seconds = peak
    minutes = seconds / SECONDS_PER_MINUTE
    tried = replay_search(maker, table, case, seed=seed, minutes=minutes)
    waits = any(one.recorded.genome.genome.needs_pilot for one in tried)
    before = FIRST_SECONDS[case.task] / seconds if waits else 0.0
    for share in SHARES:
        if delivered_at(tried, case, minutes=share * minutes).ensemble >= level:
            return share + before
    return math.inf


FEWEST = 20
"""Genomes of which importances are told; of fewer they say nothing."""


def importance_method() -> str:
    """What importances are computed with."""
    return "fANOVA" if find_spec("sklearn") else "PED-ANOVA"


def gene_importances(table: Table, cases: Sequence[TableCase]) -> dict[str, float]:
    """Shares of the genes in what a genome reaches, those that say most first; they sum to 1, or there are none.

    Args:
        table: of the genomes.
        cases: over which what it reaches is averaged, each relative to its median, so that all count alike.
    """
    if len(table.genomes) < FEWEST or not cases:
        return {}
    known = Conditional(skip_space()).distributions
    common = set.intersection(*({*one.genome.flat} for one in table.genomes))
    study = optuna.create_study(direction="maximize")
    for one, value in zip(table.genomes, _reached(table.genomes, cases), strict=True):
        flat = {name: one.genome.flat[name] for name in common}
        shapes = {name: known[name] for name in common}
        study.add_trial(create_trial(params=flat, distributions=shapes, value=value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = (
            FanovaImportanceEvaluator(seed=0)
            if importance_method() == "fANOVA"
            else PedAnovaImportanceEvaluator()
        )
        found = get_param_importances(study, evaluator=evaluator)
    return {name: round(share, 3) for name, share in sorted(found.items(), key=lambda each: -each[1])}


def _reached(genomes: Sequence[Recorded], cases: Sequence[TableCase]) -> list[float]:
    """The mean over cases of the true PSNR in the end, less the median of all genomes there."""
    columns = []
    for case in cases:
        finals = [_final(case, one.digest) for one in genomes]
        usual = median(value for value in finals if math.isfinite(value))
        worst = min(value for value in finals if math.isfinite(value))
        columns.append([(value if math.isfinite(value) else worst) - usual for value in finals])
    return [fmean(values) for values in zip(*columns, strict=True)]


def _final(case: TableCase, digest: str) -> float:
    psnr = case.fits[digest, 0].psnr
    return float(psnr[-1]) if len(psnr) else -math.inf


PLAIN = "dipsearch_nearest_48"
"""The first known network without a pilot."""

RACED: Mapping[str, Maker] = {
    **{name: STRATEGIES[name] for name in (ONCE, SEEDS, "known networks", PILOT)},
    f"{PLAIN}, once, without a pilot": once(PLAIN),
}
"""Strategies whose time to the peak of Deep Image Prior's default network is measured."""

RACES = 3
"""Searches on each case: of these strategies little depends on chance."""

COUNTED, SEARCHES = (SEEDS, "random", RANDOM, "known, then TPE", PILOT, JITTER, GENETIC, WEAKEST), 30
"""Strategies whose fits are counted, and the searches of each for each task, ten of each picture."""


def facts_of(table: Table, *, set: SetName) -> dict[str, Any]:
    """``fits``, ``peak`` and ``importances`` on the pictures of a set, and the ``method`` of these.

    Here every fit goes to its end: what counts is who is proposed.
    """
    cases = cases_of(table, set=set)
    return {
        "fits": fits_to_best_of_random(
            table, {name: STRATEGIES[name] for name in COUNTED}, set=set, seeds=SEARCHES
        ),
        "peak": time_to_peak(table, RACED, cases, seeds=RACES),
        "importances": gene_importances(table, cases),
        "method": importance_method(),
    }
