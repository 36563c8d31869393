"""A replay of a search: workers and a clock, whose fits were recorded before.

The clock is that of a search on 128 × 128 pixels on two cores: the best known network needs a fixed time for an
iteration, the others are in proportion to what was measured on the table's smaller pictures. A policy is asked at every
free worker, as in a search: whether a fit goes on, or the strategy's next one is begun.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...delivery.delivering import MOST_MEMBERS, worst_comparable
from ...delivery.shares import ENSEMBLE, FIRST, POLISHED, USUAL, mixture_shares
from ...fitting.ensemble import RIDGE, ensemble_weights
from ...planning.in_turn import InTurn
from ...planning.plan import LEAST_WITH_PILOT
from ...planning.policy import Decision, Policy, Situation
from ..sketches import products_of_sketches
from .fit_recording import EVERY, MARK
from .strategy import Maker, Offer, Strategy, Tried
from .table import Table
from .table_genomes import BEST_KNOWN
from .table_parts import TableCase

STEP_SECONDS = 0.08
"""Of the best known network on 128 × 128 pixels on one of two busy cores; other networks are in proportion."""

SECONDS_PER_MINUTE = 50.0
"""Of a minute of a search so many are for candidates; the rest is start, first answer and delivery."""

SLICE_SHARE, LEAST_SLICE = 0.02, 1.0
"""The longest slice: a share of the time, and in seconds at the least. None is longer than from sketch to sketch."""

Decisions = dict[Hashable, Decision | None]
"""What one policy has said in searches of one case, by the situation."""

WHOLE = InTurn()
"""Every fit to its end, one after the other."""


@dataclass(frozen=True)
class Delivered:
    """What a search would deliver at a moment.

    Args:
        best: PSNR in dB of the network with the best score.
        ensemble: of the networks' ensemble.
        polished: of the mixture of first answer, ensemble and polished ensemble.
        fits: that were begun.
    """

    best: float
    ensemble: float
    polished: float
    fits: int


@dataclass(frozen=True, eq=False)
class Replay:
    """A replayed search.

    Args:
        tried: its fits, with the times of their slices.
        dry_at: when a worker first had nothing to do because the table has no more for the strategy, in seconds of the
            search; infinite where that did not happen.
    """

    tried: list[Tried]
    dry_at: float


@dataclass
class _Worker:
    """When it is free, and what it works on until then; nothing where the policy had nothing for it."""

    free_at: float = 0.0
    one: Tried | None = None
    steps: int = 0

    def hand_in(self) -> None:
        if self.one is not None:
            self.one.steps, self.one.busy = self.steps, False
            self.one.slices.append((self.free_at, self.steps))
            self.one = None


def replay_search(
    maker: Maker,
    table: Table,
    case: TableCase,
    *,
    seed: int,
    minutes: float,
    workers: int = 2,
    policy: Policy = WHOLE,
) -> list[Tried]:
    """Search for so long; return what was tried, with the times of its slices; see `replay`."""
    return replay(maker, table, case, seed=seed, minutes=minutes, workers=workers, policy=policy).tried


def replay(
    maker: Maker,
    table: Table,
    case: TableCase,
    *,
    seed: int,
    minutes: float,
    workers: int = 2,
    policy: Policy = WHOLE,
    decisions: Decisions | None = None,
) -> Replay:
    """Search for so long.

    Args:
        maker: of the strategy, which says what is begun.
        table, case: that are searched.
        seed: of the strategy.
        minutes: of a search, start and delivery among them.
        workers: that fit at the same time.
        policy: which says whether a fit goes on or another one is begun.
        decisions: of the same policy in other replays of this case, which are taken over and added to.
    """
    seconds = minutes * SECONDS_PER_MINUTE
    search = _Search(maker(Offer(table, case.task, seed)), table, case, decisions)
    team, dry_at = [_Worker() for _ in range(workers)], math.inf
    while True:
        # Of two at the same time, the one that brings something comes first.
        worker = min(team, key=lambda each: (each.free_at, each.one is None))
        worker.hand_in()
        if worker.free_at >= seconds:
            break
        left = seconds - worker.free_at
        found = search.decided(policy, left=left, workers=workers)
        if found is None:
            if search.exhausted:
                dry_at = min(dry_at, worker.free_at)
            # It is asked again when something has changed.
            worker.free_at = min((each.free_at for each in team if each.one is not None), default=math.inf)
            continue
        one, wanted = found
        steps = _slice(one, wanted, seconds=seconds, left=left)
        worker.one, worker.steps, one.busy = one, one.steps + steps, True
        # What little time is left after the last check point is of no use.
        worker.free_at += steps * one.seconds_per_step if steps else left
    for worker in team:
        worker.hand_in()
    return Replay(search.tried, dry_at)


class _Search:
    """The candidates of a replay, and who is next."""

    def __init__(
        self, strategy: Strategy, table: Table, case: TableCase, decisions: Decisions | None
    ) -> None:
        self.tried, self._decisions = list[Tried](), decisions
        self._strategy, self._table, self._case = strategy, table, case
        self._scale = STEP_SECONDS / table.recorded(BEST_KNOWN).seconds[case.side]
        self.exhausted = False

    def decided(self, policy: Policy, *, left: float, workers: int) -> tuple[Tried, int] | None:
        """Whom a free worker advances, and for how many iterations at the most."""
        while (decision := self._decision(policy, left, workers)) is not None:
            if decision.number is not None:
                return self.tried[decision.number], decision.steps
            one = self._begun()
            if one is not None:
                return one, decision.steps
        return None

    def _decision(self, policy: Policy, left: float, workers: int) -> Decision | None:
        """What the policy says; where it is known what it said of the same situation elsewhere, it is not asked."""
        if self._decisions is None:
            return policy.decide(self._situation(left, workers))
        begun = tuple((one.choice, one.steps, one.busy) for one in self.tried)
        key = (left, workers, self.exhausted, begun)
        if key not in self._decisions:
            self._decisions[key] = policy.decide(self._situation(left, workers))
        return self._decisions[key]

    def _situation(self, left: float, workers: int) -> Situation:
        return Situation(
            contestants=[one.contestant for one in self.tried],
            left=left,
            workers=workers,
            fresh_seconds_per_step=STEP_SECONDS,
            fresh_look=LEAST_WITH_PILOT,
            can_begin=not self.exhausted,
        )

    def _begun(self) -> Tried | None:
        choice = self._strategy.next(self.tried)
        self.exhausted = choice is None
        if choice is None:
            return None
        recorded = self._table.recorded(choice[0])
        each = recorded.seconds[self._case.side] * self._scale
        one = Tried(recorded, self._case.fits[choice], len(self.tried), each, self._case.first[0])
        self.tried.append(one)
        # One that diverged at once costs nothing.
        return one if one.fit.steps else None


def _slice(one: Tried, wanted: int, *, seconds: float, left: float) -> int:
    """Iterations of a slice: it ends at a check point, after its time, with the search, or with the fit."""
    longest = max(LEAST_SLICE, SLICE_SHARE * seconds) / one.seconds_per_step
    steps = EVERY * math.ceil(min(wanted, longest, MARK) / EVERY)
    return min(steps, EVERY * int(left / one.seconds_per_step / EVERY), one.fit.steps - one.steps)


def delivered_at(tried: Sequence[Tried], case: TableCase, *, minutes: float) -> Delivered:
    """What would be delivered after so long, of the networks and with the first answer and polishing."""
    now = minutes * SECONDS_PER_MINUTE
    states = [(one, _steps_at(one, now)) for one in tried]
    places = [
        (one, place)
        for one, steps in states
        if (place := one.fit.place(steps)) is not None and math.isfinite(one.fit.validation_mse_at(place))
    ]
    fits = sum(steps > 0 for _, steps in states)
    first = case.psnr(case.first_mse)
    if not places:
        return Delivered(-math.inf, -math.inf, first, fits)
    chosen = sorted(places, key=lambda each: each[0].fit.validation_mse_at(each[1]))[:MOST_MEMBERS]
    judged = np.stack([one.fit.sketches[place] for one, place in chosen])
    beyond = np.array([one.fit.beyond[place] for one, place in chosen])
    scores = np.array([one.fit.validation_mse_at(place) for one, place in chosen])
    if case.score_variance is None:
        scored = [score <= worst_comparable(scores.tolist()) for score in scores]
        weights = np.array(scored) / sum(scored)
    else:
        weights = delivered_weights(as_scored(products_of_sketches(judged, beyond), scores))
    delivered, lacking = zip(*(one.fit.delivered(place) for one, place in chosen), strict=True)
    sketches, lacks = np.stack(delivered), np.array(lacking)
    products = products_of_sketches(sketches, lacks)
    score = float(weights @ as_scored(products_of_sketches(judged, beyond), scores) @ weights)
    answers = [
        _Part(FIRST, case.first[0][None], np.array([case.first[1]]), np.ones(1), case.first_validation_mse),
        _Part(ENSEMBLE, sketches, lacks, weights, score),
    ]
    members = [one for one, _ in chosen]
    if (after := _polished(members, weights, now)) is not None:
        answers.append(after)
    return Delivered(
        best=case.psnr(float(products[0, 0])),
        ensemble=case.psnr(float(weights @ products @ weights)),
        polished=_mixed(case, answers),
        fits=fits,
    )


def _polished(members: Sequence[Tried], weights: NDArray[np.float64], now: float) -> _Part | None:
    """What similar patches make of the ensemble: the mean of its polished members, those that have ended.

    Polishing their ensemble would be a little better than this: its pilot is.
    """
    there = [
        (one.fit, weight)
        for one, weight in zip(members, weights, strict=True)
        if _steps_at(one, now) >= one.fit.steps and np.isfinite(one.fit.beyond[-1]) and weight > 0
    ]
    if not there:
        return None
    shares = np.array([weight for _, weight in there])
    shares /= shares.sum()
    sketches = np.stack([fit.sketches[-1] for fit, _ in there])
    beyond = np.array([fit.beyond[-1] for fit, _ in there])
    scores = np.array([fit.polished_validation_mse for fit, _ in there])
    judged = as_scored(products_of_sketches(sketches, beyond), scores)
    return _Part(POLISHED, sketches, beyond, shares, float(shares @ judged @ shares))


def delivered_weights(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of `make_ensemble`: drawn to the plain mean, unless that is worse than the best alone."""
    least = float(np.diag(products).min())
    weights = ensemble_weights(products, ridge=RIDGE * max(least, 0.0))
    return weights if weights @ products @ weights <= least else ensemble_weights(products)


