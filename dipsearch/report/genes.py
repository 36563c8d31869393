"""Which genes mattered: importances, and all candidates as lines through their genes.

The importances are Optuna's (PED-ANOVA, Watanabe et al., 2023, arXiv:2304.10255), which understands genes
that exist in some candidates only. They are computed from the genomes, so they need no journal.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log10

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ..run import StudyRecord, Trial
from ..trials.quiet_optuna import quiet_optuna
from .lineage import gene_words

MOST_GENES, MOST_AXES = 12, 9
"""Of the importances, and of the lines through genes: what has room beside each other."""

FEWEST = 8
"""Candidates; an importance from fewer would be noise."""


@dataclass(frozen=True)
class ImportanceRow:
    """A gene and its share of the variance between good and other candidates, in [0, 1]."""

    gene: str
    importance: float


@dataclass(frozen=True)
class Axis:
    """One gene of the parallel coordinates.

    Args:
        gene: its name.
        ticks: places in [0, 1] and what stands there, from the bottom up.
        places: one for each candidate, in [0, 1]; ``None`` where the candidate has no such gene.
    """

    gene: str
    ticks: tuple[tuple[float, str], ...]
    places: tuple[float | None, ...]


@dataclass(frozen=True)
class Parallel:
    """Candidates as lines through their genes: their numbers and scores in dB, and one axis for each gene."""

    numbers: tuple[int, ...]
    estimated_psnrs: tuple[float, ...]
    axes: tuple[Axis, ...]


def importance_rows(record: StudyRecord) -> tuple[ImportanceRow, ...]:
    """The genes that mattered most, most important first; empty with too few candidates."""
    complete = _complete(record)
    if len(complete) < FEWEST or len({e.estimated_psnr for e in complete}) < 2:
        return ()
    study = _as_study(complete)
    try:
        with warnings.catch_warnings():
            # That some values were tried once is nothing that the console of a search should say, many times.
            warnings.filterwarnings("ignore", message="Some regimes for parameter", category=UserWarning)
            found = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):  # nothing varied, or too little of it
        return ()
    rows = (ImportanceRow(gene, float(value)) for gene, value in found.items() if isfinite(value) and value)
    return tuple(rows)[:MOST_GENES]


def parallel(record: StudyRecord, genes: Sequence[str]) -> Parallel | None:
    """All complete candidates through ``genes``, or through those that vary; ``None`` with fewer than two.

    Args:
        record: the study.
        genes: in the order of the axes; none: all of them.
    """
    complete = _complete(record)
    flats = [e.genome.to_flat() for e in complete if e.genome]
    names = genes or sorted({name for flat in flats for name in flat})
    varied = [name for name in names if len({flat.get(name) for flat in flats}) > 1]
    if len(complete) < 2 or not varied:
        return None
    axes: list[Axis] = []
    for name in varied:
        axis = _axis(name, [flat.get(name) for flat in flats])
        # Genes that always went together say one thing, and one axis is enough for it.
        if len(axes) < MOST_AXES and all(axis.places != other.places for other in axes):
            axes.append(axis)
    return Parallel(
        tuple(e.number for e in complete), tuple(e.estimated_psnr or 0.0 for e in complete), tuple(axes)
    )


def _complete(record: StudyRecord) -> list[Trial]:
    return [
        e
        for e in record.ranked()
        if e.genome is not None and e.estimated_psnr is not None and isfinite(e.estimated_psnr)
    ]


def _as_study(complete: Sequence[Trial]) -> optuna.Study:
    """The complete candidates as a study in memory, with the ranges that were in fact tried."""
    flats = [e.genome.to_flat() if e.genome else {} for e in complete]
    names = {name for flat in flats for name in flat}
    ranges = {name: _range([flat[name] for flat in flats if name in flat]) for name in names}
    with warnings.catch_warnings(), quiet_optuna():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="maximize", storage=optuna.storages.InMemoryStorage())
        study.add_trials(
            [
                optuna.create_trial(
                    params=flat, distributions={name: ranges[name] for name in flat}, value=e.estimated_psnr
                )
                for e, flat in zip(complete, flats, strict=True)
            ]
        )
    return study


def _range(values: Sequence[int | float | str | bool]) -> BaseDistribution:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        return CategoricalDistribution(sorted(set(values), key=str))
    low, high = min(numbers), max(numbers)
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(low), int(high))
    return FloatDistribution(float(low), float(high), log=low > 0 and high > 20 * low)


def _axis(gene: str, values: Sequence[int | float | str | bool | None]) -> Axis:
    present = {value for value in values if value is not None}
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)
    if not numeric or len(present) <= 5:
        order = sorted(present, key=lambda value: (value if numeric else 0, str(value)))
        place = {value: index / max(1, len(order) - 1) for index, value in enumerate(order)}
        ticks = tuple((place[value], gene_words(value)) for value in order)
        return Axis(gene, ticks, tuple(None if value is None else place[value] for value in values))
    numbers = [float(value) for value in present]
    low, high = min(numbers), max(numbers)
    logarithmic = low > 0 and high > 20 * low

    def at(value: float) -> float:
        if logarithmic:
            return (log10(value) - log10(low)) / (log10(high) - log10(low))
        return (value - low) / (high - low)

    ends = ((0.0, f"{low:.3g}"), (1.0, f"{high:.3g}"))
    places = tuple(None if value is None else round(at(float(value)), 4) for value in values)
    return Axis(gene, ends, places)
