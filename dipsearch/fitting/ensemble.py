"""The ensemble: a weighted mean of the outputs of many networks that were fitted to the same image.

A search has fitted them anyway. The weights are found by non-negative least squares with the score, which none of the
networks was fitted to, so better and less alike networks get more; where the score is blind for a part of what is
sought all count alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..problem import Identity, Problem, Split
from ..problem.splits.control_variate import control_weight

SUM_TO_ONE = 1e3
"""How strongly the least squares hold the weights' sum at 1, against the size of the errors."""

LIFT = 10.0
"""The constant that is added to all error products, in units of the largest one: enough to make P definite."""

RIDGE = 0.3
"""The pull of the weights to the plain mean, in units of the best member's mean squared error.

On crops of scikit-image's coffee, 0.3 was within 0.05 dB of the better of no pull and a strong one, with good and
with bad members alike.
"""

LEAST = 0.01  # members with a smaller weight are left out, and the rest weighed again


@dataclass(frozen=True)
class Ensemble:
    """Which candidates are combined, and how.

    Args:
        members: their numbers in the study.
        weights: theirs, not negative, sum 1.
        validation_mse: the split's estimate of the mean squared error of the combination.
    """

    members: tuple[int, ...]
    weights: tuple[float, ...]
    validation_mse: float


def ensemble_weights(products: NDArray[np.float64], *, ridge: float = 0.0) -> NDArray[np.float64]:
    """Weights w ≥ 0 with Σ w = 1 that minimise wᵀ P w + ridge · ‖w − 1/K‖².

    Stacked regressions (Breiman, 1996). The ridge draws the weights to the plain mean: the scoring values are
    few or noisy, and unlike networks of about the same quality are best averaged.

    Args:
        products: P, ``(K, K)``: the mean products of the networks' errors, see `scoring_products`; it need not be
            positive semidefinite.
        ridge: in units of a mean squared error.

    Returns:
        ``(K,)``.
    """
    from scipy.optimize import nnls  # not needed where there is no time for a network

    count = len(products)
    # Since Σ w = 1, ‖w − 1/K‖² is ‖w‖² but for a constant, and so is P to which a constant is added everywhere: with
    # a control variate P may have negative eigenvalues, and a large constant lifts them where the weights can go.
    gram = products + LIFT * np.abs(products).max()
    gram.flat[:: count + 1] += ridge
    try:
        root = np.linalg.cholesky(gram).T
    except np.linalg.LinAlgError:  # it is not definite all the same, or not finite
        eigenvalues, vectors = np.linalg.eigh(gram)
        root = (vectors * np.sqrt(np.clip(eigenvalues, 0, None))).T
    # A heavy extra row keeps the sum at 1 inside the solver; the division makes it exact.
    heavy = SUM_TO_ONE * max(math.sqrt(gram.trace()), 1e-12)
    rows, wanted = np.full((count + 1, count), heavy), np.zeros(count + 1)
    rows[:count], wanted[count] = root, heavy
    weights, _ = nnls(rows, wanted)
    total = weights.sum()
    return np.full(count, 1 / count) if total <= 0 else weights / total


