"""The policy: what the next free worker does, advance which candidate, or begin a new one.

It is asked after every slice and sees a `Situation`: how far everybody came, and how much time is left. It answers with
a `Decision`, or with ``None`` where nothing is worth doing. It is pure, so that `bench policies` can replay it on
recorded fits with the very code that a search runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .mixture import Mixture, mixture_of
from .plan import LEAST_WITH_PILOT, USUAL_STEPS, USUAL_WITH_PILOT

LOOKBACK = 1.5
"""A curve is extrapolated from what it gained while its iterations grew by this factor."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """A candidate as the policy sees it.

    Args:
        number: of the candidate in the study.
        steps: iterations done, of every picture.
        seconds_per_step: as measured last.
        curve: check points so far: the iteration, and the smoothed best estimated PSNR until there, in dB.
        ended: its own stopping rule has ended it.
        busy: a worker advances it right now.
        look: iterations that a fair first look takes.
        sketch: its picture, the best averaged output so far, at a few thousand places that are the same for all,
            ``(n,)``; ``None`` before the first check point.
        mse: the split's estimate of the mean squared error of that picture.
    """

    number: int
    steps: int
    seconds_per_step: float
    curve: tuple[tuple[int, float], ...]
    ended: bool
    busy: bool
    look: int
    sketch: NDArray[np.float32] | None
    mse: float

    @property
    def looked_at(self) -> bool:
        """Whether it had its fair first look, or ended before."""
        return self.ended or self.steps >= self.look

    @property
    def free(self) -> bool:
        """Whether a worker can advance it."""
        return not self.ended and not self.busy


@dataclass(frozen=True)
class Situation:
    """What there is to decide on.

    Args:
        contestants: everybody who was begun.
        left: seconds of wall time until the search has to be over.
        workers: how many.
        fresh_seconds_per_step: predicted of the next new candidate.
        fresh_look: iterations of its first look.
        can_begin: whether there may be a new candidate.
    """

    contestants: Sequence[Contestant]
    left: float
    workers: int
    fresh_seconds_per_step: float
    fresh_look: int
    can_begin: bool

    @property
    def can_look(self) -> bool:
        """Whether a new candidate may be begun, and there is the time for its first look."""
        return self.can_begin and self.fresh_look * self.fresh_seconds_per_step <= self.left


@dataclass(frozen=True)
class Decision:
    """What a free worker does.

    Args:
        number: of the candidate to advance; ``None``: begin a new one.
        steps: iterations at the most.
        why: a few words for people.
    """

    number: int | None
    steps: int
    why: str


class Policy(Protocol):
    """What every policy is."""

    def decide(self, situation: Situation) -> Decision | None:
        """What a free worker does next; ``None``: nothing is worth doing now."""
        ...


@dataclass(frozen=True)
class WholeFits:
    """As many fits at a time as there are workers, each to its end or to the end of its share of the time.

    Args:
        rounds: fits one after the other that the time is shared among, at the most.
    """

    rounds: float = 2.0

    def decide(self, situation: Situation) -> Decision | None:
        """Go on with what was begun; begin a new one where there is none, and time enough for a look."""
        share = self._share(situation)
        for one in situation.contestants:
            steps = math.ceil(share / one.seconds_per_step) - one.steps if one.steps else one.look
            if one.free and steps > 0:
                return Decision(one.number, steps, "to its end")
        if situation.can_look or (situation.can_begin and not situation.contestants):
            return Decision(None, situation.fresh_look, "a worker is free")
        return None

    def _share(self, situation: Situation) -> float:
        usual = USUAL_WITH_PILOT if situation.fresh_look <= LEAST_WITH_PILOT else USUAL_STEPS
        spent = sum(one.steps * one.seconds_per_step for one in situation.contestants) / situation.workers
        whole = situation.left + spent
        return whole / max(1.0, min(whole / (situation.fresh_seconds_per_step * usual) / 2, self.rounds))


@dataclass(frozen=True)
class ExpectedGain:
    """A fair first look for everybody, then whatever the delivered picture is expected to gain most from per second.

    What is delivered is the ensemble of all candidates; its error is estimated from their scores and from how much
    their pictures differ. A candidate's curve is extrapolated: what it gained while its iterations grew by the factor
    ``lookback``, it will gain again while they grow by that factor. A new candidate brings what the
    earlier ones brought on average, less since there are more now.

    Args:
        lookback: the factor.
    """

    lookback: float = LOOKBACK

    def decide(self, situation: Situation) -> Decision | None:
        """The first look of somebody begun; else the greatest expected gain per second."""
        for one in situation.contestants:
            ahead = one.look - one.steps
            if one.free and not one.looked_at and ahead * one.seconds_per_step <= situation.left:
                return Decision(one.number, ahead, "first look")
        mixture = mixture_of(situation.contestants)
        choices = [self._advanced(one, mixture, situation) for one in situation.contestants if one.free]
        if situation.can_look or (situation.can_begin and not situation.contestants):
            choices.append(self._begun(situation))
        rate, decision = max(choices, key=lambda choice: choice[0], default=(0.0, None))
        return decision if rate > 0 else self._furthest(situation)

    def _furthest(self, situation: Situation) -> Decision | None:
        """Where nobody had a first look, and there is no time for one any more: who is closest to one."""
        free = [one for one in situation.contestants if one.free]
        if not free or any(one.looked_at for one in situation.contestants):
            return None
        one = max(free, key=lambda one: one.steps / one.look)
        steps = int(situation.left / one.seconds_per_step)
        return Decision(one.number, steps, "it came furthest") if steps > 0 else None

    def _advanced(self, one: Contestant, mixture: Mixture, situation: Situation) -> tuple[float, Decision]:
        """Expected dB per second of going on with a candidate."""
        steps = min(one.look // 4, int(situation.left / one.seconds_per_step))
        gain = mixture.gain_if_better(one.number, expected_rise(one.curve, steps, lookback=self.lookback))
        return gain / (max(steps, 1) * one.seconds_per_step), Decision(
            one.number, steps, "it improves fastest"
        )

    def _begun(self, situation: Situation) -> tuple[float, Decision]:
        """Expected dB per second of a new candidate."""
        gain = mixture_of([one for one in situation.contestants if one.looked_at]).gain_of_one_more()
        seconds = situation.fresh_look * situation.fresh_seconds_per_step
        return gain / seconds, Decision(None, situation.fresh_look, "a new one promises more")


def expected_rise(curve: Sequence[tuple[int, float]], steps: int, *, lookback: float = LOOKBACK) -> float:
    """How many dB a curve is expected to rise in so many more iterations: as before, per factor of iterations."""
    if not curve or steps < 1:
        return 0.0
    step, value = curve[-1]
    before = [db for at, db in curve if at * lookback <= step]
    earlier, at = (before[-1], step / lookback) if before else (curve[0][1], curve[0][0])
    if at >= step:
        return 0.0
    return max(0.0, value - earlier) * math.log((step + steps) / step) / math.log(step / at)
