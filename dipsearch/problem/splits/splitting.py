"""Splitting: which way of dividing a measurement fits what is known of its noise."""

from __future__ import annotations

from ...errors import InputError
from ..operators import Mask
from ..problem import Problem
from .held_out import FEWEST_VALUES, hold_out, hold_out_holes, hold_out_values
from .recorruption import recorrupt
from .split import Split, count_values
from .thinning import FEW, ROUNDED, off_the_counts, thin


def make_split(problem: Problem, *, seed: int) -> Split:
    """Divide a measurement into a part to fit and a part to score.

    =========  ===================================================  ===================
    operator   case                                                 kind
    =========  ===================================================  ===================
    no mask    the noise is Gaussian of known sigma and covariance  recorruption
    no mask    whole counts of photons                              thinning
    no mask    impulses: single values of the clean ones            held-out
    no mask    otherwise                                            held-out
    a mask     missing pixels form holes (``holes.are_holes``)      held-out holes
    a mask     they are scattered                                   held-out
    =========  ===================================================  ===================

    All of it happens in the space of the measurement, so that the operator may be any.

    Held-out hides 5 % of the observed pixels, all channels together; 10 % where that would be fewer than 1000,
    and for grey pictures up to 256 × 256 with noise.

    Raises:
        InputError: fewer than 50 values would score.
    """
    split = _of_its_kind(problem, seed=seed)
    _refuse_few_values(split, missing=not bool(problem.observed.all()))
    return split


def divides_noise(problem: Problem) -> bool:
    """Whether the two parts of its split have all values each, with more noise, instead of some of the values."""
    return not isinstance(problem.operator, Mask) and (_known_strength(problem) or _whole(problem))


def _of_its_kind(problem: Problem, *, seed: int) -> Split:
    noise = problem.noise
    if divides_noise(problem):
        if _known_strength(problem):
            assert noise.sigma is not None
            return recorrupt(problem, sigma=noise.sigma, seed=seed)
        assert noise.gain is not None
        return thin(problem, gain=noise.gain, offset=noise.offset, seed=seed)
    if noise.kind == "impulse" and not isinstance(problem.operator, Mask):
        return hold_out_values(problem, seed=seed)
    return hold_out_holes(problem, seed=seed) or hold_out(problem, seed=seed)


def _known_strength(problem: Problem) -> bool:
    return problem.noise.kind in ("gaussian", "correlated") and problem.noise.sigma is not None


def _whole(problem: Problem) -> bool:
    """Whether the counts themselves are there, which alone can be divided."""
    noise = problem.noise
    if noise.kind != "poisson" or noise.gain is None or noise.read_sigma > 0:
        return False
    # Where half a grey level hides every count, the line of photons found a gain, and nobody has said that it is whole.
    hidden = noise.source == "estimated" and noise.gain <= 2 * ROUNDED
    rounding = 0.0 if hidden else ROUNDED
    return off_the_counts(problem.y, gain=noise.gain, offset=noise.offset, rounding=rounding) <= FEW


def _refuse_few_values(split: Split, *, missing: bool) -> None:
    values = count_values(split.score_weight, channels=split.score_target.shape[1])
    if values < FEWEST_VALUES:
        known = "use a larger picture, or tell the noise's sigma, with which all values judge"
        raise InputError(
            f"only {values} measured values would be left to judge a restoration",
            f"at least {FEWEST_VALUES} are needed",
            "use a larger picture or one with fewer missing pixels" if missing else known,
        )
