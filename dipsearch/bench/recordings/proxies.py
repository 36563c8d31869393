"""Spectral proxies: criteria of the literature that look at the output of an untrained network, for comparison.

Formulas as in ISNAS-DIP (Arican, Kara, Bredell, Konukoglu, CVPR 2022) and its code, with one correction: the
distance of two histograms is the Wasserstein distance of the values themselves. Lower is better in all of them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance
from torch import Tensor

from ...network import Genome, build, make_input
from ...problem import Problem

STRIP = (0.05, 0.10)
"""Radii of the ring of low frequencies, in cycles per pixel."""

ENERGY = 0.99
SMALLEST = 1e-12
Spectrum = NDArray[np.float64]


def proxies(genome: Genome, problem: Problem, *, seed: int) -> dict[str, float]:
    """Every proxy of a candidate on one measurement: "strip-mse", "db-mse", "strip-emd" and "bandwidth"."""
    output = problem.operator.A(untrained_output(genome, problem, seed=seed))
    ours, theirs = _spectrum(output), _spectrum(problem.y)
    ring = _radius(ours.shape[-2:])
    strip = (ring >= STRIP[0]) & (ring < STRIP[1])
    difference = (_decibels(ours) - _decibels(theirs)) ** 2
    return {
        "strip-mse": float(difference[..., strip].mean()),
        "db-mse": float(difference.mean()),
        "strip-emd": float(
            np.mean([wasserstein_distance(a[strip], b[strip]) for a, b in zip(ours, theirs, strict=True)])
        ),
        "bandwidth": _bandwidth(ours.mean(axis=0), ring),
    }


def untrained_output(genome: Genome, problem: Problem, *, seed: int) -> Tensor:
    """f_θ(z) before the first step of a fit with this seed, ``(1, C, H, W)``."""
    _, channels, height, width = problem.image_shape
    stride = 2**genome.depth
    z = make_input(
        genome, height=-(-height // stride) * stride, width=-(-width // stride) * stride, seed=seed
    )
    network = build(genome, channels=channels, seed=seed)
    network.train()
    with torch.no_grad():
        output: Tensor = network(z.contiguous(memory_format=torch.channels_last))
    return output[..., :height, :width]


def _spectrum(image: Tensor) -> Spectrum:
    values = image[0].double().numpy()
    power = np.abs(np.fft.fft2(values, norm="forward")) ** 2
    return np.asarray(np.fft.fftshift(power, axes=(-2, -1)))


def _decibels(power: Spectrum) -> Spectrum:
    return np.asarray(10 * np.log(np.maximum(power, SMALLEST)))  # the natural logarithm, as in their code


def _radius(shape: tuple[int, ...]) -> Spectrum:
    rows, columns = (np.fft.fftshift(np.fft.fftfreq(size)) for size in shape)
    return np.hypot(rows[:, None], columns[None, :])


def _bandwidth(power: Spectrum, ring: Spectrum) -> float:
    order = np.argsort(ring, axis=None)
    energy = np.cumsum(power.ravel()[order])
    reached = int(np.searchsorted(energy, ENERGY * energy[-1]))
    return float(ring.ravel()[order][min(reached, order.size - 1)])
