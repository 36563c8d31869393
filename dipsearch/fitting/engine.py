"""The engine of a fit: many steps at a time, as fast as the device allows, and one reading after them.

``EagerEngine`` runs on every device that PyTorch has; ``CudaGraphEngine`` (in ``cuda_graph``) records the
step once and replays it. Both make the same step, see ``step``; between readings nothing comes back from the
device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

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


class Engine:
    """Repeats a step.

    Args:
        step: what to repeat.
        problem: gives the operator, for the score.
        split: scores.
        reason: why it is not the engine that was asked for; empty when it is.

    Attributes:
        name: "eager" or "cuda_graph".
    """

    name: str

    def __init__(self, step: Step, problem: Problem, *, split: Split, reason: str = "") -> None:
        self.step, self._problem, self._split, self.reason = step, problem, split, reason
        self._make: Callable[[], None] = step

    @property
    def precision(self) -> Precision:
        """Of the convolutions."""
        return self.step.precision

    def advance(self, steps: int) -> Reading:
        """Make ``steps`` steps, then read."""
        with self.step.drawing():
            for _ in range(steps):
                self._make()
        return read(self.step, self._problem, split=self._split)

    def save(self) -> SavedStep:
        """A copy of everything that a step changes, as it is now."""
        return self.step.save()


class EagerEngine(Engine):
    """Makes one step after the other."""

    name = "eager"


def read(step: Step, problem: Problem, *, split: Split) -> Reading:
    """Look at a fit; this waits for the device."""
    image, restless = step.average.read(), step.fluctuation
    validation_mse, parts = _judged(image, problem, split=split)
    windowed, moving = (nan, nan) if restless is None else (restless.windowed(), restless.moving())
    return Reading(step.loss.item(), validation_mse, image, step.output, windowed, moving, parts)


def _judged(image: Tensor, problem: Problem, *, split: Split) -> tuple[float, tuple[float, ...]]:
    if split.kind == "whole":
        return nan, ()
    seen = problem.view(image)
    parts = tuple(split.validation_parts(seen).tolist()) if split.blind else ()
    return split.validation_mse(seen).item(), parts
