"""An ongoing fit: the Deep Image Prior loop between two interruptions.

It is advanced by some iterations at a time, says at any moment what it would deliver, and can be saved and gone on with
by another process, bit for bit on a CPU.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..network import Network
from ..problem import Problem, Split
from .average import Average
from .compute import USUAL, Compute
from .engines import make_engine
from .fit_state import FitState, Iterate
from .monitors import needs_outputs
from .precision import Precision
from .saved_step import SavedStep, StepState
from .stopping import Check, Decision, Ended, StoppingRule, default_rule

Watcher = Callable[[Check, Tensor], Ended | None]
"""Sees a check point and the averaged output there; returns a reason to end the fit, or ``None``."""

KEPT = 3
"""Check points that a rule can name: the middle one of a window of five is two back."""


@dataclass(frozen=True, eq=False)
class Curves:
    """What was recorded at the check points.

    Args:
        step: iterations, int64, ``(k,)``.
        loss: training loss (mean squared error on the fitted part), ``(k,)``.
        validation_mse: the split's estimate of the mean squared error of the averaged output, ``(k,)``; NaN without.
        seconds: that the fit had worked, ``(k,)``.
    """

    step: NDArray[np.int64]
    loss: NDArray[np.float64]
    validation_mse: NDArray[np.float64]
    seconds: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit delivers.

    Args:
        image: the averaged output at the chosen iteration, ``(1, C, H, W)``, detached, on the fit's device.
        step: the chosen iteration; 0 when no iterate was finite.
        ended: why the fit ended.
        validation_mse: the split's estimate of the mean squared error there; NaN when nothing scores.
        loss: the smoothed training loss there.
        curves: the check points.
        seconds: wall time.
        weights: the state of the step where that iteration was chosen, at most two check points after it, to go on
            from; ``None`` unless asked for.
        engine: what made the steps, "eager" or "cuda_graph".
        precision: of its convolutions.
        notes: why another engine was used than the one asked for.
        full: the image after the fit went on with all of y, ``(1, C, H, W)``; ``None`` where it did not.
    """

    image: Tensor
    step: int
    ended: Ended
    validation_mse: float
    loss: float
    curves: Curves
    seconds: float
    weights: StepState | None = None
    engine: str = "eager"
    precision: Precision = "fp32"
    notes: tuple[str, ...] = ()
    full: Tensor | None = None


