"""Monitors: the stopping rules of the literature, which see the training loss or the raw outputs only.

They cost no measurements, and they depend on the architecture: a calmer or slower network is not a better
one. So they rank nobody. They watch fits that another rule decides, serve the benchmark, and stand in where no
valid split exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any, Literal

from .stopping import Check, Decision, Ended, StoppingRule, Waiting


@dataclass(frozen=True)
class Choice:
    """What a rule does, or would have done, with a fit.

    Args:
        step: the iteration that it delivers; 0 when it found none.
        stopped: the iteration at which it ends the fit; ``None`` when it would have gone on.
        ended: why, ``None`` with it.
    """

    step: int
    stopped: int | None = None
    ended: Ended | None = None


@dataclass(frozen=True)
class LowestVariance(StoppingRule[Waiting]):
    """ES-WMV and ES-EMV: deliver the iteration at which the raw outputs were calmest.

    Wang et al., TMLR 2023, arXiv 2112.06074: a window of 100 outputs or a decay of 0.1, patience 1000. They look
    at every iteration; here the rule sees its check points, at most nine iterations apart by default.

    Args:
        measure: "windowed" (ES-WMV) or "moving" (ES-EMV), see `Fluctuation`.
        patience: iterations without a lower variance before the fit ends.
    """

    measure: Literal["windowed", "moving"] = "windowed"
    patience: int = 1000

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """Compare with the lowest variance so far; a variance that is not known yet counts as none."""
        value = check.windowed if self.measure == "windowed" else check.moving
        if value < memory.best_value:
            return Waiting((), value, check.step, check.step), Decision(best=0)
        waited = check.step - memory.best_step
        stop = memory.best_value < inf and waited >= self.patience
        after = Waiting((), memory.best_value, memory.best_step, check.step)
        return after, Decision(ended=Ended.CALM if stop else None)


@dataclass(frozen=True)
class Discrepancy(StoppingRule[Waiting]):
    """Morozov's principle: end once the training loss is down to the energy of the noise.

    Args:
        energy: mean squared noise in the fitted part of the measurement.
        factor: the fit ends at this multiple of it.
        window: check points in the running median of the loss, odd; removes the jitter's noise.
    """

    energy: float
    factor: float = 1.0
    window: int = 5

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """The newest iterate is the best one until the loss is low enough."""
        recent = (*memory.recent, check.loss)[-self.window :]
        reached = median(recent) <= self.factor * self.energy
        after = Waiting(recent, check.loss, check.step, check.step)
        return after, Decision(best=0, ended=Ended.DISCREPANCY if reached else None)


@dataclass(frozen=True)
class FixedLength(StoppingRule[Waiting]):
    """End at a number of iterations that was chosen beforehand, as the published settings do.

    Args:
        steps: that number, at least 1.
    """

    steps: int

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        """The newest iterate is the best one until the number is reached."""
        after = Waiting((), check.loss, check.step, check.step)
        return after, Decision(best=0, ended=Ended.STEPS if check.step >= self.steps else None)


def needs_outputs(rule: StoppingRule[Any]) -> bool:
    """Whether a rule looks at the variance of raw outputs, which is measured only when asked for."""
    return isinstance(rule, LowestVariance)


class Monitor:
    """A rule that watches a fit which another one decides, and records what it would have done.

    Args:
        rule: which rule.
    """

    def __init__(self, rule: StoppingRule[Any]) -> None:
        self._rule, self._memory = rule, rule.init()
        self._steps: list[int] = []
        self._choice = Choice(0)

    @property
    def step(self) -> int:
        """The iteration that the rule would deliver if the fit ended by the rule at the latest check point."""
        return self._choice.step

    @property
    def stopped(self) -> bool:
        """Whether the rule would have ended the fit by now."""
        return self._choice.stopped is not None

    def see(self, check: Check) -> None:
        """Take in a check point, unless the rule would have ended the fit before."""
        if self._choice.stopped is not None:
            return
        self._steps.append(check.step)
        self._memory, decision = self._rule.update(self._memory, check)
        self._decide(decision)
        if decision.ended is not None:
            self._choice = Choice(self._choice.step, check.step, decision.ended)

    def choice(self) -> Choice:
        """What the rule would have done, given what it has seen."""
        if self._choice.stopped is None and self._steps:
            self._decide(self._rule.finish(self._memory))
        return self._choice

    def _decide(self, decision: Decision) -> None:
        if decision.best is not None:
            self._choice = Choice(self._steps[-1 - min(decision.best, len(self._steps) - 1)])


def replay(rule: StoppingRule[Any], checks: Iterable[Check]) -> Choice:
    """What ``rule`` does with a recorded fit."""
    monitor = Monitor(rule)
    for check in checks:
        monitor.see(check)
    return monitor.choice()
