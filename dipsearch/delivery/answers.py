"""The answers to one picture, and which of them is delivered: one decision in one place.

Similar patches answer first, the best network and the ensemble of networks later; then similar patches go over the mean
of the first answer and the ensemble, which is ``polished``. All are made twice: from the fitted part of the split, so
that the scoring part judges them alike, and from all of y, to be delivered. By how much that changes each of them is
taken into account, see ``innovations``.

What is delivered is a mixture, first answer, ensemble and polished one, unless the score prefers one of them alone. Its
shares are those that were best on average on other pictures (``USUAL``), corrected by what the scoring
part says of this picture, as far as that is more than luck: stacked regression (Breiman, 1996) with a ridge towards
the usual shares that follows from the noise of the score. Where a score is blind for a part of what is sought, as it is
for the detail that enlargement adds, it only decides whether networks take part at all: not where the usual mixture is
worse than the first answer in what it does see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..fitting import combine, data_consistent
from ..fitting.ensemble import scoring_products
from ..problem import Identity, Problem, Split, for_every_strength, of_every_pixel
from ..problem.gate.clipping import photons_uncut, unclipped
from ..trials.first_files import Made
from .bootstrap import Standing, block_errors, errors_apart, standings
from .innovations import innovation_products
from .shares import BEST, ENSEMBLE, FIRST, POLISHED, USUAL, mixture_shares, score_variance

COMBINED, UNCHANGED = "combined", "unchanged"

SIMPLEST_FIRST = (UNCHANGED, FIRST, BEST, ENSEMBLE, POLISHED, COMBINED)

IN_WORDS = {
    UNCHANGED: "the picture as it was",
    FIRST: "similar patches alone, without a network",
    BEST: "the best network",
    ENSEMBLE: "the mean of the best networks",
    POLISHED: "similar patches guided by networks",
    COMBINED: "a mixture of several answers",
}

QUICKLY = "a quick method; there was no time for similar patches"
"""The first answer in words, where something else made it."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One way in which a picture could be delivered.

    Args:
        name: one of ``SIMPLEST_FIRST``.
        judged: from the fitted part of the split alone, ``(1, C, H, W)``; what the scoring part judges.
        image: from all of y, likewise; what would be delivered.
        seconds: since the start, when it was there.
        made: how, of the first answer.
    """

    name: str
    judged: Tensor
    image: Tensor
    seconds: float
    made: Made = "as usual"

    @property
    def words(self) -> str:
        """What it is, for people."""
        return QUICKLY if self.made == "by a quick method" else IN_WORDS[self.name]


@dataclass(frozen=True, eq=False)
class Choice:
    """What is delivered of one picture.

    Args:
        answers: all that there were, the combination among them, simplest first.
        found: where the image of each stands, in their order.
        chosen: the name of the one that is delivered.
        shares: of which answers it consists; they sum to 1.
        validation_mse: the estimate of the mean squared error of what is delivered; NaN where nothing was judged.
        beside_first: standard errors in dB of the difference of each to the first answer, in their order; ``None``:
            there is none, or too little to tell.
        fitted: the shares were corrected by the values that judge what is delivered, which flatters it.
    """

    answers: tuple[Answer, ...]
    found: tuple[Standing, ...]
    chosen: str
    shares: dict[str, float]
    validation_mse: float
    beside_first: tuple[float | None, ...] = ()
    fitted: bool = False

    @property
    def answer(self) -> Answer:
        """The one that is delivered."""
        return next(answer for answer in self.answers if answer.name == self.chosen)

    @property
    def standing(self) -> Standing:
        """Where that stands."""
        return self.found[self.answers.index(self.answer)]


def only(answer: Answer, problem: Problem) -> Choice:
    """Deliver the only answer that there is, unjudged."""
    answer = replace(answer, image=finished(answer.image, problem))
    return Choice(
        (answer,), (Standing(float("nan"), None, None),), answer.name, {answer.name: 1.0}, float("nan")
    )


def unchanged(problem: Problem, *, seconds: float) -> Choice:
    """Deliver a picture as it was measured, where there is nothing to restore."""
    return only(Answer(UNCHANGED, problem.y, problem.y, seconds), problem)


def finished(image: Tensor, problem: Problem) -> Tensor:
    """An image as it is delivered: exact values put back, and without the bias of noise that was cut to [0, 1].

    What is judged keeps that bias, since the measurement that judges it has the same.
    """
    noise = problem.noise
    if (
        isinstance(problem.operator, Identity)
        and noise.kind in ("gaussian", "correlated", "unknown")
        and noise.sigma
    ):
        sigmas = [noise.sigma_of(channel) for channel in range(image.shape[1])]
        if noise.places is None:
            image = unclipped(image, problem.y, sigmas, seen=problem.observed)
        else:
            strength, whole = of_every_pixel(noise.places, *image.shape[-2:]), image
            image = for_every_strength(
                lambda one: unclipped(whole, problem.y, [one] * whole.shape[1], seen=problem.observed),
                noise.sigma,
                strength,
            )
    elif isinstance(problem.operator, Identity) and noise.kind == "poisson":
        image = photons_uncut(image, problem.y, noise, seen=problem.observed)
    return data_consistent(image, problem)


def choose(answers: Sequence[Answer], problem: Problem, *, split: Split, seconds: float) -> Choice:
    """Decide what is delivered.

    Args:
        answers: at least one; those that are not finite are left out.
        problem: what was measured.
        split: that all answers were judged with.
        seconds: since the start.
    """
    usable = [
        one for one in answers if bool(torch.isfinite(one.judged).all() and torch.isfinite(one.image).all())
    ]
    usable.sort(key=lambda one: SIMPLEST_FIRST.index(one.name))
    as_judged = np.array([float(split.validation_mse(problem.view(one.judged))) for one in usable])
    gained = _gained(usable, problem, split=split)
    if bool(((as_judged > 0) & (as_judged + np.diag(gained) <= 0)).any()):
        gained = np.zeros_like(gained)  # no error is negative: what was said of the errors is luck
    changes = [float(change) for change in np.diag(gained)]
    errors = dict(zip([one.name for one in usable], (as_judged + changes).tolist(), strict=True))
    shares = _shares(usable, errors, gained, problem, split=split)
    if len(shares) > 1:
        parts = [next(one for one in usable if one.name == name) for name in shares]
        judged = combine([part.judged for part in parts], list(shares.values()))
        image = combine([part.image for part in parts], list(shares.values()))
        weights = np.array([shares.get(one.name, 0.0) for one in usable])
        changes.append(float(weights @ gained @ weights))
        usable.append(Answer(COMBINED, judged, image, seconds))
        errors[COMBINED] = float(split.validation_mse(problem.view(judged))) + changes[-1]
    chosen = COMBINED if COMBINED in errors else next(iter(shares))
    # Ties, up to the rounding of a mixture of equals, go to the simpler one, which comes first.
    chosen = min([*_alone(usable, split), chosen], key=lambda name: round(errors[name], 9))
    blocks = block_errors([[one.judged] for one in usable], problem, split=split)
    as_delivered = replace(blocks, offset=blocks.offset - np.array(changes)[:, None])
    found = standings([as_delivered])
    # Simplest first, and nothing is judged that is unchanged: the first answer, if there is one, is in front.
    beside_first = errors_apart(as_delivered, 0) if usable[0].name == FIRST else ()
    ready = tuple(replace(one, image=finished(one.image, problem)) for one in usable)
    shares = shares if chosen == COMBINED else {chosen: 1.0}
    fitted = chosen == COMBINED and not split.blind
    return Choice(ready, found, chosen, shares, errors[chosen], beside_first, fitted)


def _gained(usable: Sequence[Answer], problem: Problem, *, split: Split) -> NDArray[np.float64]:
    """What the mean products of errors change by from what was judged to what is delivered; 0 where nobody can tell."""
    made_alike = all(one.made == "as usual" for one in usable)
    nearest = next((one.image for name in (FIRST, POLISHED) for one in usable if one.name == name), None)
    if nearest is None or split.blind or not made_alike:
        return np.zeros((len(usable), len(usable)))
    return innovation_products(
        [one.judged for one in usable], [one.image for one in usable], nearest, problem
    )


def _alone(usable: Sequence[Answer], split: Split) -> list[str]:
    """Answers that may be delivered by themselves where the score prefers them.

    Where it is blind that is the first answer. Enlarged twice, coffee, chelsea, rocket, brick and monarch at 96 × 96,
    one network: after 50, 100, 200 and 400 iterations the usual mixture gained -0.17, -0.10, -0.02 and 0.04 dB on
    average, and with this 0.04, 0.04, 0.01 and 0.06.
    """
    there = {one.name for one in usable}
    if split.blind:
        return [FIRST] if FIRST in there else []
    if FIRST not in there:
        return [one.name for one in usable if one.name != COMBINED]
    return [name for name in (FIRST, POLISHED) if name in there]


def _shares(
    usable: Sequence[Answer],
    errors: Mapping[str, float],
    gained: NDArray[np.float64],
    problem: Problem,
    *,
    split: Split,
) -> dict[str, float]:
    """The shares of a mixture, which sum to 1."""
    usual = dict(USUAL)
    if ENSEMBLE in usual and ENSEMBLE not in errors and BEST in errors:
        usual[BEST] = usual.pop(ENSEMBLE)  # the only network
    parts = [one for one in usable if one.name in usual]
    if len(parts) < 2:
        # Of how to mix what is there nothing is known.
        return {min(usable, key=lambda one: errors[one.name]).name: 1.0}
    target = np.array([usual[one.name] for one in parts])
    target /= target.sum()
    weights = target
    if not split.blind:
        there = [usable.index(one) for one in parts]
        products = scoring_products([one.judged for one in parts], problem, split=split)
        products = products + gained[np.ix_(there, there)]
        variance = score_variance(split).of(min(errors.values()))
        weights = mixture_shares(target, products, variance=variance)
    kept = {one.name: float(weight) for one, weight in zip(parts, weights, strict=True) if weight >= 0.01}
    return {name: weight / sum(kept.values()) for name, weight in kept.items()}
