"""Fitting to all data: once a fit was stopped and judged, it goes on for a while with everything that was measured.

A split gives up a tenth or a twentieth of a measurement in order to have a score. Where the measurement has no
noise, nothing speaks against fitting that part, too, once the score has done its work: the network goes on from
the chosen iteration. The score stays that of the fit that was judged.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ..network import Network
from ..problem import Problem, whole
from .compute import USUAL, Compute
from .loop import fit
from .ongoing import Fit, Watcher
from .stopping import Ended, LastIterate

SHARE = 0.15
"""Iterations that this takes, as a share of those before it, and so its time as a share of theirs.

On crops of scikit-image's rocket and coffee 150 iterations after 800 gained 0.3 dB, still rising slowly.
"""

FEWEST, MOST = 20, 300
"""Of these iterations, at the least and at the most."""

USEFUL = (Ended.RISEN, Ended.STEPS, Ended.TIME)
"""How a fit has to have ended: the image of any other one is not going to be delivered."""


def may_fit_all_data(problem: Problem) -> bool:
    """Whether it is safe: not where what was held out has noise that could be fitted."""
    return problem.exact is not None


def fit_all_data(
    done: Fit,
    genome: Network,
    problem: Problem,
    *,
    seed: int,
    seconds: float | None = None,
    watch: Watcher | None = None,
    compute: Compute = USUAL,
    pilot: Tensor | None = None,
) -> Fit:
    """Return the fit with ``full``, its image after it went on with all of y; without, where that is not useful.

    Args:
        done: a fit with its weights; they are dropped from the result.
        seconds: wall time at the most.
        watch: sees every check point and may end it.
        compute, pilot: as the fit had them.
    """
    made = max(int(done.curves.step[-1]), 1) if len(done.curves.step) else 1
    late = seconds is not None and FEWEST * done.seconds / made > seconds
    if done.weights is None or done.ended not in USEFUL or not may_fit_all_data(problem) or late:
        return replace(done, weights=None)
    more = fit(
        genome,
        problem,
        split=whole(problem),
        seed=seed,
        max_steps=min(MOST, max(FEWEST, round(SHARE * done.step))),
        rule=LastIterate(),
        check_every=5,
        seconds=seconds,
        watch=watch,
        start=done.weights,
        compute=compute,
        pilot=pilot,
    )
    full = more.image if more.step and more.ended in USEFUL else None
    return replace(done, full=full, seconds=done.seconds + more.seconds, weights=None)
