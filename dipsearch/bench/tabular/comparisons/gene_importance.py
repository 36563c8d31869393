"""Which genes matter: Optuna's importances over the genomes of a table.

With scikit-learn, which is no dependency, fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014); otherwise PED-ANOVA
(Watanabe, Bansal and Hutter, IJCAI 2023, arXiv 2304.10255), which comes with Optuna and says what it takes to be among
the best. Both are looked up afterwards, with the true PSNR: they explain the table and are no part of a search.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from statistics import fmean, median

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from ....proposal.distributions import Conditional
from ..recorded.table import Table
from ..recorded.table_parts import Recorded, TableCase
from ..strategies.sampler_strategies import skip_space

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
