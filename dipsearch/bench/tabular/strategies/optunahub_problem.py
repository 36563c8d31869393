"""A case of the table as a problem of Optuna's: genes in, the estimated PSNR of the nearest recorded genome out.

`TableProblem` has what a problem of ``optunahub``'s benchmarks has. Where that package can be imported,
``as_optunahub`` makes it one in name, too; it is no dependency.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection

from ....errors import InputError
from ....proposal.distributions import Conditional, Scalar
from ....proposal.samplers import suggest
from ..recorded.table import Table
from ..recorded.table_parts import Recorded
from .sampler_strategies import Neighbours, skip_space

Value = Literal["estimate", "psnr"]


class TableProblem:
    """A case to try samplers on.

    Args:
        table: that was recorded.
        picture, task: of the case.
        value: "estimate", what a search sees, or "psnr", what it is judged by; both in dB, of the whole fit.

    Raises:
        InputError: the table does not have the case.
    """

    def __init__(self, table: Table, *, picture: str, task: str, value: Value = "estimate") -> None:
        self._case, self._value = table.case(picture, task), value
        self._pool, self._space = table.genomes, skip_space()
        self._near = Neighbours(self._space, [one.genome.flat for one in self._pool])

    @property
    def search_space(self) -> dict[str, BaseDistribution]:
        """All genes; which of them exist depends on the others, and ``__call__`` asks only for those."""
        return dict(Conditional(self._space).distributions)

    @property
    def directions(self) -> list[StudyDirection]:
        """More decibels are better."""
        return [StudyDirection.MAXIMIZE]

    def __call__(self, trial: optuna.Trial) -> float:
        """The value of the genome that a trial suggests; the recorded one is kept in its attributes."""
        recorded = self.nearest(suggest(trial, self._space))
        trial.set_user_attr("recorded", recorded.name)
        return self._of(recorded)

    def evaluate(self, params: Mapping[str, Scalar]) -> float:
        """The value of a genome in dB.

        Args:
            params: its genes; those that do not exist for it are not looked at, and missing ones are drawn.
        """
        return self._of(self.nearest(params))

    def nearest(self, params: Mapping[str, Scalar]) -> Recorded:
        """The recorded genome that is nearest to one with these genes."""
        flat = self._space.repair(params, np.random.default_rng(0))
        return self._pool[int(self._near.distances(flat).argmin())]

    def _of(self, recorded: Recorded) -> float:
        fit = self._case.fits[recorded.digest, 0]
        return fit.estimate if self._value == "estimate" or not fit.steps else float(fit.psnr[-1])


def as_optunahub(problem: TableProblem) -> Any:
    """The same problem as an instance of ``optunahub.benchmarks.BaseProblem``.

    Raises:
        InputError: optunahub cannot be imported.
    """
    try:
        base = importlib.import_module("optunahub.benchmarks").BaseProblem
    except ImportError as error:
        raise InputError(
            "optunahub cannot be imported",
            "it is no dependency of dipsearch",
            "pip install optunahub, or use TableProblem as it is: study.optimize(problem)",
        ) from error
    made: Any = object.__new__(types.new_class("TableProblem", (TableProblem, base)))
    made.__dict__.update(problem.__dict__)
    return made
