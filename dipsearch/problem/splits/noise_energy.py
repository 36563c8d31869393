"""Noise energy: what the noise in y adds to a mean squared error against y, and means over weights.

A split takes it off its score, so that the error of the image is left.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..gate.clipping import is_clipped, surviving_noise
from ..gate.impulses import clean_sigma
from ..noise import LEVELS
from ..noise_map import for_every_strength, of_every_pixel
from ..problem import Problem

ERROR = 0.025
"""Standard error of an estimated sigma, as a share of it: half of 423 estimates (``bench gate``) were off by less than
1.7 %, which is 0.67 standard errors."""

STRONG, CUT_ERROR = 40 / LEVELS, 0.1
"""Stronger noise is cut in most places of 8 bits. Of sigma 50 and 75 on eight tuning pictures estimates were 5.8 and
12.5 % off (root mean square, where cut noise was not recognised), nearly all too small; three measures of it may differ
by so much."""


def noise_energy(problem: Problem, weight: Tensor) -> float:
    """Return the mean energy of the noise in y over ``weight``, (1, 1, h, w) or (1, C, h, w).

    A good fit follows the mean of clipped noise, which is off by the bias; hence the bias comes off twice,
    once from the energy of the noise about the truth and once to count as error of the fit.
    """
    noise = problem.noise
    if noise.kind == "poisson" and noise.gain is not None:
        counted = noise.gain * max(weighted_mean(problem.y, weight) - noise.offset, 0.0)
        return counted + noise.read_sigma**2
    if noise.share is not None:
        # y = x + share x n, of which the mean square is (1 + share²) x².
        return noise.share**2 / (1 + noise.share**2) * weighted_mean(problem.y.square(), weight)
    sigma = noise.sigma
    if noise.kind == "impulse":
        sigma = clean_sigma(problem.y) if sigma is None else sigma
    if problem.exact is not None or not sigma:
        return 0.0
    if noise.kind == "impulse":
        return sigma**2  # struck values lie at the ends, too: whether noise was cut there cannot be seen
    if noise.channels is not None:
        sigmas = [noise.sigma_of(channel) for channel in range(problem.y.shape[1])]
        seen = problem.observed.expand_as(problem.y)
        maps = [
            surviving_noise(problem.y[:, index : index + 1], one, seen=seen[:, index : index + 1])
            for index, one in enumerate(sigmas)
        ]
        variance, bias = (torch.cat(part, dim=1) for part in zip(*maps, strict=True))
    elif noise.places is not None:
        strength = of_every_pixel(noise.places, *problem.y.shape[-2:])
        variance, bias = torch.tensor_split(
            for_every_strength(
                lambda one: torch.cat(surviving_noise(problem.y, one, seen=problem.observed), dim=1),
                sigma,
                strength,
            ),
            2,
            dim=1,
        )
    else:
        variance, bias = surviving_noise(problem.y, sigma, seen=problem.observed)
    return weighted_mean(variance - bias.square(), weight)


def noise_energy_error(problem: Problem, weight: Tensor) -> float:
    """Return the standard error of ``noise_energy`` where sigma was estimated: it is the same for all images.

    0 where sigma was given, and where none is known.
    """
    noise = problem.noise
    if noise.source != "estimated" or noise.kind not in ("gaussian", "correlated") or not noise.sigma:
        return 0.0
    strong = noise.sigma >= STRONG and is_clipped(problem.y, seen=problem.observed)
    stronger = replace(noise, sigma=noise.sigma * (1 + (CUT_ERROR if strong else ERROR)))
    return abs(noise_energy(replace(problem, noise=stronger), weight) - noise_energy(problem, weight))


def weighted_mean(values: Tensor, weight: Tensor) -> float:
    """Return the mean of ``values`` (1, C, h, w) where ``weight`` is 1; 0 where it is nowhere."""
    everywhere = weight.expand_as(values).double()
    return float((values * everywhere).sum() / everywhere.sum().clamp(min=1))
