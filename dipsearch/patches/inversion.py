"""Inversion: of all images that explain a measurement up to its noise, the one of least total variation.

    min Σ |∇x|  over x with ‖A x − y‖² ≤ radius²

with the gradients of all channels of a pixel taken together, solved by the primal-dual method of Chambolle and Pock
(Journal of Mathematical Imaging and Vision 40, 2011); from the operator it takes A and Aᵀ alone. What A does not see
is continued from what it does, and where black lies makes no difference: A⁺y leaves it at 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..problem import Operator, best_level
from .haste import Over, never

ITERATIONS = 200
"""Of a first guess. On ten operators and crops of monarch that was within 0.1 dB of 1000, but for blurs, which lose 0.5
to 2 dB on the way and nothing in what the patches make of it."""

PRIMAL = 0.02
"""The primal step, in units of [0, 1]. With 0.1 a thousand iterations were not enough for a Gaussian blur and for
tomography; with 0.01 a spectral image of 7 channels had 18.1 dB after 100 iterations and 19.3 with 0.03."""

AT_LEAST = 10
"""Iterations that are made even where there is no time, behind half as many for the norm of A."""

GRADIENT_NORM = 8.0
"""A bound of ‖∇‖² for forward differences in two directions."""

POWER_ITERATIONS = 30
"""For the norm of A, which they find from below: for the gradient, whose largest values lie close, they find more than
6 of 8, and half of what a step may be at most is the other dual step's."""

SHARE = 0.9
"""Of the variance of the noise, what a first guess leaves: 1, the discrepancy principle (Morozov, 1966), was up to 1 dB
worse on blurs, tomography and k-space (``bench operators``)."""


def least_variation(
    operator: Operator,
    y: Tensor,
    *,
    observed: Tensor,
    start: Tensor,
    radius: float,
    iterations: int = ITERATIONS,
    primal: float = PRIMAL,
    bounds: tuple[float, float] | None = None,
    over: Over = never,
) -> Tensor:
    """Return the image of least total variation that explains a measurement, (1, C, H, W).

    Args:
        operator: A.
        y: (1, c, h, w), the measurement.
        observed: 1 where y may be looked at, else 0; broadcasts to y.
        start: (1, C, H, W), where it begins.
        radius: how far A x may be from y, in the Euclidean norm; 0: it is met.
        iterations: of A and Aᵀ each.
        primal: the primal step.
        bounds: of the values of the image; ``None``: there are none.
        over: asked before every iteration; where the time is over the first few are made.
    """
    norm = squared_norm(operator, start, over=over)
    if norm == 0:
        return start  # too weak for numbers of this precision
    seen = observed.expand_as(y)
    # The squared norms of A and ∇, each times its dual step, add up to at most 1 / primal.
    step_y = 0.5 / (primal * norm)
    step_gradient = 0.5 / (primal * GRADIENT_NORM)
    x, ahead = start, start
    dual_y, dual_gradient = torch.zeros_like(y), torch.zeros_like(gradient(start))
    for index in range(iterations):
        if index >= AT_LEAST and over():
            break
        tried = (dual_y + step_y * operator.A(ahead)) * seen
        dual_y = tried - step_y * _in_ball(tried / step_y, y, radius=radius, seen=seen)
        dual_gradient = dual_gradient + step_gradient * gradient(ahead)
        dual_gradient = dual_gradient / _lengths(dual_gradient).clamp(min=1)
        descent = operator.A_adjoint(dual_y) + gradient_adjoint(dual_gradient)
        last, x = x, x - primal * descent
        if bounds is not None:
            x = x.clamp(*bounds)
        ahead = 2 * x - last
    return x


def inverted(
    operator: Operator, y: Tensor, *, observed: Tensor, noise_sigma: float, over: Over = never
) -> Tensor:
    """A first guess at the image (1, C, H, W) behind a measurement whose noise has the strength ``noise_sigma``."""
    shape = tuple(operator.A_adjoint(y).shape)
    level = best_level(operator, y, observed=observed, image_shape=shape, otherwise=0.5)
    radius = noise_sigma * (SHARE * float(observed.expand_as(y).sum())) ** 0.5
    return least_variation(operator, y, observed=observed, start=level, radius=radius, over=over)


def gradient(x: Tensor) -> Tensor:
    """Forward differences down and to the right, (2, 1, C, H, W); 0 beyond the border."""
    return torch.stack([x.diff(dim=axis, append=x.narrow(axis, x.shape[axis] - 1, 1)) for axis in (-2, -1)])


def gradient_adjoint(g: Tensor) -> Tensor:
    """The adjoint of ``gradient``, (1, C, H, W)."""
    found = torch.zeros_like(g[0])
    for axis, part in zip((-2, -1), g, strict=True):
        length = part.shape[axis] - 1
        inner = part.narrow(axis, 0, length)
        found.narrow(axis, 0, length).sub_(inner)
        found.narrow(axis, 1, length).add_(inner)
    return found


def squared_norm(operator: Operator, like: Tensor, *, over: Over = never) -> float:
    """‖A‖² by power iterations on images like this one, a little too large rather than too small.

    Where the time is over it is twice what a few of them found.
    """
    x = torch.rand(like.shape, generator=torch.Generator().manual_seed(0)).to(like)
    size = 0.0
    for index in range(POWER_ITERATIONS):
        if index >= AT_LEAST // 2 and over():
            return 2 * size
        x = operator.A_adjoint(operator.A(x))
        size = float(x.norm())
        if size == 0:
            return 0.0
        x = x / size
    return 1.02 * size


def _in_ball(value: Tensor, centre: Tensor, *, radius: float, seen: Tensor) -> Tensor:
    """The nearest values that are no further than ``radius`` from ``centre``, where something was measured."""
    difference = (value - centre) * seen
    return (centre + difference * min(1.0, radius / max(float(difference.norm()), 1e-12))) * seen


def _lengths(g: Tensor) -> Tensor:
    """Of the gradient of a pixel in all its channels, (1, 1, 1, H, W)."""
    return g.square().sum((0, 2), keepdim=True).sqrt()
