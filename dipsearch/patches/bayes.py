"""Non-local Bayes: a group of similar patches is Gaussian, and what is noise in it follows from its covariance.

Lebrun, Buades and Morel, A nonlocal Bayesian image denoising algorithm (SIAM J. Imaging Sci. 6(3), 2013). The first
stage knows the noisy group only, the second one has a pilot: another restoration, which finds the groups and tells
their covariance. Patches are whitened first, so that in what follows the noise has unit variance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .groups import Aggregation, Groups, patches_of
from .patch_noise import LEAST_SIGMA, PatchNoise
from .settings import PatchSettings

SINGLE = 1e6
"""Of a group's variance over that of the noise: up to here single precision tells one from the other."""


RIDGE = 1e-6
"""Of the variance of the noise, which is 1: it tells eigenvalues apart and changes no picture."""


def first_stage(y: Tensor, noise: PatchNoise, groups: Groups, settings: PatchSettings) -> Tensor:
    """Estimate a picture from its noisy groups, every channel by itself.

    Args:
        y: (1, C, H, W), decorrelated channels.
        noise: in them; what channels have in common is not used.
        groups: of similar patches.
    """
    patch, sigmas = groups.patch, noise.sigmas.clamp(min=LEAST_SIGMA)
    there, back = noise.whitening_of_pixels(patch)
    patches = patches_of(y / sigmas[:, None, None], patch) @ there
    result = _aggregation(y, patch)
    flat = patches.new_full((patch**2,), 1.0) @ there
    for members in groups.portions():
        group = patches[members].transpose(1, 2)  # (R, C, n, k²)
        mean = group.mean(2, keepdim=True)
        centred = group - mean
        covariance = centred.mT @ centred / max(members.shape[1] - 1, 1)
        values, vectors = _eigen(covariance)
        gain = ((values - 1) / values.clamp(min=1e-9)).clamp(min=0)
        estimate = mean + ((centred @ vectors) * gain[..., None, :]) @ vectors.mT
        # Of a flat group the level is all there is. Equal stripes differ by noise alone, too, but have many levels.
        pixels = group @ back
        level = pixels.mean((2, 3), keepdim=True)
        is_flat = (pixels - level).square().mean((2, 3), keepdim=True) < settings.flat
        estimate = torch.where(is_flat, level * flat, estimate)
        result.add(members, (estimate @ back).transpose(1, 2))
    scaled = sigmas[:, None, None]
    return result.image(torch.ones_like(flat), otherwise=y / scaled) * scaled


def _eigen(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Of groups: eigenvalues and vectors; where many are alike (pictures of few levels) 32 bits do not converge."""
    try:
        values, vectors = torch.linalg.eigh(covariance)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]  # not for lack of memory: doubles need more
        if not bool(covariance.isfinite().all()):
            raise
        size = covariance.shape[-1]
        ridge = RIDGE * torch.eye(size, dtype=torch.float64, device=covariance.device)
        values, vectors = (part.to(covariance) for part in torch.linalg.eigh(covariance.double() + ridge))
    return values, vectors


def second_stage(y: Tensor, pilot: Tensor, noise: PatchNoise, groups: Groups) -> Tensor:
    """Estimate a picture by the Wiener filter that a pilot's groups define, all channels jointly.

    With G the noisy group, m the mean and C the covariance of the pilot's, all of unit noise:
    E = m + (G − m) (C + 1)⁻¹ C.

    Args:
        y: (1, C, H, W), decorrelated channels.
        pilot: another restoration of the same picture, likewise.
        noise: of y.
        groups: of similar patches, found in the pilot.
    """
    patch, channels = groups.patch, y.shape[1]
    there, back = noise.whitening(patch)
    noisy, clean = (patches_of(x, patch).flatten(1) @ there for x in (y, pilot))
    result = _aggregation(y, patch)
    for members in groups.portions():
        guide = clean[members]  # (R, n, C k²)
        mean = guide.mean(1, keepdim=True)
        estimate = mean + _shrunk(noisy[members] - mean, guide - mean)
        result.add(members, (estimate @ back).reshape(*members.shape, channels, patch**2))
    return result.image(torch.ones_like(there[0, : patch**2]), otherwise=y)


def _shrunk(noisy: Tensor, clean: Tensor) -> Tensor:
    """(G − m) (C + 1)⁻¹ C with C the covariance of the rows of ``clean``; under faint noise in double precision."""
    strong = clean.square().sum((1, 2)) > SINGLE * max(clean.shape[1] - 1, 1)
    if not bool(strong.any()):
        return _filtered(noisy, clean)
    result = torch.empty_like(noisy)
    result[~strong] = _filtered(noisy[~strong], clean[~strong])
    result[strong] = _filtered(noisy[strong].double(), clean[strong].double()).to(noisy)
    return result


def _filtered(noisy: Tensor, clean: Tensor) -> Tensor:
    """The same by whichever system is smaller."""
    count, size = clean.shape[1:]
    scale = max(count - 1, 1)
    if count < size:
        # (C + 1)⁻¹ C = Zᵀ (Z Zᵀ + n − 1)⁻¹ Z with C = Zᵀ Z / (n − 1).
        return (noisy @ clean.mT) @ _inverse(clean @ clean.mT, plus=scale) @ clean
    # (C + 1)⁻¹ C = 1 − (C + 1)⁻¹
    return noisy - noisy @ _inverse(clean.mT @ clean / scale, plus=1)


def _inverse(system: Tensor, *, plus: float) -> Tensor:
    """(S + plus)⁻¹ of symmetric systems that are positive definite with what is added to their diagonals."""
    system.diagonal(dim1=-2, dim2=-1).add_(plus)
    return torch.cholesky_inverse(torch.linalg.cholesky(system))


def _aggregation(y: Tensor, patch: int) -> Aggregation:
    _, channels, height, width = y.shape
    return Aggregation(channels=channels, height=height, width=width, patch=patch, like=y)
