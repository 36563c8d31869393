"""Data consistency: bring an image back to what was measured, for any operator A.

A filter of similar patches knows nothing of A. Between two of its passes stands one of these: ``consistent``
where the measurement is to be met exactly, ``proximal`` where it has noise. Where A has a closed form (nothing,
a mask, a reduction) that is used; everything else needs only A and Aᵀ, and conjugate gradients.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InputError
from ..problem import Identity, Mask, Operator, least_squares, pseudo_inverse
from ..problem.operators.inverse import ITERATIONS, TOLERANCE


def consistent(x: Tensor, operator: Operator, y: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Return x + A⁺(weight ⊙ (y − A x)): the nearest image that measures as y.

    Args:
        x: (1, C, H, W).
        operator: A.
        y: (1, C, h, w), the measurement.
        weight: 1 where y may be looked at, else 0; broadcasts to y. Where it is 0, A x stays as it was (A being of
            full row rank), and y may hold anything but NaN.
    """
    residual = y - operator.A(x)
    return x + pseudo_inverse(operator, residual if weight is None else residual * weight)


def proximal(
    x: Tensor,
    operator: Operator,
    y: Tensor,
    *,
    rho: float,
    noise_variance: float,
    weight: Tensor | None = None,
) -> Tensor:
    """Return argmin over u of ‖weight ⊙ (A u − y)‖² / (2 noise_variance) + rho ‖u − x‖² / 2.

    This is the data step of plug-and-play by half-quadratic splitting (Venkatakrishnan, Bouman, Wohlberg, 2013;
    Zhang and others, arXiv 2008.13751). Without noise it is the limit: among the images that measure as y, the one
    nearest to x. Values of unequal noise go in as ``weight`` = 1/σ with a ``noise_variance`` of 1.

    Args:
        x: (1, C, H, W), what the denoiser said.
        operator: A.
        y: (1, C, h, w), the measurement.
        rho: above 0; 1/rho is the variance that x is believed to have.
        noise_variance: of y, not below 0.
        weight: of the values of y, 0 or more; broadcasts to y.

    Raises:
        InputError: ``rho`` or ``noise_variance`` is out of range.
    """
    if not (0 < rho < math.inf and 0 <= noise_variance < math.inf):
        raise InputError(
            f"rho is {rho} and the variance of the noise {noise_variance}",
            "rho is above 0 and the variance not below 0",
            "give rho=1/variance of what is still wrong with x",
        )
    damping = rho * noise_variance
    weight = torch.ones_like(y) if weight is None else weight
    residual = weight * (y - operator.A(x))
    if isinstance(operator, Identity | Mask):
        seen = weight if isinstance(operator, Identity) else weight * operator.mask
        total = seen.square() + damping
        # Not seen and no damping: 0/0, and x stays.
        return x + torch.where(total > 0, seen * residual / total, 0)
    return x + least_squares(
        lambda u: weight * operator.A(u),
        lambda r: operator.A_adjoint(weight * r),
        residual,
        damping=damping,
        iterations=ITERATIONS,
        tolerance=TOLERANCE,
    )