def as_scored(products: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean products of the errors of pictures, ``(K, K)``, as the scores and their distances suggest them.

    Args:
        products: the true ones, ``(K, K)``; only the distances that follow from them are looked at.
        scores: estimated mean squared errors, ``(K,)``.
    """
    squares = np.diag(products)
    apart = np.clip(squares[:, None] + squares - 2 * products, 0, None)
    return np.asarray((scores[:, None] + scores - apart) / 2)


@dataclass(frozen=True, eq=False)
class _Part:
    """An answer that a mixture may have a share of: sketches of its parts, what they lack, and their weights.

    Args:
        name: of the answer.
        sketches, beyond, weights: ``(k, D)``, ``(k,)`` and ``(k,)``; the weights sum to 1.
        score: the estimated mean squared error of the answer.
    """

    name: str
    sketches: NDArray[np.float32]
    beyond: NDArray[np.float32]
    weights: NDArray[np.float64]
    score: float


def _mixed(case: TableCase, parts: Sequence[_Part]) -> float:
    """The PSNR in dB of what is delivered of these answers, as `choose` decides it.

    Distances of the answers are those of what is delivered; a search has those of what is judged.
    """
    of_all = products_of_sketches(
        np.concatenate([part.sketches for part in parts]), np.concatenate([part.beyond for part in parts])
    )
    rows = np.zeros((len(parts), len(of_all)))
    begin = 0
    for row, part in zip(rows, parts, strict=True):
        row[begin : begin + len(part.weights)] = part.weights
        begin += len(part.weights)
    products = rows @ of_all @ rows.T
    target = np.array([USUAL[part.name] for part in parts])
    target /= target.sum()
    if case.score_variance is None:
        return case.psnr(float(target @ products @ target))
    scores = np.array([part.score for part in parts])
    judged = as_scored(products, scores)
    mixture = mixture_shares(target, judged, variance=case.score_variance.of(float(scores.min())))
    alone = [row for row, part in zip(np.eye(len(parts)), parts, strict=True) if part.name != ENSEMBLE]
    # Ties go to what is simpler, which comes first.
    chosen = min([*alone, mixture], key=lambda shares: round(float(shares @ judged @ shares), 9))
    return case.psnr(float(chosen @ products @ chosen))


def _steps_at(one: Tried, now: float) -> int:
    return max((steps for at, steps in one.slices if at <= now), default=0)
