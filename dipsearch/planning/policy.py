"""The policy: what the next free worker does, advance which candidate, or begin a new one.

It is asked after every slice and sees a `Situation`: how far everybody came, and how much time is left. It answers with
a `Move`, or with ``None`` where nothing is worth doing. It is pure, so that `bench policies` can replay it on
recorded fits with the very code that a search runs. `InTurn` serves a search for a number of candidates, without a
clock.
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
"""A curve is extrapolated from what it gained while its iterations grew by this factor.

On recorded fits of 24 networks with a pilot (coffee, chelsea, rocket, monarch, pepper; σ 25 and half missing), with the
time of a search of four minutes, 1.25, 1.5 and 2 gained 0.035, 0.034 and 0.030 dB over whole fits; with half of that
time 0.025, 0.019 and 0.013.
"""

AHEAD = 4
"""What is expected is reckoned over the iterations of a first look divided by this; 2 and 8 made no difference."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """A candidate as the policy sees it.

    Args:
        number: of the candidate in the study.
        steps: iterations done, of every picture.
        seconds_per_step: as measured last, or as predicted; above 0.
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
        left: seconds of wall time until the search has to be over; infinite without a budget.
        workers: how many.
        fresh_seconds_per_step: predicted of the next new candidate; 0 where nothing was measured.
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
    def may_begin(self) -> bool:
        """Whether a new candidate may be begun: there is the time for its first look, or there is nobody else."""
        looks = self.fresh_look * self.fresh_seconds_per_step <= self.left
        return self.can_begin and (looks or not self.contestants)

    @property
    def spent(self) -> float:
        """Seconds of wall time that went into the candidates, were all workers always at work."""
        return sum(one.steps * one.seconds_per_step for one in self.contestants) / self.workers


@dataclass(frozen=True)
class Move:
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

    def decide(self, situation: Situation) -> Move | None:
        """What a free worker does next; ``None``: nothing is worth doing now."""
        ...


@dataclass(frozen=True)
class WholeFits:
    """As many fits at a time as there are workers, each to its end or to the end of its share of the time.

    Args:
        rounds: fits one after the other that the time is shared among, at the most.
    """

    rounds: float = 2.0

    def decide(self, situation: Situation) -> Move | None:
        """Go on with what was begun; begin a new one where there is none, and time enough for a look."""
        share = self._share(situation)
        for one in situation.contestants:
            if one.free and one.steps * one.seconds_per_step < share:
                return Move(one.number, one.look, "to its end")
        if situation.may_begin:
            return Move(None, situation.fresh_look, "a worker is free")
        return None

    def _share(self, situation: Situation) -> float:
        usual = USUAL_WITH_PILOT if situation.fresh_look <= LEAST_WITH_PILOT else USUAL_STEPS
        whole = situation.left + situation.spent
        return whole / max(1.0, min(whole / (situation.fresh_seconds_per_step * usual) / 2, self.rounds))


@dataclass(frozen=True)
class ExpectedGain:
    """A fair first look for everybody, then whatever the delivered picture is expected to gain most from per second.

    What is delivered is the ensemble of all candidates; its error is estimated from their scores and from how much
    their pictures differ. A candidate's curve is extrapolated, and a new one is expected to bring what the earlier
    ones brought on average. A share of the time that belongs to first looks alone made no difference on the tuning
    pictures of the table (0, 0.125, 0.25 and 0.5; within 0.04 dB at 2, 4 and 8 minutes).

    With what comes in a search (`bench policies`, half to four times of four minutes) it is even with whole fits, -0.03
    dB on the tuning pictures and 0.00 on the test pictures, with a third more first looks; successive halving has 0.03
    and 0.01, is even or up to 0.09 dB ahead in seven of eight rows and has the better worst case in as many, so that
    nothing in that table speaks against it; freeze-thaw has 0.00 and 0.02 and loses up to 1.4 dB in the worst case.
    Behind random networks it gained 0.05 dB over whole fits, the mixture's gain at twice the iterations, from a curve
    as uncertain as it rises, 0.06.
    """

    def decide(self, situation: Situation) -> Move | None:
        """Finish a look; begin one; else the greatest expected gain per second, and never nobody."""
        for one in situation.contestants:
            ahead = one.look - one.steps
            if one.free and not one.looked_at and ahead * one.seconds_per_step <= situation.left:
                return Move(one.number, ahead, "first look")
        mixture = mixture_of(situation.contestants)
        able = [one for one in situation.contestants if one.free and one.seconds_per_step <= situation.left]
        choices = [_advanced(one, mixture, situation) for one in able]
        if situation.may_begin:
            choices.append(_begun(situation))
        # Where nobody is expected to gain, the best goes on: its curve may only rest.
        _, _, move = max(choices, key=lambda choice: choice[:2], default=(0.0, 0.0, None))
        return move


def _advanced(one: Contestant, mixture: Mixture, situation: Situation) -> tuple[float, float, Move]:
    """Expected dB per second of going on with a candidate, and how good it is."""
    steps = max(1, int(min(one.look // AHEAD, situation.left / one.seconds_per_step)))
    gain = mixture.gain_if_better(one.number, expected_rise(one.curve, steps))
    why = "it improves fastest" if gain > 0 else "it is the best that may go on"
    best = one.curve[-1][1] if one.curve else -math.inf
    return gain / (steps * one.seconds_per_step), best, Move(one.number, steps, why)


def _begun(situation: Situation) -> tuple[float, float, Move]:
    """Expected dB per second of a new candidate, of which nobody knows how good it is."""
    gain = mixture_of([one for one in situation.contestants if one.looked_at]).gain_of_one_more()
    seconds = situation.fresh_look * situation.fresh_seconds_per_step
    move = Move(None, situation.fresh_look, "a new one promises more")
    rate = gain / seconds if seconds > 0 else math.inf  # where nothing was measured yet they are 0
    return rate, -math.inf, move


def expected_rise(curve: Sequence[tuple[int, float]], steps: int) -> float:
    """How many dB a curve is expected to rise in so many more iterations: as before, per factor of iterations."""
    if not curve or steps < 1:
        return 0.0
    step, value = curve[-1]
    before = [db for at, db in curve if at * LOOKBACK <= step]
    earlier, at = (before[-1], step / LOOKBACK) if before else (curve[0][1], curve[0][0])
    if at >= step:
        return 0.0
    return max(0.0, value - earlier) * math.log((step + steps) / step) / math.log(step / at)


@dataclass(frozen=True)
class InTurn:
    """Go on with whoever was begun first; begin another one where all have a worker.

    What is decided depends on the candidates alone and not on how fast anybody was, so that the same request gives the
    same picture on any machine, unless a sampler learns from those that have ended, and several workers fit.
    """

    def decide(self, situation: Situation) -> Move | None:
        """The lowest number that is free, or a new one."""
        for one in sorted(situation.contestants, key=lambda one: one.number):
            if one.free:
                return Move(one.number, 10**9, "to its end")
        return Move(None, 10**9, "to its end") if situation.can_begin else None
