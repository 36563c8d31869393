"""What a classical method makes of the same measurement: the least that a search has to beat.

None of these sees the reference. Biharmonic inpainting (Damelin and Hoang, 2018), non-local means (Buades et
al., 2005) with the noise level of the problem, cubic interpolation; all from scikit-image and SciPy.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import zoom
from skimage.restoration import denoise_nl_means, inpaint_biharmonic
from torch import Tensor

from ..errors import InputError
from ..problem import Problem, estimate_sigma

Pixels = NDArray[np.float64]
"""(H, W, C)."""

MEANS_STRENGTH = 0.8
"""The filter strength h of non-local means in units of σ, as scikit-image's guide recommends for its fast mode."""

BIHARMONIC_PIXELS = 300_000
"""Beyond this many missing pixels biharmonic inpainting takes minutes and gigabytes, and is left out."""


def classical(problem: Problem) -> tuple[str, Tensor]:
    """Restore ``problem`` the classical way; return the method's name and the image ``(1, C, H, W)``.

    Raises:
        InputError: the problem is too large for its classical method.
    """
    pixels = problem.y[0].permute(1, 2, 0).double().cpu().numpy()
    if problem.task == "inpaint":
        name, restored = "biharmonic", _biharmonic(pixels, problem)
    elif problem.task == "sr":
        name, restored = "bicubic", _bicubic(pixels, problem)
    else:
        name, restored = "non-local means", _means(pixels, problem)
    image = torch.from_numpy(np.ascontiguousarray(restored.transpose(2, 0, 1))).float()[None]
    return name, image


def _biharmonic(pixels: Pixels, problem: Problem) -> Pixels:
    missing = problem.observed[0, 0].cpu().numpy() == 0
    if missing.sum() > BIHARMONIC_PIXELS:
        raise InputError(
            f"{int(missing.sum())} pixels are missing",
            f"biharmonic inpainting is left out above {BIHARMONIC_PIXELS}",
            "nothing has to be done",
        )
    return np.asarray(inpaint_biharmonic(pixels, missing, channel_axis=-1))


def _means(pixels: Pixels, problem: Problem) -> Pixels:
    sigma = problem.noise.sigma or estimate_sigma(problem.y).sigma
    restored = denoise_nl_means(
        pixels,
        h=MEANS_STRENGTH * sigma,
        sigma=sigma,
        fast_mode=True,
        patch_size=5,
        patch_distance=6,
        channel_axis=-1,
    )
    return np.asarray(restored)


def _bicubic(pixels: Pixels, problem: Problem) -> Pixels:
    height, width = problem.image_shape[-2:]
    factors = (height / pixels.shape[0], width / pixels.shape[1], 1)
    return np.asarray(zoom(pixels, factors, order=3, mode="nearest", grid_mode=True))
