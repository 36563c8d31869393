"""Recorruption: add noise of the measured kind for the fit and subtract it, weighted, for the score.

Both parts see every pixel, and their errors are independent when the noise is Gaussian and its covariance is
known. That makes it the most precise split there is; ``make_split`` takes it wherever it may.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..noise import NoiseModel
from ..problem import Problem
from ..randomness import generator_for
from .noise_energy import noise_energy, weighted_mean
from .split import Split

SHARE = 0.1
"""Of the information, that judges: the fit sees noise of variance sigma² / 0.9, the score of sigma² / 0.1."""


def recorrupt(problem: Problem, *, sigma: float, seed: int) -> Split:
    """Divide Gaussian measurements of noise level ``sigma``, white or of the problem's ``correlation``.

    With w ~ N(0, Σ) of the noise's own covariance and a = 0.1, y₁ = y + √(a/(1−a)) w and y₂ = y − √((1−a)/a) w
    have independent errors (Pang, Zheng, Quan, Ji, Recorrupted-to-Recorrupted, CVPR 2021). Neither is clipped.
    Since w is known, its own energy is taken off instead of its expectation, which leaves less variance.
    """
    a, seen = SHARE, problem.observed
    w = draw_noise(problem.y, problem.noise, seed=seed)
    spread = math.sqrt((1 - a) / a) * sigma
    white = problem.noise.kind != "correlated"
    return Split(
        kind="recorruption",
        fit_target=problem.y + math.sqrt(a / (1 - a)) * sigma * w,
        fit_weight=seen,
        score_target=problem.y - spread * w,
        score_weight=seen,
        score_offset=spread**2 * weighted_mean(w.square(), seen) + noise_energy(problem, seen),
        share=a,
        assumes=f"The noise is {'white' if white else 'of the measured covariance'} and Gaussian, and as strong as "
        "was said.",
        score_noise=sigma / math.sqrt(a),
        indirect=not problem.pixelwise,
    )


def draw_noise(y: Tensor, noise: NoiseModel, *, seed: int) -> Tensor:
    """Draw noise of unit variance, shaped like y (1, C, h, w), with the autocorrelation and the channels of ``noise``.

    White noise is filtered by the root of the spectrum that belongs to the autocorrelation, on a torus larger
    than the picture by its reach; parts of the spectrum that an estimate made negative count as 0.
    """
    return _mixed(_drawn(y, noise, seed=seed), noise)


def _mixed(w: Tensor, noise: NoiseModel) -> Tensor:
    """Independent channels become those of the noise: of its strengths, and with what they have in common."""
    if noise.channels is None:
        return w
    values, vectors = np.linalg.eigh(np.array(noise.channels, dtype=np.float64))
    # The symmetric root: channels that share all of their noise share all of what is drawn.
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return torch.einsum("ij,bjhw->bihw", torch.from_numpy(root).to(w), w)


def _drawn(y: Tensor, noise: NoiseModel, *, seed: int) -> Tensor:
    generator = generator_for("recorruption", seed)
    if noise.kind != "correlated" or noise.correlation is None:
        return torch.randn(y.shape, generator=generator, dtype=torch.float32).to(y)
    table = np.array(noise.correlation, dtype=np.float64)
    reach = len(table) // 2
    height, width = (size + 2 * reach for size in y.shape[-2:])
    torus = np.zeros((max(height, len(table)), max(width, len(table))))
    torus[: len(table), : len(table)] = table
    spectrum = np.fft.fft2(np.roll(torus, (-reach, -reach), axis=(0, 1))).real.clip(min=0)
    spectrum /= spectrum.mean()
    white = torch.randn((*y.shape[:2], *torus.shape), generator=generator, dtype=torch.float64).numpy()
    drawn = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(spectrum)).real
    return torch.from_numpy(drawn[..., : y.shape[-2], : y.shape[-1]].copy()).to(y)
