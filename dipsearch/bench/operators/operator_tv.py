"""Total variation: of all images that explain a measurement up to its noise, the one with the least.

    min Σ |∇x|  over 0 ≤ x ≤ 1 with ‖A x − y‖² ≤ share · N σ²

with the gradients of all channels of a pixel taken together. With share 1 this is the discrepancy principle (Morozov,
1966): no weight of the regulariser has to be chosen, and nobody who knows the clean picture is needed. The first guess
of dipsearch's patches is the same method in a hurry (``least_variation``).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...errors import InputError
from ...patches import least_variation
from ...problem import Problem

ITERATIONS = 500
"""More of them fit more of the noise: with 2000, 12 crops of coffee, chelsea and rocket were 0.0 to 0.7 dB worse."""

PRIMAL = 0.01
"""The primal step. With 0.1 a thousand iterations were not enough for a Gaussian blur and for tomography."""


def total_variation(problem: Problem, *, share: float, iterations: int = ITERATIONS) -> Tensor:
    """Restore an image of least total variation, (1, C, H, W) in [0, 1].

    Args:
        problem: what was measured, with Gaussian noise of known sigma.
        share: the mean squared residual where something was measured, in units of the noise's variance.
        iterations: of A and Aᵀ each.

    Raises:
        InputError: nothing is known of the noise.
    """
    if not problem.noise.sigma:
        raise InputError(
            "the strength of the noise is not known",
            "total variation explains a measurement up to its noise",
            "give the problem a noise with a sigma",
        )
    observed, y = problem.observed, problem.y
    return least_variation(
        problem.operator,
        y,
        observed=observed,
        start=torch.full(problem.image_shape, 0.5).to(y),
        radius=problem.noise.sigma * math.sqrt(share * float(observed.expand_as(y).sum())),
        iterations=iterations,
        primal=PRIMAL,
        bounds=(0.0, 1.0),
    )
