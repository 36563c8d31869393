"""Alternation: patches smooth a guess, the measurement corrects it, and again with less smoothing.

Half-quadratic splitting with groups of similar patches as the prior: plug-and-play (Venkatakrishnan, Bouman and
Wohlberg, 2013; Zhang, Li, Zuo, Zhang, Van Gool and Timofte, 2021, arXiv 2008.13751). The guess is taken as noisy with
σ_k and as its own pilot; then it is brought to the measurement, exactly where that has no noise. The operator decides
everything: missing pixels, enlargement and what has only an A and an Aᵀ are one method.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..problem import Problem
from .bayes import second_stage
from .colour import Decorrelation, decorrelation_for
from .consistency import consistent, proximal
from .denoise import white
from .groups import match
from .haste import Over, never
from .settings import Alternation
from .tiles import Mosaic, tiles

LARGE, OVERLAP = 768, 32
"""Larger pictures are smoothed in parts that overlap by so many pixels, twice the reach of a search, so that memory
stays bounded. Where an operator can be cut smaller parts come here; a tomogram or a blurred picture comes whole."""


MEASURED = 1.5
"""The relaxation of noisy measured pixels at the most, where missing ones go further: see ``PatchSettings``."""


def alternate(
    problem: Problem,
    start: Tensor,
    how: Alternation,
    *,
    noise_sigma: float,
    wanted: Tensor | None = None,
    relaxed: Tensor | None = None,
    over: Over = never,
) -> Tensor:
    """Alternate between patches and the measurement.

    Args:
        problem: its ``observed`` says which values of y may be looked at.
        start: (1, C, H, W), the first guess.
        how: the passes.
        noise_sigma: of the measurement; 0: it is met exactly.
        wanted: (H, W), bool: pixels that have to be estimated; ``None``: all.
        relaxed: broadcasts to ``start``, bool: values that go as far as the relaxation says, all others ``MEASURED``
            times as far as the patches do; ``None``: all.
        over: asked before every pass.
    """
    x, met, colours = start, start, decorrelation_for(start)
    for index, (sigma, relaxation, members) in enumerate(how.passes()):
        if over():
            break
        smooth = smoothed(x, how, colours, sigma=sigma, members=members, phase=index, wanted=wanted)
        far: Tensor | float = (
            relaxation if relaxed is None else torch.where(relaxed, relaxation, min(relaxation, MEASURED))
        )
        last, met = (
            met,
            _measured(x + far * (smooth - x), problem, sigma=sigma, noise_sigma=noise_sigma),
        )
        inner = 0 < index < len(how.sigmas) - 1
        x = met + how.momentum * (met - last) if inner else met
    return met


def smoothed(
    x: Tensor,
    how: Alternation,
    colours: Decorrelation,
    *,
    sigma: float,
    members: int,
    phase: int = 0,
    wanted: Tensor | None = None,
) -> Tensor:
    """What groups of similar patches make of a guess (1, C, H, W) in one pass.

    Args:
        x: the guess.
        how: patches, windows and references.
        colours: in which it is compared.
        sigma, members: of the pass.
        phase: references move on from pass to pass, so that few of them are enough.
        wanted: as in ``alternate``.
    """
    z = colours.forward(x)
    mosaic = Mosaic(torch.zeros_like(z), overlap=OVERLAP)
    for part in tiles(*x.shape[-2:], side=LARGE, overlap=OVERLAP):
        seen = z[(..., *part.window)]
        groups = match(
            seen,
            patch=how.patch,
            radius=how.near,
            count=members,
            step=how.stride,
            phase=phase,
            wanted=None if wanted is None else wanted[part.window],
        )
        noise = white(sigma, channels=x.shape[1], like=x)
        mosaic.add(part, second_stage(seen, seen, noise, groups))
    return colours.inverse(mosaic.image())


def _measured(x: Tensor, problem: Problem, *, sigma: float, noise_sigma: float) -> Tensor:
    """Bring a guess to the measurement, as closely as the noise allows."""
    if noise_sigma == 0:
        return consistent(x, problem.operator, problem.y, weight=problem.observed)
    return proximal(
        x,
        problem.operator,
        problem.y,
        rho=1 / sigma**2,
        noise_variance=noise_sigma**2,
        weight=problem.observed,
    )
