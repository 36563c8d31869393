"""A replay of a search: workers and a clock, whose fits were recorded before.

The clock is that of a search on 128 × 128 pixels on two cores: the best known network needs a fixed time for an
iteration, the others are in proportion to what was measured on the table's smaller pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...delivery.answers import ENSEMBLE, FIRST, HOLES, NOISE, POLISHED, REDUCED
from ...delivery.delivering import MOST_MEMBERS
from ..policy_replay import STEP_SECONDS, delivered_weights
from ..policy_table import USUAL_SECONDS
from ..sketches import products_of_sketches
from .fit_recording import MARK
from .strategy import Maker, Offer, Strategy, Tried
from .table import Table
from .table_genomes import BEST_KNOWN
from .table_parts import TableCase

SECONDS_PER_MINUTE = USUAL_SECONDS / 4
"""Of a minute of a search so many are for candidates; the rest is start, first answer and delivery."""

SHARES = {"denoise": NOISE, "inpaint": HOLES, "sr": REDUCED}
"""Of what is delivered: the usual ones, since the correction by the score needs whole pictures."""


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


@dataclass
class _Worker:
    free_at: float = 0.0
    one: Tried | None = None
    steps: int = 0


def replay_search(
    maker: Maker, table: Table, case: TableCase, *, seed: int, minutes: float, workers: int = 2
) -> list[Tried]:
    """Search for so long; return what was tried, with the times of its slices.

    Args:
        maker: of the strategy.
        table, case: that are searched.
        seed: of the strategy.
        minutes: of a search, start and delivery among them.
    """
    strategy, ends = maker(Offer(table, case.task, seed)), minutes * SECONDS_PER_MINUTE
    scale = STEP_SECONDS / table.recorded(BEST_KNOWN).seconds[case.side]
    team, tried = [_Worker() for _ in range(workers)], list[Tried]()
    while True:
        # Of two at the same time, the one that brings something comes first.
        worker = min(team, key=lambda each: (each.free_at, each.one is None))
        if worker.free_at >= ends:
            return tried
        _hand_in(worker)
        one = worker.one
        if one is None or one.ended or not _goes_on(strategy, one, tried):
            one = worker.one = _begun(strategy, table, case, tried)
        if one is None:
            # It is asked again when another one is free.
            worker.free_at = min((each.free_at for each in team if each.one is not None), default=math.inf)
            continue
        worker.steps = min(one.steps + MARK, one.fit.steps)
        worker.free_at += (worker.steps - one.steps) * one.recorded.seconds[case.side] * scale


def _hand_in(worker: _Worker) -> None:
    if worker.one is not None and worker.one.slices is not None:
        worker.one.steps = worker.steps
        worker.one.slices.append((worker.free_at, worker.steps))


def _goes_on(strategy: Strategy, one: Tried, tried: Sequence[Tried]) -> bool:
    one.dropped = not strategy.goes_on(one, tried)
    return not one.dropped


def _begun(strategy: Strategy, table: Table, case: TableCase, tried: list[Tried]) -> Tried | None:
    while (choice := strategy.next(tried)) is not None:
        one = Tried(table.recorded(choice[0]), case.fits[choice], slices=[])
        tried.append(one)
        if one.fit.steps:
            return one
        # It diverged at once, which costs nothing.
    return None


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
    sketches = np.stack([one.fit.sketches[place] for one, place in chosen])
    lacks = np.array([one.fit.beyond[place] for one, place in chosen])
    scores = np.array([one.fit.validation_mse_at(place) for one, place in chosen])
    products = products_of_sketches(sketches, lacks)
    weights = delivered_weights(as_scored(products, scores))
    return Delivered(
        best=case.psnr(float(products[0, 0])),
        ensemble=case.psnr(float(weights @ products @ weights)),
        polished=_polished(case, [one for one, _ in chosen], now, weights, sketches, lacks),
        fits=fits,
    )


def as_scored(products: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean products of the errors of pictures, ``(K, K)``, as the scores and their distances suggest them.

    Args:
        products: the true ones, ``(K, K)``; only the distances that follow from them are looked at.
        scores: estimated mean squared errors, ``(K,)``.
    """
    squares = np.diag(products)
    apart = np.clip(squares[:, None] + squares - 2 * products, 0, None)
    return np.asarray((scores[:, None] + scores - apart) / 2)


def _polished(
    case: TableCase,
    members: Sequence[Tried],
    now: float,
    weights: NDArray[np.float64],
    sketches: NDArray[np.float32],
    lacks: NDArray[np.float32],
) -> float:
    """The mixture of a delivery; members under way are not polished, and the others stand for the ensemble.

    Polishing their ensemble would be a little better than this mean of polished members: its pilot is.
    """
    polished = [
        (one.fit.sketches[-1], one.fit.beyond[-1], weight)
        for one, weight in zip(members, weights, strict=True)
        if _steps_at(one, now) >= one.fit.steps and np.isfinite(one.fit.beyond[-1]) and weight > 0
    ]
    if not polished:
        return case.psnr(case.first_mse)
    of = SHARES[case.task]
    drawn, lacking, each = zip(*polished, strict=True)
    parts = [
        (case.first[0][None], [case.first[1]], [of[FIRST]]),
        (np.stack(drawn), lacking, of[POLISHED] * np.array(each) / sum(each)),
        (sketches, lacks, of.get(ENSEMBLE, 0) * weights),
    ]
    rows, missing, shares = (np.concatenate([np.asarray(part[k]) for part in parts]) for k in range(3))
    return case.psnr(float(shares @ products_of_sketches(rows, missing) @ shares))


def _steps_at(one: Tried, now: float) -> int:
    return max((steps for at, steps in one.slices or () if at <= now), default=0)
