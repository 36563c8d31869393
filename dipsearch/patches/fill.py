"""Filling: missing pixels from groups of similar patches."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ..problem import Problem
from .alternation import alternate
from .denoise import denoise, polish, white
from .haste import Over, never
from .settings import PatchSettings, falling
from .start import first_guess, interpolated

HIDDEN, AT_MOST = 0.1, 1000
"""The share of what was measured, and the number of its pixels at most, that the error of a first guess is read off."""

LEAST = 1e-3 / 255
"""What the error of a first guess is taken to be at the least: far below the rounding to 16 bits."""

MANY_PASSES = 32
"""So many passes, as by default, a schedule in terms of the noise needs: with 8, as for large pictures and little time,
eight pictures of which 20 % were missing lost 2 to 7 dB, and with 4 coffee lost 4."""


def fill(
    problem: Problem,
    *,
    pilot: Tensor | None,
    noise_sigma: float,
    settings: PatchSettings,
    over: Over = never,
) -> Tensor:
    """Restore what was not measured.

    Args:
        problem: with a ``Mask``, all channels alike or each with its own.
        pilot: a restoration to start from, (1, C, H, W); ``None``: a quick one is made.
        noise_sigma: of what was measured; 0: that is kept exactly.
        settings: how groups are made.
        over: asked before every pass; what is not filled by then has what the first guess says.
    """
    missing = (problem.observed == 0).any(1)[0]
    if not bool(missing.any()):
        noise = white(noise_sigma, channels=problem.y.shape[1], like=problem.y)
        if noise_sigma == 0:
            return problem.y
        if pilot is None:
            return denoise(problem.y, noise, settings=settings, over=over)
        return polish(problem.y, pilot, noise, settings=settings)
    deep = float(depth_of(missing).max()) > settings.deep
    wanted: Tensor | None = None
    relaxed: Tensor | None = None
    if noise_sigma == 0:
        wanted = missing
        if not (deep or over()):  # of the middle of a hole pixels beside measured ones say nothing
            settings = _as_fine_as(start_error(problem), settings)
    elif pilot is None and not deep and float(missing.float().mean()) <= settings.few:
        noise = white(noise_sigma, channels=problem.y.shape[1], like=problem.y)
        return denoise(problem.y, noise, settings=settings, known=problem.observed, over=over)
    elif pilot is None and len(settings.filling.sigmas) >= MANY_PASSES and not over():
        relaxed, settings = problem.observed == 0, _with_noise(noise_sigma, start_error(problem), settings)
    x, how = pilot, settings.filling_on
    if x is None:
        x, how = first_guess(problem), settings.filling
    return alternate(problem, x, how, noise_sigma=noise_sigma, wanted=wanted, relaxed=relaxed, over=over)


def depth_of(missing: Tensor) -> Tensor:
    """How far a missing pixel of (H, W) is from the nearest measured one; 0: it was measured."""
    return torch.from_numpy(distance_transform_edt(missing.cpu().numpy())).to(missing.device, torch.float32)


def start_error(problem: Problem) -> float:
    """How far the first guess is off where some of the measured pixels are hidden from it, in units of [0, 1].

    The root of the mean of squares; infinite where there are too few pixels to hide one. The same pixels every time.
    """
    seen = problem.observed.expand_as(problem.y) > 0
    share = min(HIDDEN, AT_MOST / max(int(seen.any(1).sum()), 1))
    drawn = torch.rand(1, 1, *seen.shape[-2:], generator=torch.Generator().manual_seed(0)) < share
    hidden = seen & drawn.to(seen.device)
    if not bool(hidden.any()):
        return math.inf
    guess = interpolated(problem.y, (seen & ~hidden).to(problem.y))
    return float((guess - problem.y)[hidden].square().mean().sqrt())


def _as_fine_as(error: float, settings: PatchSettings) -> PatchSettings:
    """The settings for a first guess that is so far off: a better one needs less smoothing."""
    factor = min(1.0, max(error, LEAST) / settings.usual_error)
    if factor == 1:
        return settings
    return replace(
        settings, filling=settings.filling.times(factor), filling_on=settings.filling_on.times(factor)
    )


def _with_noise(noise_sigma: float, error: float, settings: PatchSettings) -> PatchSettings:
    """The settings for a measurement with noise, of which the first guess has some."""
    how = settings.filling
    high, low = max(min(how.sigmas[0], 2 * error), 2 * noise_sigma), settings.noisy_low * noise_sigma
    own = max(
        0.0, 1 - (noise_sigma / max(error, LEAST)) ** 2
    )  # of the guess's squared error, what is not noise
    filling = replace(
        how,
        sigmas=falling(high, low, len(how.sigmas)),
        relaxation=(1 + own * (how.relaxation[0] - 1), 1 + own * (how.relaxation[1] - 1)),
    )
    return replace(settings, filling=filling)
