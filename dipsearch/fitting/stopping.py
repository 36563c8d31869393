"""When a fit ends, and which of its iterates it delivers.

A rule is a small state machine, ``init`` and ``update``, that looks at a fit at its check points. One rule
decides; it sees the score that the split computes on measurements the network was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import inf, nan
from statistics import median
from typing import Protocol

from ..problem import Split

LEARNED = 0.7
"""A fit has begun to learn when its error is below this share of that of the best image of one colour."""


SAMPLING = 0.5
"""Sampled scores closer than this, divided by the root of the number of pixels, are not told apart.

Which pixels were hidden decides that much; a later iterate, which has fitted more, then costs at most 0.1 dB of the
score with 460 hidden pixels.
"""


class Ended(Enum):
    """Why a fit ended, in words."""

    RISEN = "the validation error had not improved for as long as the rule waits"
    STEPS = "the last allowed iteration was reached"
    TIME = "the time given to this candidate was used up"
    PRUNED = "other candidates were clearly better at the same iteration"
    DIVERGED = "the loss was no longer a finite number"
    INTERRUPTED = "the search was asked to finish"
    MATCHED = "the training loss had reached the value that it had at the chosen iteration"
    CALM = "the outputs had not been calmer for as long as the rule waits"
    DISCREPANCY = "the training loss had fallen to the energy of the noise"


@dataclass(frozen=True)
class Check:
    """What a fit shows at a check point.

    Args:
        step: iterations done so far, from 1.
        loss: the training loss of the last iteration.
        score: the split's estimate of the mean squared error of the averaged output; NaN when nothing scores.
        windowed, moving: variances of the raw outputs, see `Fluctuation`; NaN where they are not measured.
    """

    step: int
    loss: float
    score: float
    windowed: float = nan
    moving: float = nan


@dataclass(frozen=True)
class Decision:
    """A rule's answer at a check point.

    Args:
        best: how many check points back the best iterate so far lies, when it changed just now; else ``None``.
        ended: why the fit should end here; ``None`` to go on.
    """

    best: int | None = None
    ended: Ended | None = None


@dataclass(frozen=True)
class Waiting:
    """The memory of a rule that waits for a minimum."""

    recent: tuple[float, ...] = field(default=())
    best_value: float = inf
    best_step: int = 0
    last_step: int = 0


class StoppingRule(Protocol):
    """What every rule is: an initial memory, one step, and a last word."""

    def init(self) -> Waiting:
        """The memory before the first check point."""
        ...

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """The memory after one more check point, and what follows from it."""
        ...

    def finish(self, memory: Waiting) -> Decision:
        """What to deliver when the fit was ended by something else than this rule."""
        ...


@dataclass(frozen=True)
class ValidationMinimum:
    """Deliver the minimum of the validation score, smoothed by a running median; stop once it is old.

    The median over ``window`` check points belongs to the middle one, so the iterate that is delivered lies
    ``window // 2`` check points back: it is never one lucky dip of a noisy score.

    Args:
        window: check points in the median, odd.
        floor: no stop before this iteration.
        patience: iterations without a better minimum before the fit ends, at the least.
        patience_share: the same as a share of the iteration of the minimum, for slow networks.
        tolerance: a later iterate is preferred to the minimum while its smoothed score lies at most this share
            above it, which few scoring pixels cannot tell apart; only for scores that are never negative.
        begun_below: no stop before the smoothed score was below this: some networks dwell on a plain colour for
            hundreds of iterations before they learn anything.
    """

    window: int = 5
    floor: int = 200
    patience: int = 300
    patience_share: float = 0.5
    tolerance: float = 0.0
    begun_below: float = inf

    def init(self) -> Waiting:
        """An empty window and no minimum yet."""
        return Waiting()

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """Smooth, compare with the minimum so far, and say whether it is old enough to stop."""
        recent = (*memory.recent, check.score)[-self.window :]
        value = median(recent)
        lag = len(recent) // 2
        if value < memory.best_value * (1 + self.tolerance):
            lowest = min(value, memory.best_value)
            return Waiting(recent, lowest, check.step, check.step), Decision(best=lag)
        waited = check.step - memory.best_step
        patient = waited < max(self.patience, self.patience_share * memory.best_step)
        stop = check.step >= self.floor and not patient and memory.best_value < self.begun_below
        return (
            Waiting(recent, memory.best_value, memory.best_step, check.step),
            Decision(ended=Ended.RISEN if stop else None),
        )

    def finish(self, memory: Waiting) -> Decision:
        """Deliver the newest iterate where the score was still falling: no later check point will smooth it."""
        newest = memory.last_step == memory.best_step and memory.recent
        return Decision(best=0) if newest and memory.recent[-1] < memory.best_value else Decision()


def default_rule(split: Split, *, patience: int = 300) -> ValidationMinimum:
    """The rule of every fit that is judged: the minimum of the split's score, once something was learned.

    Args:
        split: gives the score of an image of one colour, which tells that nothing was learned yet.
        patience: as in ``ValidationMinimum``.
    """
    trivial = split.trivial_score()
    return ValidationMinimum(
        patience=patience,
        tolerance=sampling_tolerance(split),
        begun_below=LEARNED * trivial if trivial > 0 else inf,
    )


def sampling_tolerance(split: Split) -> float:
    """The share by which scores on hidden pixels may differ by luck; 0 where all pixels score."""
    pixels = float(split.score_weight.amax(dim=1).sum())
    return SAMPLING / pixels**0.5 if split.kind in ("held-out", "held-out holes") and pixels else 0.0


@dataclass(frozen=True)
class LastIterate:
    """Deliver the last iterate: the rule of a fit whose length is known beforehand."""

    def init(self) -> Waiting:
        """Nothing to remember."""
        return Waiting()

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """Every check point is the best so far."""
        return Waiting(best_value=check.loss, best_step=check.step), Decision(best=0)

    def finish(self, memory: Waiting) -> Decision:
        """Nothing to add."""
        del memory
        return Decision()


@dataclass(frozen=True)
class LossMatched:
    """Fit all of y until the training loss falls to what it was at the chosen iteration of the split fit.

    Matching the loss is more robust than matching the iteration: a fit of more data needs more steps for the
    same closeness. The running median removes the jitter's noise.

    Args:
        loss: the training loss to reach.
        window: check points in the median, odd.
        floor: no stop before this iteration.
    """

    loss: float
    window: int = 5
    floor: int = 50

    def init(self) -> Waiting:
        """An empty window."""
        return Waiting()

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """The newest iterate is the best one; the fit ends when its smoothed loss is low enough."""
        recent = (*memory.recent, check.loss)[-self.window :]
        reached = check.step >= self.floor and median(recent) <= self.loss
        ended = Ended.MATCHED if reached else None
        return Waiting(recent, check.loss, check.step), Decision(best=0, ended=ended)

    def finish(self, memory: Waiting) -> Decision:
        """Nothing to add: the newest iterate is the best one already."""
        del memory
        return Decision()
