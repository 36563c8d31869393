"""The bootstrap: how far a score, and the difference of two scores, would change with other measurements.

Errors of neighbouring pixels are alike, so whole blocks of pixels are drawn, the same for all images that are
compared: what they have in common falls out of the difference. Pure functions of arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..problem import Problem, Split
from ..problem.gate.grid import square_sums
from ..problem.splits.noise_energy import noise_energy_error
from ..trials.objective import LEAST_ERROR

BLOCK = 16
"""Pixels along the side of a block; errors of restorations are hardly alike beyond that."""

ACROSS = 4
"""Blocks along the shorter side at least: small pictures are cut into smaller blocks."""

MOST_BLOCKS = 4096
"""Blocks of a large picture are made larger, so that drawing them stays quick."""

FEWEST_BLOCKS = 4
"""From fewer blocks nothing can be said."""

REPEATS = 1000
"""Draws: a standard error from them is right to 2 %."""

MOST_ERROR = 10.0
"""A standard error of more dB is not said: it is more than twice the mean squared error, and dB mean nothing there."""

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BlockErrors:
    """The scoring errors of several images of one picture, block by block.

    Args:
        errors: sums of squared errors, less what the noise of the target has to do with them, ``(K, S, B)`` for
            K candidates, S seeds and B blocks that have scoring values.
        values: scoring values in each block, ``(B,)``.
        offset: what is taken off the mean error to get the score, ``(K, S)`` or one for all.
        shared_error: the standard error of the scores that is the same for all images, as that of an estimated sigma.
    """

    errors: Values
    values: Values
    offset: Values | float
    shared_error: float = 0.0

    def validation_mses(self) -> Values:
        """The split's estimates of the mean squared error, ``(K, S)``."""
        return np.asarray(self.errors.sum(axis=2) / self.values.sum() - self.offset)


@dataclass(frozen=True)
class Standing:
    """Where a candidate stands among those it was compared with; all in dB.

    Args:
        estimated_psnr: estimated PSNR without a reference.
        error: standard error of the score itself; ``None``: too few blocks to tell, or larger than the score.
        standard_error: standard error of its difference to the best one; 0 for that; ``None`` likewise.
        at_least: where the estimated mean squared error of a picture is not above its own standard error, so that the
            score only orders: the PSNR of that error, or of 0 below that, and one standard error more; else ``None``.
    """

    estimated_psnr: float
    error: float | None
    standard_error: float | None
    at_least: float | None = None


def block_errors(images: Sequence[Sequence[Tensor]], problem: Problem, *, split: Split) -> BlockErrors:
    """Sum the scoring errors of images in blocks.

    Args:
        images: for each candidate one for each seed, all as many; each ``(1, C, H, W)``.
        problem: the operator, and the measurement: where a split adds noise to it, that noise is known and says
            nothing of an image, so its energy is taken off in every pixel.
        split: the scoring part.
    """
    weight = split.score_weight.double()
    known = (problem.y.double() - split.score_target.double()).square() * weight
    values = _blocks(weight.expand_as(known)[0].sum(0))
    there, total = values > 0, max(float(values.sum()), 1.0)
    seen = [[problem.view(image).double() for image in one] for one in images]
    judged = [[split.judged_errors(x) for x in one] for one in seen]
    rows = [[_blocks((errors - known)[0].sum(0))[there] for errors, _ in one] for one in judged]
    guided = np.array([[float(part) for _, part in one] for one in judged])
    offset = split.score_offset - float(known.sum()) / total - guided
    return BlockErrors(np.array(rows), values[there], offset, noise_energy_error(problem, split.score_weight))


def standings(pictures: Sequence[BlockErrors], *, repeats: int = REPEATS) -> tuple[Standing, ...]:
    """Compare candidates by their scores in dB, the mean over seeds and pictures, with standard errors.

    Paired block bootstrap (Künsch, 1989, for the blocks): every repetition draws blocks of each picture, and
    seeds, with replacement, the same for all candidates. Errors become dB by the slope at the score itself: an
    estimate may be drawn below zero, where dB mean nothing.

    Args:
        pictures: the errors of the same candidates and seeds on each picture.
        repeats: repetitions.

    Returns:
        One for each candidate.
    """
    estimates = np.mean([decibels(picture.validation_mses()) for picture in pictures], axis=0).mean(axis=1)
    if min(len(picture.values) for picture in pictures) < FEWEST_BLOCKS:
        return tuple(Standing(float(estimate), None, None) for estimate in estimates)
    draws = _drawn(pictures, np.random.default_rng(0), repeats=repeats)
    best = int(np.argmax(estimates))
    own = np.hypot(draws.std(axis=0, ddof=1), _shared(pictures))
    apart = (draws - draws[:, [best]]).std(axis=0, ddof=1)
    return tuple(
        Standing(float(estimate), _meant(alone), _meant(beside), bound)
        for estimate, alone, beside, bound in zip(estimates, own, apart, _bounds(pictures), strict=True)
    )


