"""The table: recorded fits of many genomes to the same few cases, to be asked instead of fitting anything.

``Table.read`` reads one and checks it, ``Table.query`` says what a genome had reached at a step, and ``cases`` hold
whole fits with what an ensemble needs. The clean pictures were known when it was made: PSNR is for judging, and a
strategy that looks at it has seen the answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any, Self

from ....errors import InputError
from ....network import Genome
from ....trials.objective import estimated_psnr
from .fit_recording import EVERY
from .table_file import read_table
from .table_parts import Moment, Recorded, TableCase


@dataclass(frozen=True, eq=False)
class Table:
    """Recorded fits.

    Args:
        genomes: all of them, in the order in which they were recorded.
        cases: each with the fits of all genomes.
        about: the command, date and versions that made it, and its coverage.
    """

    genomes: tuple[Recorded, ...]
    cases: tuple[TableCase, ...]
    about: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a table, and check that it is whole and of this version's format.

        Args:
            path: of ``table.npz``; ``table.json`` lies beside it.

        Raises:
            FormatError: a file is missing, damaged, or of another format.
        """
        return cls(*read_table(Path(path)))

    @property
    def checksum(self) -> str:
        """Of the file that it was read from; empty for one that was not."""
        return str(self.about.get("sha256", ""))

    @cached_property
    def coverage(self) -> dict[str, Any]:
        """How many genomes, fits and seeds there are, and which pictures and tasks."""
        kinds = [one.genome.kind for one in self.genomes]
        return {
            "genomes": len(self.genomes),
            "of_kind": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
            "with_several_seeds": sum(len(self.seeds(one.digest)) > 1 for one in self.genomes),
            "fits": sum(len(case.fits) for case in self.cases),
            "pictures": {case.picture: {"kind": case.kind, "set": case.set} for case in self.cases},
            "tasks": list(dict.fromkeys(case.task for case in self.cases)),
        }

    @cached_property
    def _by_name(self) -> dict[str, Recorded]:
        return {key: one for one in self.genomes for key in (one.name, one.digest)}

    def recorded(self, genome: Genome | str) -> Recorded:
        """A genome of the table, by itself, its digest or its name.

        Raises:
            InputError: the table does not have it.
        """
        key = genome.digest if isinstance(genome, Genome) else genome
        if not isinstance(key, str) or key not in self._by_name:
            raise InputError(
                f"the table has no genome {key}",
                f"it has {len(self.genomes)}, by digest and by name",
                "choose from Table.genomes",
            )
        return self._by_name[key]

    def case(self, picture: str, task: str) -> TableCase:
        """The case of a picture and a task.

        Raises:
            InputError: the table does not have it.
        """
        for one in self.cases:
            if (one.picture, one.task) == (picture, task):
                return one
        raise InputError(
            f"the table has no case of {picture} and {task}",
            "it has the pictures "
            + ", ".join(dict.fromkeys(one.picture for one in self.cases))
            + " and the tasks "
            + ", ".join(dict.fromkeys(one.task for one in self.cases)),
            "choose from Table.cases, or record that picture with bench table FOLDER",
        )

    def _only_case(self, picture: str | None, task: str | None) -> TableCase:
        if picture is not None and task is not None:
            return self.case(picture, task)
        there = [one for one in cases_of(self, task=task) if picture in (None, one.picture)]
        if len(there) != 1:
            named = f"picture={picture!r} and task={task!r}"
            raise InputError(
                f"a fit was asked for, and {named} leave {len(there)} of {len(self.cases)} cases",
                "a fit is one to a picture and a task",
                f"give both, as picture='{self.cases[0].picture}', task='{self.cases[0].task}'",
            )
        return there[0]

    def seeds(self, genome: Genome | str) -> tuple[int, ...]:
        """Which seeds a genome was recorded with, on every case."""
        digest = self.recorded(genome).digest
        return tuple(sorted(seed for known, seed in self.cases[0].fits if known == digest))

    def query(
        self,
        genome: Genome | str,
        step: int,
        *,
        picture: str | None = None,
        task: str | None = None,
        seed: int = 0,
    ) -> Moment:
        """What a genome had come to after so many iterations, on one case.

        Args:
            genome: itself, its digest or its name.
            step: iterations, at least 10; behind the end of the fit the end counts.
            picture, task: of the case; what leaves a single one need not be said.
            seed: of the fit.

        Raises:
            InputError: the table does not have this genome, case or seed, or several cases, or the step is below 10 or
                no whole number.
        """
        recorded, case = self.recorded(genome), self._only_case(picture, task)
        fit = case.fits.get((recorded.digest, seed))
        if fit is None or not isinstance(step, Integral) or step < EVERY:
            raise InputError(
                f"{recorded.name} was asked for at step {step} with seed {seed}",
                f"it has the seeds {', '.join(map(str, self.seeds(genome)))}, and whole steps from {EVERY} on",
                "choose from these",
            )
        at = min(step // EVERY, len(fit.validation_mse)) - 1
        done = EVERY * (at + 1)
        if at < 0:  # it diverged at once
            return Moment(0, -math.inf, -math.inf, 0, 0.0, 0.0, True)
        return Moment(
            step=done,
            estimate=estimated_psnr(float(fit.validation_mse[at])),
            psnr=float(fit.psnr[at]),
            chosen=int(fit.step[at]),
            seconds=done * recorded.seconds[case.side],
            multiply_adds=done * recorded.multiply_adds,
            ended=done == fit.steps,
        )


def cases_of(table: Table, *, task: str | None = None, set: str | None = None) -> list[TableCase]:
    """The cases of a table of one task or one set; all of them where nothing is said."""
    return [case for case in table.cases if task in (None, case.task) and set in (None, case.set)]
