"""What a table is made of: its genomes with their costs, its cases, and the fits of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ....delivery.shares import ScoreVariance
from ....run.candidate import WINDOW
from ....trials.objective import estimated_psnr
from .fit_recording import BESIDES, EVERY, MARK
from .table_cases import SetName
from .table_genomes import TableGenome


@dataclass(frozen=True, eq=False)
class TableFit:
    """One fit of one genome to one case, until its own rule ended it.

    Args:
        digest, seed: of the genome, and of the fit.
        ended: why, the name of a ``dipsearch.fitting.Ended``.
        validation_mse, psnr: of the iterate that the fit would deliver at every ``EVERY`` iterations: the estimated
            mean squared error, and the true PSNR in dB; ``(k,)``.
        now_validation_mse, now_psnr: of the newest average of outputs there, ``(k,)``.
        step: of the iterate that it would deliver, ``(k,)``.
        sketches: of the errors of that iterate at every ``MARK`` iterations, at the end, after it went on with all of
            y, and of that one polished, ``(m + 3, D)``: their mean products are about those of the errors.
        beyond: the mean squared errors that these lack, or have too much, ``(m + 3,)``.
        polished_validation_mse: the estimated mean squared error of the polished one.
    """

    digest: str
    seed: int
    ended: str
    validation_mse: NDArray[np.float32]
    psnr: NDArray[np.float32]
    now_validation_mse: NDArray[np.float32]
    now_psnr: NDArray[np.float32]
    step: NDArray[np.int32]
    sketches: NDArray[np.float32]
    beyond: NDArray[np.float32]
    polished_validation_mse: float

    @property
    def steps(self) -> int:
        """How many iterations it has."""
        return EVERY * len(self.validation_mse)

    @cached_property
    def estimate(self) -> float:
        """The estimated PSNR in dB of what it delivers in the end."""
        return estimated_psnr(float(self.validation_mse[-1])) if len(self.validation_mse) else -math.inf

    @cached_property
    def curve(self) -> tuple[tuple[int, float], ...]:
        """Iterations, and the smoothed best estimated PSNR in dB until there, as a search follows a candidate."""
        values = [estimated_psnr(float(mse)) for mse in self.now_validation_mse]
        smooth = [median(values[max(0, k - WINDOW) : k]) for k in range(1, len(values) + 1)]
        return tuple((EVERY * k, best) for k, best in enumerate(accumulate(smooth, max), start=1))

    def place(self, steps: int) -> int | None:
        """Which sketch was there after so many iterations; ``None`` before the first one."""
        if steps >= self.steps:
            return self.end if self.steps else None
        return min(steps // MARK, self.end) - 1 if steps >= MARK else None

    @property
    def end(self) -> int:
        """The place of the last sketch of what is judged; behind it are two of what is delivered."""
        return len(self.sketches) - BESIDES

    def square(self, place: int) -> float:
        """The mean squared error of the picture of a sketch, exactly."""
        return float((self.sketches[place].astype(np.float64) ** 2).mean() + self.beyond[place])

    def delivered(self, place: int) -> tuple[NDArray[np.float32], float]:
        """The sketch of a place after it went on with all of y, and what it lacks.

        What is gained by that is taken to be the same at any moment: exact it is at the end.
        """
        gained = self.sketches[self.end + 1] - self.sketches[self.end]
        lacks = self.beyond[self.end + 1] - self.beyond[self.end]
        return self.sketches[place] + gained, float(self.beyond[place] + lacks)

    def validation_mse_at(self, place: int) -> float:
        """The estimated mean squared error of the picture of a sketch."""
        if place == self.end:
            return float(self.validation_mse[-1])
        return float(self.validation_mse[(place + 1) * MARK // EVERY - 1])


@dataclass(frozen=True, eq=False)
class TableCase:
    """All fits to one measurement.

    Args:
        picture, kind, task: what it is.
        set: whether constants may be chosen on it.
        side: of the picture, in pixels.
        share: of the values that were not measured exactly; the others are delivered as they were measured.
        first: the sketch of the first answer's errors, ``(D,)``, and the mean squared error that it lacks.
        first_validation_mse: the estimated mean squared error of the first answer.
        score_variance: of the scores; ``None`` where they are blind for a part of what is sought.
        fits: by digest and seed.
    """

    picture: str
    kind: str
    task: str
    set: SetName
    side: int
    share: float
    first: tuple[NDArray[np.float32], float]
    first_validation_mse: float
    score_variance: ScoreVariance | None
    fits: Mapping[tuple[str, int], TableFit]

    @property
    def first_mse(self) -> float:
        """The mean squared error of the first answer, of the values that were not measured exactly."""
        return float((self.first[0].astype(np.float64) ** 2).mean()) + self.first[1]

    def psnr(self, error: float) -> float:
        """Of a picture as it would be delivered, in dB, from the mean square of its error where it was not measured."""
        mse = self.share * error
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
