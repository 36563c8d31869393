"""Classical answers to measurements of operators: Wiener's deconvolution, filtered back projection, zero filling.

None of these sees the clean picture. Total variation, the strongest of them on most, is

    min Σ |∇x|  over 0 ≤ x ≤ 1 with ‖A x − y‖² ≤ share · N σ²

with the gradients of all channels of a pixel taken together. With share 1 this is the discrepancy principle (Morozov,
1966): no weight of the regulariser has to be chosen. The first guess of dipsearch's patches is the same method in a
hurry (``least_variation``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from torch import Tensor

from ...errors import InputError
from ...patches import least_variation
from ...problem import Problem, Radon
from ...problem.operators.radon import Window

Method = Callable[[Problem], Tensor]
"""From a measurement to an image (1, C, H, W)."""

SPECTRUM = 2.25
"""Power of a picture at the frequency f is taken to fall as f to the power of minus this. Of 1.5 to 3.5, 2 to 2.5
were best on coffee, chelsea and rocket with both blurs; photographs have about 2."""

LEAST_VARIANCE = 1e-6
ITERATIONS, TOLERANCE = 300, 1e-6


def wiener(problem: Problem) -> Tensor:
    """Restore the image of least expected error for a Gaussian prior with the spectrum of photographs.

    The prior has the variance of y less that of the noise, by channel, and is one of cosine waves, which end at the
    border as mirrored images do. Where those diagonalise A, as for a symmetric kernel with a mirrored border, this
    is the closed-form filter A̅ / (|A|² + σ² / S). For others the same equations are solved by conjugate gradients:
    the closed form, which takes the border for another one, lost up to 2.9 dB (coffee, moved).

    Source: Wiener, Extrapolation, Interpolation and Smoothing of Stationary Time Series, 1949.

    Args:
        problem: a picture that was blurred, with noise of known sigma.
    """
    operator, y = problem.operator, problem.y.double()
    ratio = _noise_to_signal(problem)
    right = operator.A_adjoint(y)
    x, residual = torch.zeros_like(right), right
    direction, energy = residual, float(right.square().sum())
    first = energy
    for _ in range(ITERATIONS):
        if energy <= TOLERANCE**2 * first:
            break
        image = operator.A_adjoint(operator.A(direction)) + _in_waves(direction, ratio)
        step = energy / float((direction * image).sum())
        x, residual = x + step * direction, residual - step * image
        last, energy = energy, float(residual.square().sum())
        direction = residual + energy / last * direction
    return x.to(problem.y)


def _noise_to_signal(problem: Problem) -> NDArray[np.float64]:
    """σ² / S of every cosine wave, (1, C, H, W)."""
    sigma = problem.noise.sigma
    if not sigma:
        raise InputError(
            "the strength of the noise is not known",
            "Wiener's filter weighs the noise against the picture",
            "give the problem a noise with a sigma",
        )
    height, width = problem.image_shape[-2:]
    frequency = np.hypot(np.arange(height)[:, None] / height, np.arange(width) / width)
    frequency[0, 0] = np.inf  # the mean is free
    spectrum = frequency**-SPECTRUM
    variance = problem.y.double().var((-2, -1), keepdim=True).numpy() - sigma**2
    inverse = np.divide(spectrum.mean(), spectrum, out=np.zeros_like(spectrum), where=spectrum > 0)
    return np.asarray(sigma**2 / np.maximum(variance, LEAST_VARIANCE) * inverse)


def _in_waves(x: Tensor, factor: NDArray[np.float64]) -> Tensor:
    """x with every one of its cosine waves multiplied."""
    axes = (-2, -1)
    waves = dctn(x.numpy(), axes=axes, norm="ortho")
    return torch.from_numpy(idctn(factor * waves, axes=axes, norm="ortho"))


def back_projection(window: Window) -> Method:
    """Filtered back projection of a tomogram."""
    return partial(_back_projected, window=window)


def _back_projected(problem: Problem, *, window: Window) -> Tensor:
    assert isinstance(problem.operator, Radon)
    return problem.operator.fbp(problem.y, window=window)


def zero_filled(problem: Problem) -> Tensor:
    """Aᵀ y: frequencies that were not measured are taken to be 0."""
    return problem.operator.A_adjoint(problem.y)


VARIATION_ITERATIONS = 500
"""More of them fit more of the noise: with 2000, 12 crops of coffee, chelsea and rocket were 0.0 to 0.7 dB worse."""

PRIMAL = 0.01
"""The primal step. With 0.1 a thousand iterations were not enough for a Gaussian blur and for tomography."""


def total_variation(problem: Problem, *, share: float, iterations: int = VARIATION_ITERATIONS) -> Tensor:
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
