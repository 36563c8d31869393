"""Filling: missing pixels from groups of similar patches, large holes from outside in."""

from __future__ import annotations

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ..problem import Problem
from .alternation import alternate
from .denoise import denoise, polish, white
from .haste import Over, never
from .settings import PatchSettings
from .start import first_guess


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
        over: asked before every pass; holes that are not filled by then have what the first guess says.
    """
    missing = (problem.observed == 0).any(1)[0]
    if not bool(missing.any()):
        noise = white(noise_sigma, channels=problem.y.shape[1], like=problem.y)
        if noise_sigma == 0:
            return problem.y
        if pilot is None:
            return denoise(problem.y, noise, settings=settings, over=over)
        return polish(problem.y, pilot, noise, settings=settings)
    wanted = missing if noise_sigma == 0 else None
    x, how = pilot, settings.filling_on
    if x is None:
        x = _from_outside_in(problem, missing, noise_sigma=noise_sigma, settings=settings, over=over)
        how = settings.filling
    return alternate(problem, x, how, noise_sigma=noise_sigma, wanted=wanted, over=over)


def _from_outside_in(
    problem: Problem, missing: Tensor, *, noise_sigma: float, settings: PatchSettings, over: Over
) -> Tensor:
    """A first guess whose deep holes were filled ring by ring, with patches that have nothing unfilled in them."""
    x = first_guess(problem)
    depth = torch.from_numpy(distance_transform_edt(missing.cpu().numpy())).to(x)
    deepest = float(depth.max())
    filled = float(settings.ring)
    while deepest > filled and deepest > settings.deep and not over():
        ring = missing & (depth <= filled) & (depth > filled - settings.ring)
        x = alternate(
            problem,
            x,
            settings.ring_filling,
            noise_sigma=noise_sigma,
            wanted=ring,
            usable=depth <= filled,
            over=over,
        )
        filled += settings.ring
    return x
