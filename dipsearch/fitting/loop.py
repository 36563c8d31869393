"""The Deep Image Prior loop: fit an untrained generator to one measurement and keep the right iterate.

    θ* = argmin ‖A f_θ(z + σ_p n) − y‖²,   delivered: the average of f_θ(z + σ_p n) at the chosen iteration

One function, composed of small objects: the split says what is fitted and what scores, the rule says when to
stop, the average says what is delivered, the engine makes the steps (Ulyanov, Vedaldi, Lempitsky, 2018,
arXiv 1711.10925).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..network import Network
from ..problem import Problem, Split
from .average import Average
from .compute import USUAL, Compute
from .ongoing import Fit, OngoingFit, Watcher
from .saved_step import StepState
from .stopping import Ended, StoppingRule


def fit(
    genome: Network,
    problem: Problem,
    *,
    split: Split,
    seed: int,
    max_steps: int,
    rule: StoppingRule[Any] | None = None,
    check_every: int = 10,
    seconds: float | None = None,
    watch: Watcher | None = None,
    start: StepState | None = None,
    keep_weights: bool = False,
    compute: Compute = USUAL,
    pilot: Tensor | None = None,
    average: Average[Any] | None = None,
) -> Fit:
    """Fit the generator of ``genome`` to the fitted part of ``split``; return the iterate that ``rule`` chose.

    Args:
        genome: architecture, input and fit settings of the candidate, or one's own network.
        problem: what was measured and how; on the device of the fit.
        split: which part of the measurement is fitted and which one scores; on the same device.
        seed: of the weights, the input z and its jitter; same seed, device and engine: the same image, on a GPU
            nearly, since some of cuDNN's convolutions add in whatever order their blocks come.
        max_steps: the iteration at which the fit ends at the latest, at least 1.
        rule: decides when to stop and what to deliver; by default the minimum of the split's score.
        check_every: iterations between check points; nothing is read from the device in between.
        seconds: wall time after which the fit ends at the next check point with what it has.
        watch: sees every check point and may end the fit.
        start: weights to go on from instead of fresh ones.
        keep_weights: whether ``Fit.weights`` is filled in, at the cost of copies at every check point.
        compute: by what means.
        pilot: ``(1, C, H, W)`` in about [0, 1], a restoration made from the fitted part of ``split`` alone, for
            networks with one in their input; others do not look at it. The jitter is added to its channels, too.
        average: of the outputs, which is judged and delivered; ``None``: the exponential one of the genome's decay.

    Raises:
        ValueError: ``max_steps`` or ``check_every`` below 1.
        InputError: the genome needs a pilot, and there is none, or it is of another shape than the image.
    """
    ongoing = OngoingFit(
        genome,
        problem,
        split=split,
        seed=seed,
        max_steps=max_steps,
        rule=rule,
        check_every=check_every,
        start=start,
        keep_weights=keep_weights,
        compute=compute,
        pilot=pilot,
        average=average,
    )
    ongoing.advance(max_steps, seconds=seconds, watch=watch)
    return ongoing.fit(Ended.TIME)
