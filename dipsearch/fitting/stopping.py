"""When a fit ends, and which of its iterates it delivers.

A rule is a small state machine, ``init`` and ``update``, that looks at a fit at its check points. One rule
decides; it sees the score that the split computes on measurements the network was not fitted to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf, nan, sqrt
from statistics import median, stdev
from typing import Protocol, TypeVar, cast

from ..problem import Split

LEARNED = 0.5
"""A fit has begun to learn when its error is below this share of that of the best image of one colour."""


class Ended(Enum):
    """Why a fit ended, in words."""

    RISEN = "the validation error had not improved for as long as the rule waits"
    STEPS = "the last allowed iteration was reached"
    TIME = "the time given to this candidate was used up"
    PRUNED = "other candidates were clearly better at the same iteration"
    DIVERGED = "the loss was no longer a finite number"
    INTERRUPTED = "the search was asked to finish"
    CALM = "the outputs had not been calmer for as long as the rule waits"
    DISCREPANCY = "the training loss had fallen to the energy of the noise"


@dataclass(frozen=True)
class Check:
    """What a fit shows at a check point.

    Args:
        step: iterations done so far, from 1.
        loss: the training loss of the last iteration.
        validation_mse: the split's estimate of the mean squared error of the averaged output; NaN when nothing scores.
        windowed, moving: variances of the raw outputs, see `Fluctuation`; NaN where they are not measured.
        parts: of an indirect score, what the squares of a grid contribute to it; empty for others.
    """

    step: int
    loss: float
    validation_mse: float
    windowed: float = nan
    moving: float = nan
    parts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A rule's answer at a check point.

    Args:
        best: how many check points back the best iterate so far lies, 0 to 2, when it changed just now; else ``None``.
        ended: why the fit should end here; ``None`` to go on.
    """

    best: int | None = None
    ended: Ended | None = None


@dataclass(frozen=True)
class Waiting:
    """The memory of a rule that waits for a minimum.

    Args:
        recent: the latest values.
        best_value: the lowest one, perhaps smoothed.
        best_step: at which check point the rule last changed its mind.
        last_step: the newest check point.
        checks: the latest check points, of rules that need all of them.
        lowest: the check point that the lowest value belongs to, likewise.
    """

    recent: tuple[float, ...] = field(default=())
    best_value: float = inf
    best_step: int = 0
    last_step: int = 0
    checks: tuple[Check, ...] = ()
    lowest: Check | None = None


_M = TypeVar("_M")


class StoppingRule(Protocol[_M]):
    """What every rule is: an initial memory, one step, and a last word.

    The memory may be anything; a search, which keeps it between slices, has a `Waiting`.
    """

    def init(self) -> _M:
        """The memory before the first check point; that of a rule that does not say is a `Waiting`."""
        return cast(_M, Waiting())

    def update(self, memory: _M, check: Check) -> tuple[_M, Decision]:
        """The memory after one more check point, and what follows from it."""
        ...

    def finish(self, memory: _M) -> Decision:
        """What to deliver when the fit was ended by something else than this rule."""
        return Decision()


@dataclass(frozen=True)
class ValidationMinimum(StoppingRule[Waiting]):
    """Deliver the minimum of the validation score, smoothed by a running median; stop once it is old.

    The median over ``window`` check points belongs to the middle one, so the iterate that is delivered lies
    ``window // 2`` check points back: it is never one lucky dip of a noisy score.

    Where the score is blind for a part of what is sought, as in super-resolution, the latest iterate within one
    standard error of the minimum is delivered instead (the rule of Breiman, Friedman, Olshen and Stone, 1984): of two
    iterates that it cannot tell apart, the later one has more of the detail that it does not see. The error is that of
    the difference of the two scores, from how much the squares of a grid disagree about it.

    Args:
        window: check points in the median, odd.
        floor: no stop before this iteration.
        patience: iterations without a better minimum before the fit ends, at the least.
        patience_share: the same as a share of the iteration of the minimum, for slow networks.
        blind_patience: iterations after the minimum of an indirect score at which the fit ends although later iterates
            are as good: others should have the time. Four pictures enlarged four times lost 0.05 dB with 600, 0.07
            with 300 and 0.04 without an end.
        standard_errors: how many of them a later iterate may lie above the minimum.
        begun_below: no stop before the smoothed score was below this: some networks dwell on a plain colour for
            hundreds of iterations before they learn anything.
    """

    window: int = 5
    floor: int = 200
    patience: int = 300
    patience_share: float = 0.5
    blind_patience: int = 600
    standard_errors: float = 1.0
    begun_below: float = inf

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """Smooth, compare with the minimum so far, and say whether it is old enough to stop."""
        checks = (*memory.checks, check)[-self.window :]
        smooth = sorted(checks, key=lambda one: one.validation_mse)[len(checks) // 2]
        value = median(one.validation_mse for one in checks)
        better = value < memory.best_value
        lowest, best_value = (smooth, value) if better else (memory.lowest, memory.best_value)
        best = len(checks) // 2 if better or self._as_good(smooth, value, lowest, best_value) else None
        best_step = memory.best_step if best is None else check.step
        over = check.step - best_step >= max(self.patience, self.patience_share * best_step)
        if lowest is not None and lowest.parts:
            since = check.step - lowest.step
            over = over or since >= max(self.blind_patience, self.patience_share * lowest.step)
        stop = over and check.step >= self.floor and best_value < self.begun_below
        after = Waiting((), best_value, best_step, check.step, checks, lowest)
        return after, Decision(best, Ended.RISEN if stop else None)

    def finish(self, memory: Waiting) -> Decision:
        """Deliver the newest iterate where the score was still falling: no later check point will smooth it."""
        if memory.last_step != memory.best_step or not memory.checks:
            return Decision()
        newest = memory.checks[-1]
        as_good = newest.validation_mse < memory.best_value or self._as_good(
            newest, newest.validation_mse, memory.lowest, memory.best_value
        )
        return Decision(best=0) if as_good else Decision()

    def _as_good(self, later: Check, value: float, lowest: Check | None, best_value: float) -> bool:
        """Whether an indirect score cannot tell a later check point from the minimum."""
        if lowest is None or not later.parts or not lowest.parts:
            return False
        return value - best_value <= self.standard_errors * difference_error(later.parts, lowest.parts)


def difference_error(one: Sequence[float], other: Sequence[float]) -> float:
    """The standard error of the difference of two sampled scores.

    Args:
        one, other: what the same squares of a grid contribute to each score, at least two.
    """
    apart = [a - b for a, b in zip(one, other, strict=True)]
    return stdev(apart) * sqrt(len(apart))


def default_rule(split: Split, *, patience: int = 300) -> ValidationMinimum:
    """The rule of every fit that is judged: the minimum of the split's score, once something was learned.

    Args:
        split: gives the score of an image of one colour, which tells that nothing was learned yet.
        patience: as in ``ValidationMinimum``.
    """
    trivial = split.trivial_mse()
    return ValidationMinimum(patience=patience, begun_below=LEARNED * trivial if trivial > 0 else inf)


@dataclass(frozen=True)
class LastIterate(StoppingRule[Waiting]):
    """Deliver the last iterate: the rule of a fit whose length is known beforehand."""

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """Every check point is the best so far."""
        return Waiting(best_value=check.loss, best_step=check.step), Decision(best=0)
