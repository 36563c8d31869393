"""The Deep Image Prior loop: fit an untrained generator to one measurement and keep the right iterate.

    θ* = argmin ‖A f_θ(z + σ_p n) − y‖²,   delivered: the average of f_θ(z + σ_p n) at the chosen iteration

One function, composed of small objects: the split says what is fitted and what scores, the rule says when to
stop, the average says what is delivered, the engine makes the steps (Ulyanov, Vedaldi, Lempitsky, 2018,
arXiv 1711.10925).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..network import Network
from ..problem import Problem, Split
from .compute import USUAL, Compute
from .engine import Engine
from .engines import make_engine
from .monitors import needs_outputs
from .precision import Precision
from .step import Weights
from .stopping import Check, Decision, Ended, StoppingRule, default_rule

Watcher = Callable[[Check, Tensor], Ended | None]
"""Sees a check point and the averaged output there; returns a reason to end the fit, or ``None``."""


@dataclass(frozen=True, eq=False)
class Curves:
    """What was recorded at the check points.

    Args:
        step: iterations, int64, ``(k,)``.
        loss: training loss (mean squared error on the fitted part), ``(k,)``.
        score: the split's estimate of the mean squared error of the averaged output, ``(k,)``; NaN without.
        seconds: since the start of the fit, ``(k,)``.
    """

    step: NDArray[np.int64]
    loss: NDArray[np.float64]
    score: NDArray[np.float64]
    seconds: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """One finished fit.

    Args:
        image: the averaged output at the chosen iteration, ``(1, C, H, W)``, detached, on the fit's device.
        step: the chosen iteration; 0 when no iterate was finite.
        ended: why the fit ended.
        score: the split's estimate of the mean squared error there; NaN when nothing scores.
        loss: the smoothed training loss there.
        curves: the check points.
        seconds: wall time.
        weights: the network and the optimiser at the chosen iteration, to go on from; ``None`` unless asked
            for.
        engine: what made the steps, "eager" or "cuda_graph".
        precision: of its convolutions.
        notes: why another engine was used than the one asked for.
        full: the image after the fit went on with all of y, ``(1, C, H, W)``; ``None`` where it did not.
    """

    image: Tensor
    step: int
    ended: Ended
    score: float
    loss: float
    curves: Curves
    seconds: float
    weights: Weights | None = None
    engine: str = "eager"
    precision: Precision = "fp32"
    notes: tuple[str, ...] = ()
    full: Tensor | None = None


@dataclass
class _Recorder:
    """The check points so far, the last few averaged outputs, and the best iterate among them."""

    keep_weights: bool
    rows: list[tuple[int, float, float, float]] = field(default_factory=list)
    recent: deque[tuple[Check, Tensor, Weights | None]] = field(default_factory=lambda: deque(maxlen=4))
    best: tuple[Check, Tensor, Weights | None] | None = None
    started: float = field(default_factory=time.perf_counter)

    def add(self, check: Check, image: Tensor, engine: Engine) -> None:
        self.rows.append((check.step, check.loss, check.score, time.perf_counter() - self.started))
        self.recent.append((check, image, engine.save() if self.keep_weights else None))

    def decide(self, decision: Decision) -> None:
        if decision.best is not None:
            self.best = self.recent[-1 - min(decision.best, len(self.recent) - 1)]

    def curves(self) -> Curves:
        table = np.array(self.rows, dtype=np.float64).reshape(-1, 4)
        return Curves(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3])


def fit(
    genome: Network,
    problem: Problem,
    *,
    split: Split,
    seed: int,
    max_steps: int,
    rule: StoppingRule | None = None,
    check_every: int = 10,
    seconds: float | None = None,
    watch: Watcher | None = None,
    start: Weights | None = None,
    keep_weights: bool = False,
    compute: Compute = USUAL,
    pilot: Tensor | None = None,
) -> Fit:
    """Fit the generator of ``genome`` to the fitted part of ``split``; return the iterate that ``rule`` chose.

    Args:
        genome: architecture, input and fit settings of the candidate, or one's own network.
        problem: what was measured and how; on the device of the fit.
        split: which part of the measurement is fitted and which one scores; on the same device.
        seed: of the weights, the input z and its jitter; same seed, device and engine: the same image.
        max_steps: the iteration at which the fit ends at the latest, at least 1.
        rule: decides when to stop and what to deliver; by default the minimum of the split's score.
        check_every: iterations between check points; nothing is read from the device in between.
        seconds: wall time after which the fit ends at the next check point with what it has.
        watch: sees every check point and may end the fit.
        start: weights to go on from instead of fresh ones.
        keep_weights: whether ``Fit.weights`` is filled in, at the cost of copies at every check point.
        compute: by what means.
        pilot: ``(1, C, H, W)`` in about [0, 1], a restoration made from the fitted part of ``split`` alone, for
            networks with one in their input; others do not look at it. The jitter is added to its channels, too.

    Raises:
        ValueError: ``max_steps`` or ``check_every`` below 1.
        InputError: the genome needs a pilot, and there is none, or it is of another shape than the image.
    """
    if max_steps < 1 or check_every < 1:
        raise ValueError(f"max_steps={max_steps}, check_every={check_every}: both have to be at least 1")
    rule = rule or default_rule(split)
    made = make_engine(
        compute,
        genome,
        problem,
        split=split,
        seed=seed,
        start=start,
        fluctuation=needs_outputs(rule),
        pilot=pilot,
    )
    memory, record, ended, step = rule.init(), _Recorder(keep_weights), None, 0
    while step < max_steps and ended is None:
        stride = min(check_every, max_steps - step)
        reading = made.advance(stride)
        step += stride
        check = reading.check(step)
        if not np.isfinite(check.loss):
            ended = Ended.DIVERGED
            break
        record.add(check, reading.image, made)
        memory, decision = rule.update(memory, check)
        record.decide(decision)
        ended = decision.ended or (watch(check, reading.image) if watch else None)
        if seconds is not None and time.perf_counter() - record.started >= seconds:
            ended = ended or Ended.TIME
    if ended not in (Ended.DIVERGED, Ended.RISEN):
        record.decide(rule.finish(memory))
    return _finished(record, ended or Ended.STEPS, problem, made)


def _finished(record: _Recorder, ended: Ended, problem: Problem, engine: Engine) -> Fit:
    curves = record.curves()
    seconds = time.perf_counter() - record.started
    made = engine.name, engine.precision, (engine.reason,) if engine.reason else ()
    if record.best is None:
        nothing = problem.y.new_full(problem.image_shape, float("nan"))
        return Fit(nothing, 0, ended, float("nan"), float("nan"), curves, seconds, None, *made)
    check, image, weights = record.best
    around = curves.loss[np.abs(np.arange(len(curves.step)) - np.searchsorted(curves.step, check.step)) <= 2]
    return Fit(
        image, check.step, ended, check.score, float(np.median(around)), curves, seconds, weights, *made
    )
