"""Replays: what a stopping rule or a choice among candidates would have done with recorded fits.

Nothing is fitted here, so that a new rule is judged in seconds. The oracle lives here, too, where no search can
import it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from ...fitting import (
    Check,
    Decision,
    Discrepancy,
    FixedLength,
    LowestVariance,
    StoppingRule,
    ValidationMinimum,
    replay,
)
from ...fitting.stopping import LEARNED, Waiting
from .recording import Recording

DEFAULT = "validation minimum (default)"
CHOSEN_BY = "score (default)"
LENGTHS = (300, 600, 1200)


@dataclass(frozen=True)
class Stop:
    """Where a rule leaves a recorded fit.

    Args:
        step: that is delivered.
        psnr: there, in dB, of the averaged output as it would be delivered.
        loss_db: how far that is below the peak of the same curve.
        validation_mse: the split's estimate of the mean squared error there.
        training_loss: there.
    """

    step: int
    psnr: float
    loss_db: float
    validation_mse: float
    training_loss: float


def default_for(recording: Recording) -> ValidationMinimum:
    """The default rule of a recorded fit."""
    begun_below = LEARNED * recording.trivial if recording.trivial > 0 else np.inf
    return ValidationMinimum(begun_below=begun_below)


def rules_for(recording: Recording, *, noise_energy: float | None) -> dict[str, StoppingRule[Any]]:
    """The rules of the table by name; the discrepancy principle only where the noise in the fitted part is known."""
    rules: dict[str, StoppingRule[Any]] = {
        DEFAULT: default_for(recording),
        "ES-WMV (W = 100, P = 1000)": LowestVariance("windowed"),
        "ES-EMV (α = 0.1, P = 1000)": LowestVariance("moving"),
    }
    if noise_energy is not None:
        rules["discrepancy"] = Discrepancy(noise_energy)
    return rules | {f"{steps} iterations": FixedLength(steps) for steps in LENGTHS}


def stop_of(rule: StoppingRule[Any], recording: Recording) -> Stop | None:
    """Where ``rule`` leaves a recorded fit; ``None`` where it delivers nothing."""
    choice = replay(rule, recording.checks())
    if choice.step == 0:
        return None
    place = int(np.searchsorted(recording.step, choice.step))
    psnr = float(recording.psnr_delivered[place])
    return Stop(
        choice.step,
        psnr,
        float(recording.psnr_delivered.max()) - psnr,
        float(recording.validation_mse[place]),
        float(recording.loss[place]),
    )


def default_choice(recording: Recording) -> Stop | None:
    """Where the default rule leaves a recorded fit."""
    return stop_of(default_for(recording), recording)


@dataclass(frozen=True)
class Ranking:
    """How well a criterion orders the networks of one case.

    Args:
        kendall_tau: with the true PSNR where the default rule stops.
        regret_db: the best network's PSNR minus that of the one which the criterion puts first.
    """

    kendall_tau: float
    regret_db: float


def rank(criterion: Sequence[float], psnr: Sequence[float]) -> Ranking:
    """Compare a criterion, lower is better, with the truth.

    Args:
        criterion, psnr: one number per network.
    """
    values, truth = np.asarray(criterion, dtype=np.float64), np.asarray(psnr, dtype=np.float64)
    tau = float(kendalltau(-values, truth).statistic)
    return Ranking(tau, float(truth.max() - truth[int(np.argmin(values))]))


def random_choice(psnr: Sequence[float]) -> Ranking:
    """What choosing at random does on average."""
    return Ranking(0.0, float(max(psnr) - np.mean(psnr)))


def criteria(
    recordings: Mapping[str, Recording], *, consensus: Sequence[float | None]
) -> dict[str, NDArray[np.float64]]:
    """Every criterion's values, lower is better, in the order of ``recordings``.

    Args:
        consensus: what takes the place of the score where it is not ``None``.
    """
    stops = [default_choice(recording) for recording in recordings.values()]
    scores = [np.inf if stop is None else stop.validation_mse for stop in stops]
    values = {
        CHOSEN_BY: [
            score if error is None else error for score, error in zip(scores, consensus, strict=True)
        ],
        "score without consensus": scores,
        "training loss": [np.inf if stop is None else stop.training_loss for stop in stops],
    }
    return {name: np.asarray(column, dtype=np.float64) for name, column in values.items()}


@dataclass(frozen=True)
class Oracle(StoppingRule[Waiting]):
    """Deliver the check point with the highest PSNR; never stop.

    Args:
        psnr: of the averaged output in dB, by iteration.
    """

    psnr: Mapping[int, float]

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """Compare with the peak so far."""
        value = -self.psnr[check.step]
        if value < memory.best_value:
            return Waiting((), value, check.step, check.step), Decision(best=0)
        return Waiting((), memory.best_value, memory.best_step, check.step), Decision()
