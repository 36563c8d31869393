"""Data consistency: bring an image back to what was measured, for any operator A.

A filter of similar patches knows nothing of A. Between two of its passes stands one of these: ``consistent``
where the measurement is to be met exactly, ``proximal`` where it has noise. Where A has a closed form (nothing,
a mask, a reduction) that is used; everything else needs only A and Aᵀ, and conjugate gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import InputError
from ..problem import Identity, Invertible, Mask, Operator

Map = Callable[[Tensor], Tensor]

ITERATIONS = 200
TOLERANCE = 1e-6


def pseudo_inverse(
    operator: Operator,
    y: Tensor,
    *,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
    damping: float = 0.0,
) -> Tensor:
    """Return A⁺ y: of all images that come closest to y under A, the one of least energy.

    Conjugate gradients on the normal equations, begun at 0, stay in the range of Aᵀ; so they end there also when
    A loses rank, and when y is not in its range.

    Args:
        operator: A. Some know their pseudo-inverse in closed form.
        y: (1, C, h, w), the measurement.
        iterations: at most so many of A and Aᵀ each.
        tolerance: stops where Aᵀ (y − A x), the gradient, is this share of what it was at the start.
        damping: minimise ‖A x − y‖² + ``damping`` ‖x‖² instead, by the same iteration for every operator.

    Returns:
        (1, C, H, W), like y in precision and device.
    """
    if damping == 0 and isinstance(operator, Invertible):
        return operator.A_pinv(y)
    return _least_squares(
        operator.A, operator.A_adjoint, y, damping=damping, iterations=iterations, tolerance=tolerance
    )


def consistent(
    x: Tensor,
    operator: Operator,
    y: Tensor,
    *,
    weight: Tensor | None = None,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """Return x + A⁺(weight ⊙ (y − A x)): the nearest image that measures as y.

    Args:
        x: (1, C, H, W).
        operator: A.
        y: (1, C, h, w), the measurement.
        weight: 1 where y may be looked at, else 0; broadcasts to y. Where it is 0, A x stays as it was (A being of
            full row rank), and y may hold anything but NaN.
        iterations: see ``pseudo_inverse``.
        tolerance: see ``pseudo_inverse``.
    """
    residual = y - operator.A(x)
    if weight is not None:
        residual = residual * weight
    return x + pseudo_inverse(operator, residual, iterations=iterations, tolerance=tolerance)


def proximal(
    x: Tensor,
    operator: Operator,
    y: Tensor,
    *,
    rho: float,
    noise_variance: float,
    weight: Tensor | None = None,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
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
        iterations: see ``pseudo_inverse``.
        tolerance: see ``pseudo_inverse``.

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
    return x + _least_squares(
        lambda u: weight * operator.A(u),
        lambda r: operator.A_adjoint(weight * r),
        residual,
        damping=damping,
        iterations=iterations,
        tolerance=tolerance,
    )


def _least_squares(
    A: Map, A_adjoint: Map, y: Tensor, *, damping: float, iterations: int, tolerance: float
) -> Tensor:
    """Minimise ‖A x − y‖² + damping ‖x‖² by conjugate gradients on the normal equations, from x = 0.

    Vectors and sums are float64 where the device has it; A and Aᵀ see the precision of y, for an operator
    may hold float32 weights and nothing else. (CGLS: Björck, Elfving, Strakoš, SIAM J. Matrix Anal. Appl. 1998.)
    """
    precision = _precision(y)
    residual = y.to(precision)
    gradient = A_adjoint(y).to(precision)
    x, direction = torch.zeros_like(gradient), gradient
    energy = first_energy = float(gradient.square().sum())
    for _ in range(iterations):
        if energy <= tolerance**2 * first_energy:
            break
        image = A(direction.to(y.dtype)).to(precision)
        curvature = float(image.square().sum() + damping * direction.square().sum())
        if curvature == 0:  # too small for the precision of y
            break
        step = energy / curvature
        x = x + step * direction
        residual = residual - step * image
        gradient = A_adjoint(residual.to(y.dtype)).to(precision) - damping * x
        last, energy = energy, float(gradient.square().sum())
        direction = gradient + energy / last * direction
    return x.to(y)


def _precision(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.device.type == "mps" else torch.float64
