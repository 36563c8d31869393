"""Deep Image Prior with its authors' network for the task: one fit, stopped by us or by somebody who knows the truth.

Ulyanov, Vedaldi and Lempitsky, 2018 (arXiv 1711.10925), as the presets have their settings. The one that we stop
is fitted to the part of the measurement that the rule does not hide, and does not go on with the rest; the authors' own
fit, and the one that is stopped by the truth, have all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ...errors import ResourceError
from ...fitting import Check, Ended, LastIterate, data_consistent, fit
from ...fitting.precision import Precision, effective
from ...library import preset
from ...problem import Downsample, Problem, make_split, whole
from ...problem.splits.holes import are_holes
from .rival_limits import Limits

STEPS = 20_000
"""Far beyond what the authors use for any picture; time ends a fit before."""

PATIENCE = 1000
"""Iterations after which somebody who knows the truth gives up, where none was nearer to it: of noise the peak comes
after some hundred iterations, and then the fit only takes up noise."""

THICK = 1 / 8
"""A hole that holds a disc with this radius, as a share of the shorter side, is none of text."""


IN_BF16 = " in bf16"
"""What the version of a row says of a fit in short numbers."""


def precision_mark(precision: Precision, device: str = "cpu") -> str:
    """What belongs behind the version of a row: ``IN_BF16``, or nothing where the fit is in 32 bits there."""
    return IN_BF16 if effective(precision, torch.device(device)) == "bf16" else ""


def default_network(problem: Problem) -> str:
    """The preset that the authors would take for such a problem."""
    if problem.task == "denoise":
        return "dip_2018_denoise"
    if isinstance(problem.operator, Downsample):
        return "dip_2018_sr8" if problem.operator.factor >= 8 else "dip_2018_sr4"
    missing = problem.observed[0, 0].cpu().numpy() == 0
    if not are_holes(missing):
        return "dip_2018_restore_half"
    radius = float(np.max(distance_transform_edt(missing)))
    return "dip_2018_inpaint_vase" if radius >= THICK * min(missing.shape) else "dip_2018_inpaint_text"


def dip_stopped(problem: Problem, limits: Limits) -> Tensor:
    """Fit until hidden measurements say that it was enough; the exact ones are put back.

    Raises:
        ResourceError: no iterate was a finite number.
    """
    split = make_split(problem, seed=limits.seed).to(limits.device)
    problem = problem.to(limits.device)
    done = fit(
        preset(default_network(problem)),
        problem,
        split=split,
        seed=limits.seed,
        max_steps=limits.most(STEPS),
        seconds=limits.seconds,
        compute=limits.compute,
    )
    return _restored(done.image if done.step else None, problem)


def dip_oracle(
    problem: Problem,
    limits: Limits,
    *,
    true_psnr: Callable[[Tensor], float],
    network: str | None = None,
    patience: int | None = PATIENCE,
) -> Tensor:
    """Fit all of y until the time is over or nothing gets nearer; of all averaged outputs the one nearest to the truth.

    Args:
        true_psnr: of a restored image, against the clean picture: no method may have this.
        network: the preset; the authors' for the task when ``None``.
        patience: iterations without a nearer one; ``None``: the fit goes on to its end.

    Raises:
        ResourceError: no iterate was a finite number.
    """
    best: list[Tensor] = []
    highest, at = -math.inf, 0

    def watch(check: Check, image: Tensor) -> Ended | None:
        nonlocal highest, at
        restored = _restored(image, problem)
        value = true_psnr(restored)
        if value > highest:
            highest, at = value, check.step
            best[:] = [restored.clone()]
        return Ended.RISEN if patience is not None and check.step - at >= patience else None

    problem = problem.to(limits.device)
    fit(
        preset(network or default_network(problem)),
        problem,
        split=whole(problem),
        seed=limits.seed,
        max_steps=limits.most(STEPS),
        rule=LastIterate(),
        seconds=limits.seconds,
        compute=limits.compute,
        watch=watch,
    )
    return _restored(best[0] if best else None, problem)


def _restored(image: Tensor | None, problem: Problem) -> Tensor:
    if image is None:
        raise ResourceError("the fit diverged", "an iterate has to be finite", "try another seed")
    return data_consistent(image, problem).clamp(0, 1).cpu()
