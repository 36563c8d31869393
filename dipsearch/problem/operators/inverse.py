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


def best_level(
    operator: Operator, y: Tensor, *, observed: Tensor, image_shape: tuple[int, ...], otherwise: float = 0.0
) -> Tensor:
    """Return the image (1, C, H, W), constant in every channel, whose measurement comes closest to y.

    A⁺ y is 0 where A sees nothing, whatever y says of the level; so guesses begin here.

    Args:
        operator: A; it is applied once for each channel.
        y: (1, c, h, w), the measurement.
        observed: 1 where y may be looked at, else 0; broadcasts to y.
        image_shape: (1, C, H, W).
        otherwise: the level of which y says nothing.
    """
    channels = image_shape[1]
    columns = []
    for channel in range(channels):
        ones = torch.zeros(image_shape, dtype=y.dtype, device=y.device)
        ones[:, channel] = 1
        columns.append((operator.A(ones) * observed).flatten().cpu().double())
    matrix = torch.stack(columns, 1)
    gram = matrix.T @ matrix
    largest = float(gram.max())
    levels = torch.full((channels,), otherwise, dtype=torch.float64)
    if largest > 0:
        residual = (y * observed).flatten().cpu().double() - matrix @ levels
        gram += LEAST_LEVEL * largest * torch.eye(channels, dtype=torch.float64)
        levels += torch.linalg.solve(gram, matrix.T @ residual)
    return levels[None, :, None, None].expand(image_shape).to(y).contiguous()


def _precision(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.device.type == "mps" else torch.float64
