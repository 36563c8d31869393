"""Fitting to all data: once a fit was stopped and judged, it goes on for a while with everything that was measured.

A split gives up a part of a measurement, or adds noise to it, in order to have a score. Once the score has done its
work the network goes on from the chosen iteration with all of y, and with the pilot that was made from all of y in the
place of the other one. The score stays that of the fit that was judged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from ..network import Network
from ..problem import Problem, divides_noise, whole
from .average import Average
from .compute import USUAL, Compute
from .ongoing import Fit, OngoingFit
from .saved_step import DRAW
from .step import AVERAGE
from .stopping import Ended, LastIterate

SHARE = 0.15
"""Iterations that this takes, as a share of those before it, and so its time as a share of theirs.

With noise of σ 25 they gain 0.17 to 0.26 dB with a pilot and 0.02 to 0.13 without one, and longer ones begin to lose
(coffee, chelsea, rocket at 128 × 128; `dipsearch_pilot_32`, `dipsearch_pilot_16`, `dipsearch_nearest_32`). Of that 0.1
to 0.15 dB come from the pilot, and where nothing is noisy nearly everything: half missing 0.34 and 0.40 dB, enlarged
four times 0.86 and 0.18 dB (coffee and chelsea or rocket at 96 × 96), with the old pilot 0.02 to 0.1.
"""

FEWEST, MOST = 20, 300
"""Of these iterations, at the least and at the most."""


def all_data_share(steps: int) -> float:
    """The time that a fit of so many iterations needs at the most to go on, as a share of what it has taken."""
    return max(SHARE, least_share(steps))


def least_share(steps: int) -> float:
    """The time without which it does not go on, likewise."""
    return FEWEST / max(steps, 1)


USEFUL = (Ended.RISEN, Ended.STEPS, Ended.TIME)
"""How a fit has to have ended: the image of any other one is not going to be delivered."""


def may_fit_all_data(problem: Problem) -> bool:
    """Whether it is safe: where nothing is noisy, or all of it was fitted before, with more noise than it has.

    Not where noisy values were held out: these would be new, and their noise with them.
    """
    return problem.exact is not None or divides_noise(problem)


def fit_all_data(
    done: Fit,
    genome: Network,
    problem: Problem,
    *,
    seed: int,
    seconds: float | None = None,
    compute: Compute = USUAL,
    pilot: Tensor | None = None,
    average: Average[Any] | None = None,
) -> Fit:
    """Return the fit with ``full``, its image after it went on with all of y; without, where that is not useful.

    Args:
        done: a fit with its weights; they are dropped from the result.
        seconds: wall time at the most.
        compute, average: as the fit had them.
        pilot: for networks with one, made from all of y.
    """
    more = (
        None
        if too_late(done, seconds)
        else all_data_fit(done, genome, problem, seed=seed, compute=compute, pilot=pilot, average=average)
    )
    if more is not None:
        more.advance(MOST, seconds=seconds)
    return with_full(done, more)


def too_late(done: Fit, seconds: float | None) -> bool:
    """Whether so many seconds are not enough for the fewest iterations that are of use."""
    made = max(int(done.curves.step[-1]), 1) if len(done.curves.step) else 1
    return seconds is not None and FEWEST * done.seconds / made > seconds


def all_data_fit(
    done: Fit,
    genome: Network,
    problem: Problem,
    *,
    seed: int,
    compute: Compute = USUAL,
    pilot: Tensor | None = None,
    average: Average[Any] | None = None,
) -> OngoingFit | None:
    """The fit that goes on with all of y, to be advanced; ``None`` where that is not useful. See ``fit_all_data``."""
    if done.weights is None or done.ended not in USEFUL or not may_fit_all_data(problem):
        return None
    # Without noise outputs are at rest: an average of those that came of another pilot would only lag behind.
    lags = genome.needs_pilot and problem.exact is not None
    left_out = (DRAW, AVERAGE) if lags else (DRAW,)
    return OngoingFit(
        genome,
        problem,
        split=whole(problem),
        seed=seed,
        max_steps=min(MOST, max(FEWEST, round(SHARE * done.step))),
        rule=LastIterate(),
        check_every=5,
        start={key: value for key, value in done.weights.items() if not key.startswith(left_out)},
        compute=compute,
        pilot=pilot,
        average=average,
    )


def with_full(done: Fit, more: OngoingFit | None) -> Fit:
    """A fit without its weights, and with what has come of going on."""
    if more is None:
        return replace(done, weights=None)
    found = more.fit(Ended.TIME)
    full = found.image if found.step and found.ended in USEFUL else None
    return replace(done, full=full, seconds=done.seconds + found.seconds, weights=None)
