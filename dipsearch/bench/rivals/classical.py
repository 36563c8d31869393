"""What a classical method makes of the same measurement: rows of tables, beside what similar patches make of it.

None of these sees the reference. Biharmonic inpainting (Damelin and Hoang, 2018), non-local means (Buades et
al., 2005) with the noise level of the problem, cubic interpolation; all from scikit-image and SciPy. Given a split,
they restore from its fitted part alone, so that its scoring part judges them as it judges candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom
from skimage.restoration import denoise_nl_means
from torch import Tensor

from ...errors import InputError
from ...problem import Problem, Split, estimate_sigma, whole
from ...problem.splits.control_variate import biharmonic

Pixels = NDArray[np.float64]
"""(H, W, C)."""

Bits = NDArray[np.bool_]

MEANS_STRENGTH = 0.8
"""The filter strength h of non-local means in units of σ, as scikit-image's guide recommends for its fast mode."""

LEAST_SIGMA = 1e-3
"""A quarter of a grey level: non-local means divides by it."""

BIHARMONIC_PIXELS = 300_000
"""Beyond this many missing pixels biharmonic inpainting takes minutes and gigabytes, and is left out."""


@dataclass(frozen=True, eq=False)
class _Part:
    """The part of a measurement that is restored.

    Args:
        pixels: the values, (H, W, C); anything where they are missing.
        missing: where there are none, (H, W, C).
        sigma: of their noise, in units of [0, 1]; ``None``: to be estimated.
    """

    pixels: Pixels
    missing: Bits
    sigma: float | None


def classical(problem: Problem, *, split: Split | None = None) -> tuple[str, Tensor]:
    """Restore ``problem`` the classical way; return the method's name and the image ``(1, C, H, W)``.

    Args:
        split: restore from its fitted part alone; ``None``: from all of y.

    Raises:
        InputError: the problem is too large for its classical method, or nothing is known of a channel.
    """
    if split is not None and split.control is not None:
        return "biharmonic", split.control.image
    part = _part(problem, whole(problem) if split is None else split)
    if problem.task == "inpaint" or problem.noise.kind == "impulse":
        name, restored = "biharmonic", _biharmonic(part.pixels, part.missing)
    elif problem.task == "sr":
        height, width = problem.image_shape[-2:]
        filled = _biharmonic(part.pixels, part.missing)
        name, restored = "bicubic", _bicubic(filled, height=height, width=width)
    else:
        name, restored = "non-local means", _means(_filled(part.pixels, part.missing), part.sigma)
    image = torch.from_numpy(np.ascontiguousarray(restored.transpose(2, 0, 1))).float()[None]
    return name, image


def _part(problem: Problem, split: Split) -> _Part:
    pixels = split.fit_target[0].permute(1, 2, 0).double().cpu().numpy()
    known = split.fit_weight.expand_as(split.fit_target)[0].permute(1, 2, 0).cpu().numpy() > 0
    sigma = problem.noise.sigma
    if sigma is not None and split.kind == "recorruption":
        sigma /= (1 - split.share) ** 0.5  # the fitted part has had noise added to it
    return _Part(np.where(known, pixels, 0.0), ~known, sigma)


def _biharmonic(pixels: Pixels, missing: Bits) -> Pixels:
    if missing.all(axis=(0, 1)).any():
        raise InputError(
            "of one channel nothing is known",
            "the classical method needs some of each",
            "nothing has to be done",
        )
    if missing.any(axis=-1).sum() > BIHARMONIC_PIXELS:
        raise InputError(
            f"{int(missing.any(axis=-1).sum())} pixels are missing",
            f"biharmonic inpainting is left out above {BIHARMONIC_PIXELS}",
            "nothing has to be done",
        )
    return biharmonic(pixels, missing)


def _filled(pixels: Pixels, missing: Bits) -> Pixels:
    """Missing values from the noisy ones around them, with Gaussian weights; the others as they are."""
    if not missing.any():
        return pixels
    known = (~missing).astype(np.float64)
    around, weight = (gaussian_filter(values, (1, 1, 0)) for values in (pixels * known, known))
    return np.where(missing, around / np.maximum(weight, 1e-9), pixels)


def _means(pixels: Pixels, sigma: float | None) -> Pixels:
    if not sigma:
        sigma = estimate_sigma(torch.from_numpy(pixels.transpose(2, 0, 1))[None]).sigma
    sigma = max(sigma, LEAST_SIGMA)
    restored = denoise_nl_means(
        pixels,
        h=MEANS_STRENGTH * sigma,
        sigma=sigma,
        fast_mode=True,
        patch_size=5,
        patch_distance=6,
        channel_axis=-1,
    )
    return np.asarray(restored).reshape(pixels.shape)  # scikit-image drops the axis of a single channel


def _bicubic(pixels: Pixels, *, height: int, width: int) -> Pixels:
    factors = (height / pixels.shape[0], width / pixels.shape[1], 1)
    return np.asarray(zoom(pixels, factors, order=3, mode="nearest", grid_mode=True))