def errors_apart(picture: BlockErrors, one: int) -> tuple[float | None, ...]:
    """The standard errors of the differences of all candidates to ``one`` on a picture, in dB; 0 for itself.

    ``None`` as in ``Standing.standard_error``.
    """
    if len(picture.values) < FEWEST_BLOCKS:
        return (None,) * len(picture.errors)
    draws = _drawn([picture], np.random.default_rng(0), repeats=REPEATS)
    return tuple(_meant(error) for error in (draws - draws[:, [one]]).std(axis=0, ddof=1))


def _shared(pictures: Sequence[BlockErrors]) -> Values:
    """The part of each candidate's standard error in dB that all images have in common, ``(K,)``."""
    each = [
        10 / math.log(10) * one.shared_error / np.maximum(one.validation_mses().mean(axis=1), LEAST_ERROR)
        for one in pictures
    ]
    return np.asarray(np.sqrt(np.square(each).sum(axis=0)) / len(pictures))


def _bounds(pictures: Sequence[BlockErrors]) -> list[float | None]:
    """``Standing.at_least`` of each candidate; the standard error is that of a ratio of sums over blocks."""
    mses = np.array([picture.validation_mses().mean(axis=1) for picture in pictures])
    errors = np.array([_own_errors(picture) for picture in pictures])
    bounds = decibels(np.maximum(mses, 0) + errors).mean(axis=0)
    rough = np.asarray((mses <= errors).any(axis=0))
    return [float(bound) if is_rough else None for bound, is_rough in zip(bounds, rough, strict=True)]


def _own_errors(picture: BlockErrors) -> Values:
    """The standard error of each candidate's estimated mean squared error, ``(K,)``, the shared one included."""
    errors, values = picture.errors.mean(axis=1), picture.values
    apart = errors - (errors.sum(axis=1) / values.sum())[:, None] * values
    own = np.sqrt(np.square(apart).sum(axis=1)) / values.sum()
    return np.asarray(np.hypot(own, picture.shared_error))


def own_error(picture: BlockErrors) -> float:
    """The standard error of the first candidate's estimated mean squared error."""
    return float(_own_errors(picture)[0])


def _meant(error: float) -> float | None:
    """A standard error in dB; ``None`` where that means nothing."""
    return float(error) if error <= MOST_ERROR else None


def one_standard_error(found: Sequence[Standing], costs: Sequence[float]) -> int:
    """The cheapest candidate whose score is within one standard error of the best one; its index.

    Breiman, Friedman, Olshen and Stone (1984). Of equally cheap ones the better one; where no standard error is
    known, the best one.

    Args:
        found: of each candidate.
        costs: of each, in any unit.
    """
    best = max(range(len(found)), key=lambda index: found[index].estimated_psnr)
    close = [
        index
        for index, standing in enumerate(found)
        if found[best].estimated_psnr - standing.estimated_psnr <= (standing.standard_error or 0.0)
    ]
    return min(close, key=lambda index: (costs[index], -found[index].estimated_psnr))


def decibels(errors: Values) -> Values:
    """Estimated mean squared errors as PSNR in dB, as ``objective.estimated_psnr`` has it; any shape."""
    line = -10 * math.log10(LEAST_ERROR) + 10 / math.log(10) * (1 - errors / LEAST_ERROR)
    return np.asarray(np.where(errors >= LEAST_ERROR, -10 * np.log10(np.maximum(errors, LEAST_ERROR)), line))


def _drawn(pictures: Sequence[BlockErrors], generator: np.random.Generator, *, repeats: int) -> Values:
    """The scores in ``(repeats, K)`` drawn worlds."""
    seeds = pictures[0].errors.shape[1]
    luck = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=repeats) / seeds
    total = np.zeros((repeats, len(pictures[0].errors)))
    for picture in pictures:
        errors = picture.validation_mses()
        estimates, slope = decibels(errors), 10 / math.log(10) / np.maximum(errors, LEAST_ERROR)
        blocks = len(picture.values)
        times = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=repeats).astype(np.float64)
        sums = np.einsum("rb,ksb->rks", times, picture.errors, optimize=True)
        means = sums / (times @ picture.values)[:, None, None] - picture.offset
        total += np.einsum("rks,rs->rk", estimates - slope * (means - errors), luck)
    return total / len(pictures)


def _blocks(plane: Tensor) -> Values:
    """Sums of ``(h, w)`` over square blocks, flat."""
    height, width = plane.shape
    side = max(1, min(BLOCK, min(height, width) // ACROSS))
    side = max(side, math.ceil(math.sqrt(height * width / MOST_BLOCKS)))
    return np.asarray(square_sums(plane, side=side).cpu().numpy())
