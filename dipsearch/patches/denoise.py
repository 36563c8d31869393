"""Denoising with similar patches: a first estimate by two methods, and Wiener filters that it guides.

Two ways of removing noise without a pilot err differently: collaborative hard thresholding smears fine texture, non-
local Bayes leaves specks. Their mean is the pilot of the second stage of non-local Bayes, whose result is the next
pilot. With a pilot from elsewhere, a network's for example, only the last stages are made: that is ``polish``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .bayes import first_stage, second_stage
from .collaborative import hard_threshold
from .colour import Decorrelation, decorrelation_for
from .groups import match
from .haste import Over, never
from .patch_noise import PatchNoise
from .settings import PatchSettings
from .start import averaged_around


def denoise(
    y: Tensor,
    noise: PatchNoise,
    *,
    settings: PatchSettings,
    known: Tensor | None = None,
    over: Over = never,
) -> Tensor:
    """Remove Gaussian noise.

    Args:
        y: (1, C, H, W), at least 8 × 8.
        noise: its noise, the same everywhere.
        settings: how groups are made.
        known: 0 where y may not be looked at, (1, 1, H, W) or (1, C, H, W); ``None``: nowhere.
        over: asked before every pass of the second stage.
    """
    if known is not None and not bool(known.all()):
        found = denoise(averaged_around(y, known), noise, settings=settings, over=over)
        if over():
            return found
        return polish(torch.where(known > 0, y, found), found, noise, settings=settings)
    colours, turned, z = _decorrelated(y, noise)
    pilot = (_thresholded(z, turned, settings) + _without_pilot(z, turned, settings)) / 2
    for factor, members in settings.passes:
        if over():
            break
        pilot = _filtered(z, pilot, turned, settings, factor=factor, members=members)
    return colours.inverse(pilot)


def polish(
    y: Tensor, pilot: Tensor, noise: PatchNoise, *, settings: PatchSettings, known: Tensor | None = None
) -> Tensor:
    """Filter a noisy picture with another restoration of it as the pilot.

    Args:
        y: (1, C, H, W).
        pilot: the other restoration, likewise.
        noise: of y.
        settings: how groups are made.
        known: 0 where y may not be looked at, (1, 1, H, W) or (1, C, H, W); ``None``: nowhere.
    """
    if known is not None:
        y = torch.where(known > 0, y, pilot)
    colours, turned, z = _decorrelated(y, noise)
    guide = colours.forward(pilot)
    for factor, members in settings.polishing:
        guide = _filtered(z, guide, turned, settings, factor=factor, members=members)
    return colours.inverse(guide)


def _decorrelated(y: Tensor, noise: PatchNoise) -> tuple[Decorrelation, PatchNoise, Tensor]:
    colours = decorrelation_for(y, noise_covariance=noise.channels)
    turned = PatchNoise(colours.noise_after(noise.channels), noise.correlation)
    return colours, turned, colours.forward(y)


def _thresholded(z: Tensor, noise: PatchNoise, settings: PatchSettings) -> Tensor:
    """Collaborative hard thresholding; its blocks are large, so the picture is continued beyond its border."""
    border = min(settings.block, z.shape[-2] - 1, z.shape[-1] - 1)
    wide = F.pad(z, (border,) * 4, mode="reflect")
    smooth = F.avg_pool2d(F.pad(wide[:, :1], (1,) * 4, mode="replicate"), 3, 1)
    groups = match(
        smooth,
        patch=settings.block,
        radius=settings.radius + 2,
        count=settings.blocks,
        step=settings.step,
    )
    found = hard_threshold(wide, noise, groups, threshold=settings.threshold)
    return found[..., border:-border, border:-border]


def _without_pilot(z: Tensor, noise: PatchNoise, settings: PatchSettings) -> Tensor:
    groups = match(
        z[:, :1], patch=settings.patch, radius=settings.radius, count=settings.first, step=settings.step
    )
    return first_stage(z, noise, groups, settings)


def _filtered(
    z: Tensor, pilot: Tensor, noise: PatchNoise, settings: PatchSettings, *, factor: float, members: int
) -> Tensor:
    groups = match(pilot, patch=settings.patch, radius=settings.radius, count=members, step=settings.step)
    return second_stage(z, pilot, PatchNoise(noise.channels * factor, noise.correlation), groups)


def white(sigma: float, *, channels: int, like: Tensor) -> PatchNoise:
    """White noise of one strength in all channels."""
    return PatchNoise(torch.eye(channels, dtype=torch.float32).to(like) * sigma**2)
