"""What a replayed search would deliver at a moment: as searches do, of its networks, its first answer and polishing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....delivery.delivering import MOST_MEMBERS, worst_comparable
from ....delivery.shares import ENSEMBLE, FIRST, POLISHED, USUAL, mixture_shares
from ....fitting.ensemble import RIDGE, ensemble_weights
from ..recorded.sketches import products_of_sketches
from ..recorded.table_parts import TableCase
from .search_replay import SECONDS_PER_MINUTE
from .strategy import Tried


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
    errors = np.array([one.fit.validation_mse_at(place) for one, place in chosen])
    if case.score_variance is None:
        scored = [error <= worst_comparable(errors.tolist()) for error in errors]
        weights = np.array(scored) / sum(scored)
    else:
        weights = delivered_weights(as_scored(products_of_sketches(judged, beyond), errors))
    delivered, lacking = zip(*(one.fit.delivered(place) for one, place in chosen), strict=True)
    sketches, lacks = np.stack(delivered), np.array(lacking)
    products = products_of_sketches(sketches, lacks)
    error = float(weights @ as_scored(products_of_sketches(judged, beyond), errors) @ weights)
    answers = [
        _Part(FIRST, case.first[0][None], np.array([case.first[1]]), np.ones(1), case.first_validation_mse),
        _Part(ENSEMBLE, sketches, lacks, weights, error),
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
    errors = np.array([fit.polished_validation_mse for fit, _ in there])
    judged = as_scored(products_of_sketches(sketches, beyond), errors)
    return _Part(POLISHED, sketches, beyond, shares, float(shares @ judged @ shares))


def delivered_weights(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of `make_ensemble`: drawn to the plain mean, unless that is worse than the best alone."""
    least = float(np.diag(products).min())
    weights = ensemble_weights(products, ridge=RIDGE * max(least, 0.0))
    return weights if weights @ products @ weights <= least else ensemble_weights(products)


def as_scored(products: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean products of the errors of pictures, ``(K, K)``, as the scores and their distances suggest them.

    Args:
        products: the true ones, ``(K, K)``; only the distances that follow from them are looked at.
        errors: estimated mean squared errors, ``(K,)``.
    """
    squares = np.diag(products)
    apart = np.clip(squares[:, None] + squares - 2 * products, 0, None)
    return np.asarray((errors[:, None] + errors - apart) / 2)


@dataclass(frozen=True, eq=False)
class _Part:
    """An answer that a mixture may have a share of: sketches of its parts, what they lack, and their weights.

    Args:
        name: of the answer.
        sketches, beyond, weights: ``(k, D)``, ``(k,)`` and ``(k,)``; the weights sum to 1.
        validation_mse: of the answer.
    """

    name: str
    sketches: NDArray[np.float32]
    beyond: NDArray[np.float32]
    weights: NDArray[np.float64]
    validation_mse: float


def _mixed(case: TableCase, parts: Sequence[_Part]) -> float:
    """The PSNR in dB of what is delivered of these answers, as `choose` decides it.

    Scores are those of what was judged; a search corrects them by what each answer gains from all of y.
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
    errors = np.array([part.validation_mse for part in parts])
    judged = as_scored(products, errors)
    mixture = mixture_shares(target, judged, variance=case.score_variance.of(float(errors.min())))
    alone = [row for row, part in zip(np.eye(len(parts)), parts, strict=True) if part.name != ENSEMBLE]
    # Ties go to what is simpler, which comes first.
    chosen = min([*alone, mixture], key=lambda shares: round(float(shares @ judged @ shares), 9))
    return case.psnr(float(chosen @ products @ chosen))


def _steps_at(one: Tried, now: float) -> int:
    return max((steps for at, steps in one.slices if at <= now), default=0)
