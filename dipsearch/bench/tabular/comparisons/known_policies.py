"""Policies of the literature, which `bench policies` replays beside ours: successive halving, and freeze-thaw.

Both look for the best candidate; neither knows that an ensemble of them is delivered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....planning.policy import Contestant, Move, Situation, expected_rise


@dataclass(frozen=True)
class SuccessiveHalving:
    """Asynchronous successive halving (Li et al., 2020, arXiv 1810.05934).

    Rungs lie at a first look and at its multiples. The better share of those that came to a rung goes on to the next
    one; where nobody may, a new candidate is begun, or, where there is none, the best goes on that waits.

    Args:
        factor: between rungs; the share that goes on is one over it.
    """

    factor: int = 2

    def decide(self, situation: Situation) -> Move | None:
        """Finish what is on its way to a rung; promote; begin; else go on with the best."""
        free = [one for one in situation.contestants if one.free]
        for one in free:
            if one.steps not in self._rungs(one, up_to=one.steps):
                return Move(one.number, self._next(one) - one.steps, "on its way")
        promoted = self._promoted(situation.contestants)
        if promoted is not None:
            return Move(promoted.number, self._next(promoted) - promoted.steps, "among the better share")
        if situation.may_begin:
            return Move(None, situation.fresh_look, "nobody is to go on")
        best = max(free, key=lambda one: _value(one, one.steps), default=None)
        return (
            None if best is None else Move(best.number, self._next(best) - best.steps, "the best that waits")
        )

    def _rungs(self, one: Contestant, *, up_to: int) -> Iterator[int]:
        rung = one.look
        while rung <= up_to:
            yield rung
            rung *= self.factor

    def _next(self, one: Contestant) -> int:
        *_, last = (0, *self._rungs(one, up_to=one.steps))
        return last * self.factor or one.look

    def _promoted(self, contestants: Sequence[Contestant]) -> Contestant | None:
        """Of those that may go on the one at the highest rung, and there the best."""
        rungs = sorted(
            {rung for one in contestants for rung in self._rungs(one, up_to=one.steps)}, reverse=True
        )
        for rung in rungs:
            there = sorted(
                (one for one in contestants if one.steps >= rung or one.ended),
                key=lambda one: _value(one, rung),
                reverse=True,
            )
            for one in there[: len(there) // self.factor]:
                if one.free and one.steps == rung:
                    return one
        return None


@dataclass(frozen=True)
class FreezeThaw:
    """Freeze-thaw (Swersky, Snoek, Adams, 2014, arXiv 1406.3896), with curves that are straight in log iterations.

    Every curve is extrapolated to twice its iterations, with an uncertainty in proportion to what it is expected to
    rise; a new candidate is expected to be one of those seen. The greatest expected improvement of the best goes on.

    Args:
        unsure: the standard deviation of an expected rise, as a share of it.
    """

    unsure: float = 0.5

    def decide(self, situation: Situation) -> Move | None:
        """The greatest expected improvement per second; two are begun before anything is expected."""
        begin = Move(None, situation.fresh_look, "it may be the best")
        if situation.may_begin and len(situation.contestants) < 2:
            return begin
        best = max((_value(one, one.steps) for one in situation.contestants), default=-math.inf)
        choices: list[tuple[float, Move]] = []
        for one in situation.contestants:
            seconds = max(one.steps, one.look) * one.seconds_per_step
            if one.free and one.curve:
                rise = expected_rise(one.curve, one.steps)
                gain = _improvement(_value(one, one.steps) + rise - best, self.unsure * rise)
                choices.append((gain / seconds, Move(one.number, one.look // 4, "it may become the best")))
            elif one.free:
                choices.append((math.inf, Move(one.number, one.look // 4, "nothing is known of it")))
        ends = [
            _value(one, one.steps) + expected_rise(one.curve, one.steps)
            for one in situation.contestants
            if one.curve
        ]
        if situation.may_begin and len(ends) > 1:
            mean = sum(ends) / len(ends)
            deviation = math.sqrt(sum((end - mean) ** 2 for end in ends) / (len(ends) - 1))
            seconds = 2 * situation.fresh_look * situation.fresh_seconds_per_step
            choices.append((_improvement(mean - best, deviation) / seconds, begin))
        gain, move = max(choices, key=lambda choice: choice[0], default=(0.0, None))
        return move if gain > 0 else None


def _value(one: Contestant, steps: int) -> float:
    """The best estimated PSNR until then, in dB."""
    return max((value for step, value in one.curve if step <= steps), default=-math.inf)


def _improvement(mean: float, deviation: float) -> float:
    """The expected positive part of a normal variable."""
    if deviation <= 0:
        return max(mean, 0.0)
    scaled = mean / deviation
    density = math.exp(-scaled * scaled / 2) / math.sqrt(2 * math.pi)
    return mean * (1 + math.erf(scaled / math.sqrt(2))) / 2 + deviation * density
