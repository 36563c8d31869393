"""Classical denoisers among the rivals, with the noise level that dipsearch estimates.

None sees the reference, and no strength is chosen with it. Counts of photons are first made about equally noisy
everywhere (Anscombe), for each of these was made for white Gaussian noise.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from torch import Tensor

from ...problem import NoiseModel, Problem, estimate_sigma
from .rival_limits import Limits

Restore = Callable[[Problem, Limits], Tensor]

LEAST_SIGMA = 1e-3
"""A quarter of a grey level: non-local means divides by it."""

MEANS_STRENGTH = 0.8
"""The filter strength h of non-local means in units of σ, as scikit-image's guide recommends for its fast mode."""

WEAKEST, STRONGEST, HALVINGS = 1e-3, 4.0, 10
"""Weights of total variation between which the right one is sought, and how often the interval is halved."""


def stabilised(restore: Restore) -> Restore:
    """The same denoiser, behind the transform of Anscombe where the values are counts of photons.

    Its inverse is the closed form of the exact unbiased one (Mäkitalo and Foi, IEEE TIP 2011).
    """

    def transformed(problem: Problem, limits: Limits) -> Tensor:
        gain = problem.noise.gain
        if problem.noise.kind != "poisson" or gain is None:
            return restore(problem, limits)
        stable = 2 * (problem.y / gain + 3 / 8).clamp(min=0).sqrt()
        scale = float(stable.max())
        noise = NoiseModel("gaussian", 1 / scale, "estimated")
        d = restore(dataclasses.replace(problem, y=stable / scale, noise=noise), limits) * scale
        d = d.clamp(min=2 * math.sqrt(3 / 8))
        root = math.sqrt(3 / 2)
        counts = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8
        return counts.clamp(min=0) * gain

    return transformed


def sigma_of(problem: Problem) -> float:
    """The strength of the noise: what is known of it, else the estimate."""
    known = problem.noise.sigma
    return max(known if known else estimate_sigma(problem.y).sigma, LEAST_SIGMA)


def non_local_means(problem: Problem, limits: Limits) -> Tensor:
    """Non-local means with h = 0.8 σ (Buades, Coll, Morel, 2005; scikit-image)."""
    del limits
    from skimage.restoration import denoise_nl_means

    pixels, sigma = _pixels(problem.y), sigma_of(problem)
    found = denoise_nl_means(
        pixels,
        h=MEANS_STRENGTH * sigma,
        sigma=sigma,
        fast_mode=True,
        patch_size=5,
        patch_distance=6,
        channel_axis=-1,
    )
    return _image(np.asarray(found).reshape(pixels.shape))  # scikit-image drops the axis of a single channel


def total_variation(problem: Problem, limits: Limits) -> Tensor:
    """Total variation (Chambolle, 2004; scikit-image), so strong that what it removes has the variance of the noise."""
    del limits
    from skimage.restoration import denoise_tv_chambolle

    pixels, variance = _pixels(problem.y), sigma_of(problem) ** 2

    def denoised(log_weight: float) -> NDArray[np.float64]:
        found = denoise_tv_chambolle(pixels, weight=math.exp(log_weight), channel_axis=-1)  # type: ignore[no-untyped-call]
        return np.asarray(found)

    low, high = math.log(WEAKEST), math.log(STRONGEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        removed = float(np.mean((denoised(middle) - pixels) ** 2))
        low, high = (middle, high) if removed < variance else (low, middle)
    return _image(denoised((low + high) / 2))


def wavelets(problem: Problem, limits: Limits) -> Tensor:
    """Soft thresholds of BayesShrink (Chang, Yu, Vetterli, 2000; scikit-image), of colours in YCbCr.

    Daubechies' second wavelet was 0.3 dB better on the check pictures than scikit-image's default.
    """
    del limits
    from skimage.restoration import denoise_wavelet

    pixels = _pixels(problem.y)
    colour = pixels.shape[-1] == 3
    found = denoise_wavelet(
        pixels,
        sigma=sigma_of(problem),
        method="BayesShrink",
        mode="soft",
        wavelet="db2",
        convert2ycbcr=colour,
        channel_axis=-1,
        rescale_sigma=True,
    )
    return _image(np.asarray(found).reshape(pixels.shape))


def bm3d(problem: Problem, limits: Limits) -> Tensor:
    """BM3D by its authors' package, colours together (Dabov, Foi, Katkovnik, Egiazarian, 2007)."""
    del limits
    package, pixels = import_module("bm3d"), _pixels(problem.y)
    run = package.bm3d_rgb if pixels.shape[-1] == 3 else package.bm3d
    planes = [pixels] if pixels.shape[-1] == 3 else list(np.moveaxis(pixels, -1, 0))
    found = [np.asarray(run(plane, sigma_of(problem))) for plane in planes]
    return _image(found[0] if pixels.shape[-1] == 3 else np.stack(found, axis=-1))


def median(problem: Problem, limits: Limits) -> Tensor:
    """The median of 3 × 3 neighbours in each channel, the old remedy for impulses."""
    del limits
    return _image(median_filter(_pixels(problem.y), size=(3, 3, 1), mode="nearest"))


def _pixels(y: Tensor) -> NDArray[np.float64]:
    """(H, W, C)."""
    return y[0].permute(1, 2, 0).double().cpu().numpy()


def _image(pixels: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.asarray(pixels).transpose(2, 0, 1)))[None].float()