def error_products(outputs: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean products of errors: the residual of Σ w_k o_k is Σ w_k (o_k − target) where Σ w = 1.

    Args:
        outputs: ``(K, n)``, one row per network.
        target: ``(n,)``.

    Returns:
        ``(K, K)``.
    """
    errors = (outputs - target).astype(np.float64)
    return np.asarray(errors @ errors.T / errors.shape[1])


def make_ensemble(
    images: Sequence[Tensor], problem: Problem, *, split: Split, members: Sequence[int]
) -> Ensemble:
    """Weigh the fits of one image against the scoring part of its measurement, unless that is blind.

    Enlarged four times, all fits of a search of eight minutes on the table of recordings: networks alone 26.71 dB with
    such weights, 27.09 with equal ones (known networks), 26.10 and 26.83 (known, then random ones); on its test
    pictures 28.90 and 29.44, 27.65 and 29.30.

    Args:
        images: the averaged outputs, each ``(1, C, H, W)``, on the problem's device.
        problem: what was measured.
        split: the split that all of them were fitted with.
        members: the candidates' numbers, in the order of ``images``.
    """
    chosen = [index for index, image in enumerate(images) if bool(torch.isfinite(image).all())]
    if split.blind and chosen:
        combined = torch.stack([images[index] for index in chosen]).mean(dim=0)
        error = float(split.validation_mse(problem.view(combined)))
        return Ensemble(tuple(members[index] for index in chosen), (1 / len(chosen),) * len(chosen), error)
    alone = [float(split.validation_mse(problem.view(images[index]))) for index in chosen]
    ridge = RIDGE * max(min(alone, default=0.0), 0.0)
    regularised = _weigh(images, problem, split=split, members=members, chosen=chosen, ridge=ridge)
    if regularised.validation_mse <= min(alone, default=0.0):
        return regularised
    # The plain mean is far off where members are unlike in quality; then the measurement alone decides.
    return _weigh(images, problem, split=split, members=members, chosen=chosen, ridge=0.0)


def _weigh(
    images: Sequence[Tensor],
    problem: Problem,
    *,
    split: Split,
    members: Sequence[int],
    chosen: Sequence[int],
    ridge: float,
) -> Ensemble:
    while True:
        products = scoring_products([images[index] for index in chosen], problem, split=split)
        weights = ensemble_weights(products, ridge=ridge)
        kept = [index for index, weight in zip(chosen, weights, strict=True) if weight >= LEAST]
        if len(kept) == len(chosen) or not kept:
            break
        chosen = kept
    combined = combine([images[index] for index in chosen], weights)
    error = float(split.validation_mse(problem.view(combined)))
    return Ensemble(tuple(members[index] for index in chosen), tuple(float(w) for w in weights), error)


def combine(images: Sequence[Tensor], weights: Sequence[float] | NDArray[np.float64]) -> Tensor:
    """Σ w_k x_k of images ``(1, C, H, W)``."""
    total = torch.zeros_like(images[0])
    for image, weight in zip(images, weights, strict=True):
        total.add_(image, alpha=float(weight))
    return total


def data_consistent(image: Tensor, problem: Problem) -> Tensor:
    """The image with its exact values as they were measured: in inpainting without noise, and between impulses.

    A noisy picture that has no noise in a part of it keeps that part, which does not count as observed. Other problems'
    images are returned as they are: their measurements are noisy, or not values of the image.
    """
    if isinstance(problem.operator, Identity) and not bool((problem.observed > 0).all()):
        image = torch.where(problem.observed > 0, image, problem.y)
    if problem.exact is None or not problem.pixelwise:
        return image
    return torch.where(problem.exact.bool(), problem.y, image)


def scoring_products(images: Sequence[Tensor], problem: Problem, *, split: Split) -> NDArray[np.float64]:
    """P with which the score of Σ w_k x_k is wᵀ P w less a constant, where Σ w = 1; ``(K, K)``.

    With a control variate that is so for one λ; the score's own may be smaller for a mixture.

    Args:
        images: x_k, each ``(1, C, H, W)``.
        problem: what was measured.
        split: its scoring part, and its control variate if it has one.
    """
    seen = [problem.view(image) for image in images]
    found = error_products(*values_where(seen, split.score_target, split.score_weight))
    if split.control is None:
        return found
    # With a control variate a score is a sum of three means of squares, and P that of their products.
    sampled, sought = (
        error_products(*values_where(seen, split.control.image, weight))
        for weight in (split.score_weight, split.control.weight)
    )
    # λ has to be one for all; that of the image furthest ahead of the control variate is safe for every mixture.
    weight = min(float(control_weight(a, b)) for a, b in zip(np.diag(found), np.diag(sampled), strict=True))
    return np.asarray(found + weight * (sought - sampled))


def values_where(
    images: Sequence[Tensor], target: Tensor, weight: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values ``(K, n)`` of images, and ``(n,)`` of a target, where a weight is not 0; all shaped alike."""
    there = weight.bool().expand_as(target)
    rows = [image[there].double().cpu().numpy() for image in images]
    return np.stack(rows), target[there].double().cpu().numpy()
