"""The table: recorded fits of many genomes to the same few cases, to be asked instead of fitting anything.

``read_table`` reads one and checks it, ``Table.query`` says what a genome had reached at a step, and ``cases`` hold
whole fits with what an ensemble needs. The clean pictures were known when it was made: PSNR is for judging, and a
strategy that looks at it has seen the answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...network import Genome
from ...trials.objective import estimated_psnr
from .fit_recording import EVERY, MARK
from .table_cases import SetName
from .table_genomes import TableGenome


@dataclass(frozen=True, eq=False)
class TableFit:
    """One fit of one genome to one case, until its own rule ended it.

    Args:
        digest, seed: of the genome, and of the fit.
        ended: why, the name of a ``dipsearch.fitting.Ended``.
        score, psnr: of the iterate that the fit would deliver at every ``EVERY`` iterations: the estimated mean squared
            error, and the true PSNR in dB; ``(k,)``.
        now_score, now_psnr: of the newest average of outputs there, ``(k,)``.
        step: of the iterate that it would deliver, ``(k,)``.
        sketches: of the errors of that iterate at every ``MARK`` iterations, at the end, and polished at the end,
            ``(m + 2, D)``: their mean product over D is that of the errors.
        beyond: the mean squared errors that these lack, ``(m + 2,)``.
        polished_score: the estimated mean squared error of the polished one.
    """

    digest: str
    seed: int
    ended: str
    score: NDArray[np.float32]
    psnr: NDArray[np.float32]
    now_score: NDArray[np.float32]
    now_psnr: NDArray[np.float32]
    step: NDArray[np.int32]
    sketches: NDArray[np.float32]
    beyond: NDArray[np.float32]
    polished_score: float

    @property
    def steps(self) -> int:
        """How many iterations it has."""
        return EVERY * len(self.score)

    @cached_property
    def estimate(self) -> float:
        """The estimated PSNR in dB of what it delivers in the end."""
        return estimated_psnr(float(self.score[-1])) if len(self.score) else -math.inf

    def place(self, steps: int) -> int | None:
        """Which sketch was there after so many iterations; ``None`` before the first one."""
        if steps >= self.steps:
            return len(self.sketches) - 2 if self.steps else None
        return min(steps // MARK, len(self.sketches) - 2) - 1 if steps >= MARK else None

    def score_at(self, place: int) -> float:
        """The estimated mean squared error of the picture of a sketch."""
        if place == len(self.sketches) - 2:
            return float(self.score[-1])
        return float(self.score[(place + 1) * MARK // EVERY - 1])


@dataclass(frozen=True, eq=False)
class TableCase:
    """All fits to one measurement.

    Args:
        picture, kind, task: what it is.
        set: whether constants may be chosen on it.
        side: of the picture, in pixels.
        share: of the values that were not measured exactly; the others are delivered as they were measured.
        first: the sketch of the first answer's errors, ``(D,)``, and the mean squared error that it lacks.
        first_score: the estimated mean squared error of the first answer.
        fits: by digest and seed.
    """

    picture: str
    kind: str
    task: str
    set: SetName
    side: int
    share: float
    first: tuple[NDArray[np.float32], float]
    first_score: float
    fits: Mapping[tuple[str, int], TableFit]

    def psnr(self, sketch: NDArray[np.float64], beyond: float) -> float:
        """Of the picture of a sketch as it would be delivered, in dB."""
        mse = self.share * (float((sketch**2).mean()) + beyond)
        return -10 * math.log10(max(mse, 1e-10)) if math.isfinite(mse) else -math.inf


@dataclass(frozen=True)
class Moment:
    """What a fit had come to.

    Args:
        step: iterations done; those that were asked for, or as many as it has.
        estimate: the estimated PSNR in dB of what it would deliver, without a reference.
        psnr: the true one.
        chosen: the iteration that it would deliver.
        seconds: of the processor, for so many iterations.
        multiply_adds: for these, in those of an iteration of the best known network.
        ended: whether its own rule had ended it.
    """

    step: int
    estimate: float
    psnr: float
    chosen: int
    seconds: float
    multiply_adds: float
    ended: bool


@dataclass(frozen=True, eq=False)
class Recorded:
    """A genome of a table, and what it costs.

    Args:
        genome: with its name.
        seconds: of the processor for an iteration, by the side of the picture.
        multiply_adds: of an iteration, in those of the best known network.
    """

    genome: TableGenome
    seconds: Mapping[int, float]
    multiply_adds: float

    @property
    def digest(self) -> str:
        """Of the genome."""
        return self.genome.genome.digest

    @property
    def name(self) -> str:
        """Of the genome in the table."""
        return self.genome.name


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
        key = genome if isinstance(genome, str) else genome.digest
        if key not in self._by_name:
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

    def seeds(self, genome: Genome | str) -> tuple[int, ...]:
        """Which seeds a genome was recorded with, on every case."""
        digest = self.recorded(genome).digest
        return tuple(sorted(seed for known, seed in self.cases[0].fits if known == digest))

    def query(self, genome: Genome | str, step: int, *, picture: str, task: str, seed: int = 0) -> Moment:
        """What a genome had come to after so many iterations, on one case.

        Args:
            genome: itself, its digest or its name.
            step: iterations, at least 10; behind the end of the fit the end counts.
            picture, task: of the case.
            seed: of the fit.

        Raises:
            InputError: the table does not have this genome, case or seed, or the step is below 10.
        """
        recorded, case = self.recorded(genome), self.case(picture, task)
        fit = case.fits.get((recorded.digest, seed))
        if fit is None or step < EVERY:
            raise InputError(
                f"{recorded.name} was asked for at step {step} with seed {seed}",
                f"it has the seeds {', '.join(map(str, self.seeds(genome)))}, and check points from {EVERY} on",
                "choose from these",
            )
        at = min(step // EVERY, len(fit.score)) - 1
        done = EVERY * (at + 1)
        if at < 0:  # it diverged at once
            return Moment(0, -math.inf, -math.inf, 0, 0.0, 0.0, True)
        return Moment(
            step=done,
            estimate=estimated_psnr(float(fit.score[at])),
            psnr=float(fit.psnr[at]),
            chosen=int(fit.step[at]),
            seconds=done * recorded.seconds[case.side],
            multiply_adds=done * recorded.multiply_adds,
            ended=done == fit.steps,
        )


def cases_of(
    table: Table, *, task: str | None = None, set: str | None = None, pictures: Sequence[str] | None = None
) -> list[TableCase]:
    """The cases of a table of one task, one set, or some pictures; all of them where nothing is said."""
    return [
        case
        for case in table.cases
        if task in (None, case.task)
        and set in (None, case.set)
        and (pictures is None or case.picture in pictures)
    ]