class OngoingFit:
    """A fit that can be advanced.

    Args:
        genome, problem, split, seed, max_steps, rule, check_every, start, keep_weights, compute, pilot, average: as in
            ``fit``.
        state: of the same fit, to go on with; ``None``: it begins.

    Attributes:
        step: iterations done.
        seconds: that they took.
        ended: why it is over; ``None``: it can be advanced.
    """

    def __init__(
        self,
        genome: Network,
        problem: Problem,
        *,
        split: Split,
        seed: int,
        max_steps: int,
        rule: StoppingRule[Any] | None = None,
        check_every: int = 10,
        start: StepState | None = None,
        keep_weights: bool = False,
        compute: Compute = USUAL,
        pilot: Tensor | None = None,
        average: Average[Any] | None = None,
        state: FitState | None = None,
    ) -> None:
        if max_steps < 1 or check_every < 1:
            raise ValueError(f"max_steps={max_steps}, check_every={check_every}: both have to be at least 1")
        self._problem, self._max_steps, self._check_every = problem, max_steps, check_every
        self._keep_weights = keep_weights
        self._rule = rule or default_rule(split)
        self._engine = make_engine(
            compute,
            genome,
            problem,
            split=split,
            seed=seed,
            start=start if state is None else state.steps,
            fluctuation=needs_outputs(self._rule),
            pilot=pilot,
            average=average,
        )
        self.step, self.seconds = 0, 0.0
        self.ended: Ended | None = None
        self._memory: Any = self._rule.init()
        self._rows: list[tuple[float, ...]] = []
        self._recent: deque[Iterate] = deque(maxlen=KEPT)
        self._best: Iterate | None = None
        self._weights: SavedStep | None = None
        self._chosen_at = 0
        if state is not None:
            self._resume(state)

    def advance(self, steps: int, *, seconds: float | None = None, watch: Watcher | None = None) -> None:
        """Make iterations up to the first check point at or after so many, or until the fit ends.

        Args:
            steps: iterations.
            seconds: wall time after which the next check point is the last one of this call.
            watch: sees every check point and may end the fit.
        """
        until, begun, before = self.step + steps, time.perf_counter(), self.seconds
        while self.ended is None and self.step < min(until, self._max_steps):
            stride = min(self._check_every, self._max_steps - self.step)
            reading = self._engine.advance(stride)
            self.step += stride
            passed = time.perf_counter() - begun
            self.seconds = before + passed
            check = reading.check(self.step)
            if not np.isfinite(check.loss):
                self.ended = Ended.DIVERGED
                return
            self._add(check, reading.image)
            self.ended = self._decided(check) or (watch(check, reading.image) if watch else None)
            if seconds is not None and passed >= seconds:
                break
        if self.ended is None and self.step >= self._max_steps:
            self.ended = Ended.STEPS

    def fit(self, ended: Ended | None = None, *, weights: bool = True) -> Fit:
        """What the fit delivers as it stands.

        Args:
            ended: why it is not advanced any more, where it would not have ended by itself.
            weights: whether its weights are wanted, where they are kept.
        """
        why = self.ended or ended or Ended.TIME
        best, state = self._best, self._weights
        # A slice of several pictures may end before this one has a check point, of which no rule knows what to make.
        if self._recent and why not in (Ended.DIVERGED, Ended.RISEN):
            last: object = self._rule.finish(self._memory)
            if not isinstance(last, Decision):
                raise InputError(
                    f"finish of the stopping rule returned {last!r}"[:200],
                    "it returns a dipsearch.Decision",
                    "return for example dipsearch.Decision()",
                )
            named = self._named(last)
            if named is not None:
                best, state = named, self._kept_weights() if weights else None
        curves, engine = self.curves(), self._engine
        made = engine.name, engine.precision, (engine.reason,) if engine.reason else ()
        if best is None:  # a rule may never name one
            best = next((one for one in reversed(self._recent) if bool(one.image.isfinite().all())), None)
        if best is None:
            nothing = self._problem.y.new_full(self._problem.image_shape, float("nan"))
            return Fit(nothing, 0, why, float("nan"), float("nan"), curves, self.seconds, None, *made)
        step = best.check.step
        around = curves.loss[np.abs(np.arange(len(curves.step)) - np.searchsorted(curves.step, step)) <= 2]
        loss = float(np.median(around))
        return Fit(best.image, step, why, best.check.validation_mse, loss, curves, self.seconds, state, *made)

    def curves(self) -> Curves:
        """The check points so far."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, 4)
        return Curves(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3])

    def state(self) -> FitState:
        """All that is needed to go on with it."""
        weights = self._weights
        just_chosen = weights is not None and self._chosen_at == self.step
        steps = weights if weights is not None and just_chosen else self._engine.save()
        return FitState(
            step=self.step,
            seconds=self.seconds,
            ended=self.ended,
            rows=np.array(self._rows, dtype=np.float64).reshape(-1, 4),
            memory=self._memory,
            recent=tuple(self._recent),
            best=self._best,
            weights=weights,
            steps=steps,
        )

    def _resume(self, state: FitState) -> None:
        self.step, self.seconds, self.ended = state.step, state.seconds, state.ended
        self._memory, self._rows = state.memory, [tuple(row) for row in state.rows.tolist()]
        device = self._problem.y.device
        there = {
            id(one): _moved(one, device) for one in (*state.recent, *([state.best] if state.best else []))
        }
        self._recent.extend(there[id(one)] for one in state.recent)
        self._best = None if state.best is None else there[id(state.best)]
        if state.weights is not None:
            self._weights = state.weights.to(device)

    def _add(self, check: Check, image: Tensor) -> None:
        self._rows.append((check.step, check.loss, check.validation_mse, self.seconds))
        self._recent.append(Iterate(check, image))

    def _decided(self, check: Check) -> Ended | None:
        answered: object = self._rule.update(self._memory, check)
        if not isinstance(answered, tuple) or len(answered) != 2 or not isinstance(answered[1], Decision):
            raise InputError(
                f"update of the stopping rule returned {answered!r}"[:200],
                "it returns its memory and a dipsearch.Decision",
                "return for example (memory, dipsearch.Decision())",
            )
        decision: Decision
        self._memory, decision = answered
        if (named := self._named(decision)) is not None:
            self._best, self._weights, self._chosen_at = named, self._kept_weights(), self.step
        return decision.ended

    def _kept_weights(self) -> SavedStep | None:
        """A copy of what the next step starts from, where somebody may go on from here."""
        return self._engine.save() if self._keep_weights else None

    def _named(self, decision: Decision) -> Iterate | None:
        """The check point that a rule means.

        Raises:
            InputError: it is not kept.
        """
        if decision.best is None:
            return None
        if decision.best not in range(KEPT):
            raise InputError(
                f"the stopping rule names the check point {decision.best!r} back as the best one",
                f"0, the present one, to {KEPT - 1} back are kept",
                "name it while it is among these",
            )
        return self._recent[-1 - min(int(decision.best), len(self._recent) - 1)]


def _moved(one: Iterate, device: torch.device) -> Iterate:
    return Iterate(one.check, one.image.to(device))
