"""A replay of a policy: a search with a simulated clock, whose fits were recorded before.

The policy is asked as in a search: at every free worker, after every slice. What it hands out takes the recorded time
and shows the recorded scores and sketches. Judged is what would be delivered, with the clean picture in hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..fitting.ensemble import RIDGE, ensemble_weights
from ..planning.mixture import error_products
from ..planning.plan import LEAST_WITH_PILOT
from ..planning.policy import Contestant, Policy, Situation
from .policy_archive import RecordedCase, RecordedFit
from .policy_recording import EVERY, PRESETS

STEP_SECONDS = 0.08
"""Of the first preset on 128 × 128 pixels on one of two busy cores; other networks are in proportion."""

SLICE_SHARE, LEAST_SLICE = 0.02, 1.0
"""The longest slice: a share of the time, and in seconds at the least."""


@dataclass(frozen=True)
class Outcome:
    """What a replayed search would deliver.

    Args:
        ensemble, best: PSNR in dB of the ensemble and of the network with the best score; over the pixels that were
            not measured exactly.
        looks: candidates with as many iterations as a fair first look takes.
        begun: candidates.
        idle: the share of the workers' time in which nothing was worth doing.
    """

    ensemble: float
    best: float
    looks: int
    begun: int
    idle: float


@dataclass
class _Running:
    """A candidate of the replay."""

    fit: RecordedFit
    seconds_per_step: float
    steps: int = 0
    busy: bool = False

    def seen(self, number: int) -> Contestant:
        sketch = self.fit.seen(self.steps)
        return Contestant(
            number=number,
            steps=self.steps,
            seconds_per_step=self.seconds_per_step,
            curve=self.fit.curve(self.steps),
            ended=self.steps >= self.fit.steps,
            busy=self.busy,
            look=LEAST_WITH_PILOT,
            sketch=None if sketch is None else sketch[0],
            mse=math.nan if sketch is None else sketch[1],
        )


@dataclass
class _Worker:
    """When it is free, and what it works on until then; nothing where the policy had nothing for it."""

    free_at: float = 0.0
    one: _Running | None = None
    steps: int = 0

    def hand_in(self) -> None:
        if self.one is not None:
            self.one.steps, self.one.busy, self.one = self.one.steps + self.steps, False, None


def replay_policy(
    policy: Policy, case: RecordedCase, *, order: Sequence[int], seconds: float, workers: int = 2
) -> Outcome:
    """Search for so many seconds.

    Args:
        case: of what.
        order: in which candidates come.
        seconds: of wall time that the search has.
    """
    queue, begun = _queue(case, order), list[_Running]()
    team, worked = [_Worker() for _ in range(workers)], 0.0
    while True:
        # Of two at the same time, the one that brings something comes first.
        worker = min(team, key=lambda each: (each.free_at, each.one is None))
        worker.hand_in()
        if worker.free_at >= seconds:
            break
        fresh = queue[len(begun)] if len(begun) < len(queue) else None
        situation = _situation(begun, fresh, left=seconds - worker.free_at, workers=workers)
        decision = policy.decide(situation)
        if decision is not None and decision.number is None and fresh is not None:
            begun.append(fresh)
        chosen = None if decision is None else fresh if decision.number is None else begun[decision.number]
        if decision is None or chosen is None:
            # It is asked again when something has changed.
            worker.free_at = min((each.free_at for each in team if each.one is not None), default=math.inf)
            continue
        steps = _slice(chosen, decision.steps, seconds=seconds, left=situation.left)
        worker.one, worker.steps, chosen.busy = chosen, steps, True
        # What little time is left after the last check point is of no use.
        took = steps * chosen.seconds_per_step if steps else situation.left
        worked, worker.free_at = worked + steps * chosen.seconds_per_step, worker.free_at + took
    for worker in team:
        worker.hand_in()
    seen = [one.seen(number) for number, one in enumerate(begun)]
    ensemble, best = delivered(seen, case)
    looks = sum(one.steps >= one.look for one in seen)
    return Outcome(ensemble, best, looks, len(seen), 1 - worked / (seconds * workers))


def _queue(case: RecordedCase, order: Sequence[int]) -> list[_Running]:
    """The candidates in their order, with the time that they take in a search."""
    usual = next((fit for fit in case.fits if fit.network == PRESETS[0]), case.fits[0])
    scale = STEP_SECONDS / usual.seconds_per_step
    return [_Running(case.fits[index], case.fits[index].seconds_per_step * scale) for index in order]


def _situation(begun: Sequence[_Running], fresh: _Running | None, *, left: float, workers: int) -> Situation:
    return Situation(
        contestants=[one.seen(number) for number, one in enumerate(begun)],
        left=left,
        workers=workers,
        fresh_seconds_per_step=STEP_SECONDS if fresh is None else fresh.seconds_per_step,
        fresh_look=LEAST_WITH_PILOT,
        can_begin=fresh is not None,
    )


def _slice(chosen: _Running, steps: int, *, seconds: float, left: float) -> int:
    """Iterations of a slice: it ends at a check point, after its time, with the search, or with the fit."""
    longest = max(LEAST_SLICE, SLICE_SHARE * seconds) / chosen.seconds_per_step
    wanted = EVERY * math.ceil(min(steps, longest) / EVERY)
    return min(wanted, EVERY * int(left / chosen.seconds_per_step / EVERY), chosen.fit.steps - chosen.steps)


def delivered(contestants: Sequence[Contestant], case: RecordedCase) -> tuple[float, float]:
    """PSNR in dB of the ensemble that a search would make of them, and of that with the best score."""
    there = [one for one in contestants if one.sketch is not None and math.isfinite(one.mse)]
    if not there:
        return -math.inf, -math.inf
    sketches = np.stack([np.asarray(one.sketch, dtype=np.float64) for one in there])
    weights = delivered_weights(error_products(there))
    first = int(np.argmin([one.mse for one in there]))
    return case.psnr(weights @ sketches), case.psnr(sketches[first])


def delivered_weights(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of `make_ensemble`: drawn to the plain mean, unless that is worse than the best alone."""
    least = float(np.diag(products).min())
    weights = ensemble_weights(products, ridge=RIDGE * max(least, 0.0))
    return weights if weights @ products @ weights <= least else ensemble_weights(products)
