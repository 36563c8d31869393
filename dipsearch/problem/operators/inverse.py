"""The inverse of an operator as far as it has one: least squares with A and Aᵀ alone, by conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .operator import Invertible, Operator

Map = Callable[[Tensor], Tensor]

ITERATIONS = 200
TOLERANCE = 1e-6
"""Of conjugate gradients, at the most; they end when Aᵀ (y − A x) is so small a part of what it was, for float32 has no
more to say then."""


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
    return least_squares(
        operator.A, operator.A_adjoint, y, damping=damping, iterations=iterations, tolerance=tolerance
    )


def least_squares(
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


LEAST_LEVEL = 1e-6
"""Part of the largest entry of the normal equations that is added to their diagonal, for channels whose level leaves no
trace in y."""

NO_TRACE = 1e-6
"""Of what A makes of a random image, by the energy that goes in: what it makes of a constant one is rounding below."""


def best_level(
    operator: Operator, y: Tensor, *, observed: Tensor, image_shape: tuple[int, ...], otherwise: float = 0.0
) -> Tensor:
    """Return the image (1, C, H, W), constant in every channel, whose measurement comes closest to y.

    A⁺ y is 0 where A sees nothing, whatever y says of the level; so guesses begin here.

    Args:
        operator: A; it and its adjoint are applied once for each channel, and twice more.
        y: (1, c, h, w), the measurement.
        observed: 1 where y may be looked at, else 0; broadcasts to y.
        image_shape: (1, C, H, W).
        otherwise: the level of which y says nothing.
    """
    channels, pixels = image_shape[1], image_shape[-2] * image_shape[-1]

    def sums(residual: Tensor) -> Tensor:
        return operator.A_adjoint(residual * observed)[0].cpu().to(torch.float64).sum((-2, -1))

    rows = []
    for channel in range(channels):
        ones = torch.zeros(image_shape, dtype=y.dtype, device=y.device)
        ones[:, channel] = 1
        rows.append(sums(operator.A(ones) * observed))
    gram = torch.stack(rows)
    gram = (gram + gram.T) / 2
    random = torch.rand(image_shape, generator=torch.Generator().manual_seed(0)).to(y)
    usual = float((operator.A(random) * observed).square().sum() / random.square().sum())
    largest = float(gram.max())
    start = torch.full(image_shape, otherwise, dtype=y.dtype, device=y.device)
    if largest <= NO_TRACE * usual * pixels:
        return start
    gram += LEAST_LEVEL * largest * torch.eye(channels, dtype=torch.float64)
    change: Tensor = torch.linalg.solve(gram, sums((y - operator.A(start)) * observed))
    return start + change[None, :, None, None].to(y)


def _precision(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.device.type == "mps" else torch.float64
