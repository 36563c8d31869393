"""A candidate as the scheduler knows it: how far its fits have come, and what is known of their worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

import numpy as np

from ..execution.keeping import Keeping
from ..execution.task import Advanced, Progress
from ..fitting import Ended
from ..network import Network
from ..planning.plan import least_steps
from ..planning.policy import Contestant
from ..trials.objective import estimated_psnr, value_of

WINDOW = 3
"""Check points in the median of a curve: one lucky value should neither save nor doom a candidate."""


@dataclass(eq=False)
class Candidate:
    """One network and its fits.

    Args:
        number: of its trial.
        key: of its trial in Optuna's storage.
        network: what is fitted.
        max_steps: iterations of its fits at the most.
        start: the preset whose learnt weights it begins with; ``None``: it begins with random ones.
        races: its first look is at one picture after another, and it may be given up on the way.

    Attributes:
        made: iterations, of all pictures together.
        steps: iterations that every picture has; while it races, their mean.
        seconds: that they took.
        seconds_per_step: of every picture, as measured last; NaN before that.
        values: check points: the iteration, and the estimated PSNR in dB, the mean over the pictures.
        pictures: how far each fit has come.
        estimated_psnr: in dB, the mean over the pictures, as the latest slice left them: some may be a check point
            ahead of the others.
        value: what it is ranked by, likewise: that, or the user's own metric.
        busy: a worker advances it.
        told: Optuna knows how it ended.
        rests: why this run does not advance it any more and a resumed one does; empty: it may be advanced.
        fresh: it has not gone on with all of the measurement since its latest iteration.
        alone: none has come as far, so that it counts however short it was.
        worker: who advanced it last; -1: nobody, or that is not known.
    """

    number: int
    key: int
    network: Network
    max_steps: int
    start: str | None = None
    races: bool = False
    made: int = 0
    steps: int = 0
    seconds: float = 0.0
    seconds_per_step: float = math.nan
    values: list[tuple[int, float]] = field(default_factory=list)
    pictures: tuple[Progress, ...] = ()
    estimated_psnr: float = -math.inf
    value: float = -math.inf
    busy: bool = False
    told: bool = False
    rests: str = ""
    fresh: bool = True
    alone: bool = False
    lean: bool = False
    worker: int = -1
    means: Mapping[str, str] = field(default_factory=dict)
    keeping: Keeping = field(default_factory=Keeping)
    _best: list[tuple[int, float]] = field(default_factory=list)
    _curves: tuple[dict[int, float], ...] = ()

    @property
    def place(self) -> str:
        """The folder of its fits."""
        return f"trials/{self.number:04d}"

    @property
    def look(self) -> int:
        """Iterations of a fair first look."""
        return min(least_steps(self.network), self.max_steps)

    @property
    def ended(self) -> Ended | None:
        """Why it is over; ``None``: it can be advanced."""
        ends = [one.ended for one in self.pictures]
        if Ended.DIVERGED in ends:
            return Ended.DIVERGED
        return ends[-1] if ends and all(ends) else None

    @property
    def usable(self) -> bool:
        """Whether it has had its first look, so that it counts among the others."""
        there = bool(self.pictures) and all(one.step for one in self.pictures)
        far = self.alone or self.steps >= self.look or self.ended is not None
        return there and far and self.ended is not Ended.DIVERGED

    @property
    def even(self) -> bool:
        """Whether all pictures that go on are at the same check point: a slice may end between them."""
        going = [
            max(c, default=0) for c, one in zip(self._curves, self.pictures, strict=True) if not one.ended
        ]
        return len(set(going)) <= 1

    @property
    def looks(self) -> Mapping[int, float]:
        """What its first look at each picture has shown, by the picture's place: the best estimated PSNR in dB."""
        reached = self._reached()
        return {
            place: max(
                (estimated_psnr(e) for step, e in curve.items() if step <= self.look), default=-math.inf
            )
            for place, curve in enumerate(self._curves)
            if reached[place] >= self.look
        }

    def advanced(self, found: Advanced) -> None:
        """Take in what came of a slice."""
        self.busy = False
        self.seconds += found.seconds + found.beside
        if found.made:
            self.fresh = True
            going = sum(one.ended is None for one in self.pictures) or len(found.pictures)
            self.seconds_per_step = found.seconds * going / found.made
        self.pictures, self.lean = found.pictures, found.lean
        self.means = {"engine": found.engine, "precision": found.precision} | (
            {"engine_note": found.note} if found.note else {}
        )
        self.estimated_psnr = value_of([one.validation_mse for one in found.pictures])
        self.value = self.estimated_psnr if found.value is None else found.value
        self._follow(found)

    def attributes(self) -> dict[str, Any]:
        """What a study remembers of it, plain values."""
        first = self.pictures[0]
        return {
            "score": self.estimated_psnr,
            **({} if self.value == self.estimated_psnr else {"metric": self.value}),
            "step": first.step,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "usable": self.usable,
            **({"worker": self.worker} if self.worker >= 0 else {}),
            **self.means,
            **({"ended": self.ended.value} if self.ended else {}),
            **({"lean": True} if self.lean else {}),
        }

    def contestant(self, *, seconds_per_step: float) -> Contestant:
        """What the policy sees of it.

        Args:
            seconds_per_step: what a usual one takes, where this one was not measured yet.
        """
        measured = self.seconds_per_step if self.seconds_per_step > 0 else seconds_per_step
        sketches = [one.sketch for one in self.pictures]
        return Contestant(
            number=self.number,
            steps=self.steps,
            seconds_per_step=measured,
            curve=tuple(self._best),
            ended=self.told or self.ended is not None,
            busy=self.busy,
            look=self.look,
            sketch=None
            if not sketches or any(one is None for one in sketches)
            else np.concatenate([one for one in sketches if one is not None]),
            mse=fmean(one.validation_mse for one in self.pictures) if self.pictures else math.nan,
        )

    def _follow(self, found: Advanced) -> None:
        """Add the new check points of all pictures, in dB, as far as every one of them has come."""
        self._curves = self._curves or tuple({} for _ in found.pictures)
        for curve, one in zip(self._curves, found.pictures, strict=True):
            curve |= dict(one.curve)
        reached = self._reached()
        self.made = found.steps
        racing = self.races and min(reached) < self.look
        # A single one that has diverged has no check point where it did.
        self.steps = found.steps if len(reached) == 1 else int(fmean(reached)) if racing else min(reached)
        since = self.values[-1][0] if self.values else 0
        for step in sorted(
            {step for curve in self._curves for step in curve if since < step <= min(reached)}
        ):
            there = [curve[step] for curve in self._curves if step in curve]
            self.values.append((step, fmean(estimated_psnr(error) for error in there)))
            smooth = median(value for _, value in self.values[-WINDOW:])
            best = max(smooth, self._best[-1][1]) if self._best else smooth
            self._best.append((step, best))

    def _reached(self) -> Sequence[int]:
        """The iteration that each picture has reached; those that have ended count as far as the furthest."""
        reached = [max(curve, default=0) for curve in self._curves]
        furthest = max(reached, default=0)
        return [furthest if one.ended else step for step, one in zip(reached, self.pictures, strict=True)]
