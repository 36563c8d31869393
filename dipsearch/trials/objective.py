"""The objective: fit one candidate to every image of a study, and say what it is worth.

The value is the estimated PSNR in dB, from measurements that the candidate was not fitted to, averaged over
the images in dB so that no image dominates. Nothing in here has a reference.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from torch import Tensor

from ..fitting import (
    Check,
    Ended,
    Fit,
    default_rule,
    fit,
    fit_all_data,
    may_fit_all_data,
)
from ..fitting.compute import USUAL, Compute
from ..network import Network
from .problem_files import SplitProblem

LEAST_ERROR = 1e-5
"""Estimated mean squared errors below this (50 dB) are continued along a straight line.

An estimate is a difference of two noisy numbers and may fall below zero; the line keeps the order of candidates.
"""

ABSORPTION_TIME = 0.12
"""The share of a candidate's time that is kept back for going on with everything that was measured."""

Progress = Callable[[int, Check, Tensor], Ended | None]
"""Sees the index of the image, a check point and the output there; returns a reason to end the fit, or ``None``."""


@dataclass(frozen=True)
class Limits:
    """How far a candidate may go, and by what means.

    Args:
        max_steps: iterations per image, at most.
        seconds: wall time for all images together; ``None``: no limit.
        until: Unix time at which the last fit ends; ``None``: no limit. A worker may start a job later than it
            was handed out.
        patience: iterations without a better validation score after which a fit ends.
        check_every: iterations between check points.
        compute: by what means.
    """

    max_steps: int
    seconds: float | None = None
    until: float | None = None
    patience: int = 300
    check_every: int = 10
    compute: Compute = USUAL

    def leaner(self) -> Limits:
        """The same with less memory and more time; the numbers stay."""
        return replace(self, compute=replace(self.compute, lean=True))

    def seconds_left(self) -> float | None:
        """How long a fit that starts now may take; ``None``: as long as it likes."""
        limits = [self.seconds] if self.seconds is not None else []
        if self.until is not None:
            limits.append(max(0.0, self.until - time.time()))
        return min(limits, default=None)


class Evaluate(Protocol):
    """The signature of ``evaluate``."""

    def __call__(
        self,
        genome: Network,
        images: Sequence[SplitProblem],
        *,
        seed: int,
        limits: Limits,
        progress: Progress,
        halted: Callable[[], bool] = ...,
    ) -> list[Fit]: ...


def estimated_psnr(error: float) -> float:
    """The PSNR in dB of an estimated mean squared error; -inf where the error is not finite."""
    if not math.isfinite(error):
        return -math.inf
    if error >= LEAST_ERROR:
        return -10 * math.log10(error)
    return -10 * math.log10(LEAST_ERROR) + 10 / math.log(10) * (1 - error / LEAST_ERROR)


def evaluate(
    genome: Network,
    images: Sequence[SplitProblem],
    *,
    seed: int,
    limits: Limits,
    progress: Progress,
    halted: Callable[[], bool] = lambda: False,
) -> list[Fit]:
    """Fit a candidate to each image in turn, each with an equal share of the time that is left.

    Args:
        genome: the candidate.
        images: what it is fitted to.
        seed: the same for all candidates.
        limits: how far it may go.
        progress: sees every check point of a fit that is judged, and may end it.
        halted: asked while a fit that was judged already goes on with all of y; ends that.

    Returns:
        One fit per image; fewer when a fit diverged, was pruned or was interrupted, with that fit as the last.
    """
    fits: list[Fit] = []
    left = limits.seconds_left()
    for index, image in enumerate(images):
        goes_on = may_fit_all_data(image.problem)
        share = None if left is None else left / (len(images) - index)
        done = fit(
            genome,
            image.problem,
            split=image.split,
            seed=seed,
            max_steps=limits.max_steps,
            rule=default_rule(image.split, patience=limits.patience),
            check_every=limits.check_every,
            seconds=None if share is None else share * (1 - ABSORPTION_TIME * goes_on),
            watch=partial(progress, index),
            keep_weights=goes_on,
            compute=limits.compute,
            pilot=image.pilot,
        )
        if goes_on:
            rest = None if share is None else max(0.0, share - done.seconds)
            done = fit_all_data(
                done,
                genome,
                image.problem,
                seed=seed,
                seconds=rest,
                watch=lambda check, image: Ended.INTERRUPTED if halted() else None,
                compute=limits.compute,
                pilot=image.pilot,
            )
        fits.append(done)
        left = None if left is None else max(0.0, left - done.seconds)
        if done.ended in (Ended.DIVERGED, Ended.PRUNED, Ended.INTERRUPTED):
            break
    return fits


def value_of(fits: Sequence[Fit]) -> float:
    """The mean of the estimated PSNRs in dB over the images."""
    return sum(estimated_psnr(done.score) for done in fits) / len(fits)
