"""The fitted part of a split as a problem of its own, so that one set of methods restores it and all of y alike."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError
from ..problem import Mask, NoiseModel, Problem, Split, whole


def fitted_part(problem: Problem, split: Split | None) -> Problem:
    """The problem that whoever may look at the fitted part of ``split`` alone has to solve.

    Args:
        problem: what was measured.
        split: ``None``: nothing is hidden, except values that say nothing.

    Returns:
        A problem whose ``observed`` is 1 where its y may be looked at, (1, 1, h, w) or (1, C, h, w).

    Raises:
        InputError: something else was given.
    """
    if not isinstance(problem, Problem):
        raise InputError(
            f"the problem is {type(problem).__name__}",
            "it is a dipsearch.Problem",
            "write dipsearch.Problem(y, A, noise=...)",
        )
    if not isinstance(split, Split | None):
        raise InputError(
            f"the split is {type(split).__name__}",
            "it divides the measurement",
            "make it with dipsearch.make_split(problem, seed=0)",
        )
    split = whole(problem) if split is None else split
    known = split.fit_weight
    operator = Mask(known) if isinstance(problem.operator, Mask) else problem.operator
    return replace(
        problem,
        y=split.fit_target * known,
        observed=known,
        operator=operator,
        noise=_noise(problem.noise, split),
    )


def _noise(noise: NoiseModel, split: Split) -> NoiseModel:
    left = 1 - split.share
    if split.kind == "recorruption" and noise.sigma is not None:
        return replace(noise, sigma=noise.sigma / left**0.5)  # noise was added to it
    if split.kind == "thinning" and noise.gain is not None:
        return replace(noise, gain=noise.gain / left)  # every photon that is left stands for more
    return noise
