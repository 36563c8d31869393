"""The engine of a fit: many steps at a time, as fast as the device allows, and one reading after them.

``EagerEngine`` runs on every device that PyTorch has; ``CudaGraphEngine`` (in ``cuda_graph``) records the
step once and replays it. Both make the same step, see ``step``; between readings nothing comes back from the
device.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Protocol

from torch import Tensor

from ..problem import Problem, Split
from .precision import Precision
from .saved_step import SavedStep
from .step import Step
from .stopping import Check


@dataclass(frozen=True, eq=False)
class Reading:
    """What a fit shows when it is looked at.

    Args:
        loss: training loss of the latest step.
        validation_mse: the split's estimate of the mean squared error of the averaged output; NaN when nothing scores.
        image: the averaged output, ``(1, C, H, W)``, on the device.
        output: the raw output of the latest step, ``(1, C, H, W)``; valid until the next step.
        windowed, moving: variances of the raw outputs, see `Fluctuation`; NaN where they are not measured.
        parts: of a blind score, see `Split.validation_parts`; empty for others.
    """

    loss: float
    validation_mse: float
    image: Tensor
    output: Tensor
    windowed: float = nan
    moving: float = nan
    parts: tuple[float, ...] = ()

    def check(self, step: int) -> Check:
        """What a stopping rule sees of it.

        Args:
            step: iterations done so far.
        """
        return Check(step, self.loss, self.validation_mse, self.windowed, self.moving, self.parts)


class Engine(Protocol):
    """What the loop needs of an engine.

    Attributes:
        name: "eager" or "cuda_graph".
        reason: why it is not the one that was asked for; empty when it is.
        precision: of the convolutions.
    """

    name: str
    reason: str

    @property
    def precision(self) -> Precision: ...

    def advance(self, steps: int) -> Reading:
        """Make ``steps`` steps, then read."""
        ...

    def save(self) -> SavedStep:
        """A copy of everything that a step changes, as it is now."""
        ...


class EagerEngine:
    """Makes one step after the other.

    Args:
        step: what to repeat.
        problem: gives the operator, for the score.
        split: scores.
        reason: why this engine stands in for another one.
    """

    name = "eager"

    def __init__(self, step: Step, problem: Problem, *, split: Split, reason: str = "") -> None:
        self.step, self._problem, self._split, self.reason = step, problem, split, reason

    @property
    def precision(self) -> Precision:
        return self.step.precision

    def advance(self, steps: int) -> Reading:
        for _ in range(steps):
            self.step()
        return read(self.step, self._problem, split=self._split)

    def save(self) -> SavedStep:
        return self.step.save()


def read(step: Step, problem: Problem, *, split: Split) -> Reading:
    """Look at a fit; this waits for the device."""
    image, restless = step.average.read(), step.fluctuation
    score, parts = _judged(image, problem, split=split)
    windowed, moving = (nan, nan) if restless is None else (restless.windowed(), restless.moving())
    return Reading(step.loss.item(), score, image, step.output, windowed, moving, parts)


def _judged(image: Tensor, problem: Problem, *, split: Split) -> tuple[float, tuple[float, ...]]:
    if split.kind == "whole":
        return nan, ()
    seen = problem.view(image)
    parts = tuple(split.validation_parts(seen).tolist()) if split.blind else ()
    return split.validation_mse(seen).item(), parts
