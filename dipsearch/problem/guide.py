"""The guide: a quick restoration from the fitted part, by which a few hidden pixels speak for all missing ones.

What is asked is the error of an image x where nothing was measured, the set M; what is known is the truth y at a few
hidden pixels, the set H. With c the guide,

    score(x) = λ · mean over M of (x − c)² + mean over H of [(x − y)² − λ (x − c)²].

The first mean has no luck in it. The second one, the only sample, is small where the guide is good; what the hidden
pixels cover that the missing ones do not, and the other way round, falls out of it. Nobody has to believe the guide:
over the drawing of H the score is as unbiased as the plain mean over H of (x − y)².

Survey sampling knows it as the difference estimator (Cassel, Särndal and Wretman, Biometrika 1976), learning as
prediction-powered inference (Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Science 2023, arXiv 2301.09633; with
λ: Angelopoulos, Duchi and Zrnic, 2023, arXiv 2311.01453).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WEIGHT = 0.75
"""λ; a guide that is much worse than x wants a smaller one.

Text-like holes in coffee, chelsea, flowers and comic at 96 × 96, eight unlike networks each: without a guide and with
λ = 0.5, 0.75 and 1 stops lost 0.18, 0.09, 0.08, 0.11 dB against their own peaks on average, at most 1.47, 0.54, 0.54,
1.18; Kendall's τ of the score with the true PSNR was 0.75, 0.79, 0.84, 0.82.
"""

MOST_PIXELS = 150_000
"""Beyond so many missing pixels the guide takes seconds, and thousands of hidden ones score well without."""


@dataclass(frozen=True, eq=False)
class Guide:
    """A restoration from the fitted part of a split.

    Args:
        image: c, ``(1, C, H, W)``.
        weight: M, 1 where nothing exact was measured, else 0; ``(1, 1, H, W)`` or ``(1, C, H, W)``.
    """

    image: Tensor
    weight: Tensor

    def distance(self, x: Tensor) -> Tensor:
        """The mean of (x − c)² over M, a scalar; x is ``(1, C, H, W)``."""
        weight = self.weight.expand_as(x)
        return ((x - self.image).square() * weight).sum() / weight.sum()

    def to(self, device: torch.device | str) -> Guide:
        """The same guide on another device."""
        return Guide(self.image.to(device), self.weight.to(device))


def make_guide(values: Tensor, known: Tensor, *, sought: Tensor) -> Guide | None:
    """Restore ``values`` where they are not known, by biharmonic inpainting.

    Args:
        values: ``(1, C, H, W)``.
        known: 1 where they may be looked at; ``(1, 1, H, W)`` or ``(1, C, H, W)``.
        sought: likewise, 1 where the error of an image is asked for.

    Returns:
        ``None`` where nothing is sought, or for too large a picture.
    """
    missing = known.expand_as(values)[0].permute(1, 2, 0).cpu().numpy() == 0
    pixels = values[0].permute(1, 2, 0).double().cpu().numpy()
    if not bool(sought.any()) or missing.any(axis=-1).sum() > MOST_PIXELS or missing.all():
        return None
    restored = biharmonic(np.where(missing, 0.0, pixels), missing)
    image = torch.from_numpy(np.ascontiguousarray(restored.transpose(2, 0, 1)))[None]
    return Guide(image.to(values), sought)


def biharmonic(pixels: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill missing values by the biharmonic equation (Damelin and Hoang, 2018), with scikit-image.

    Args:
        pixels: ``(H, W, C)``.
        missing: likewise; channels may miss different pixels.
    """
    from skimage.restoration import inpaint_biharmonic  # SciPy's sparse solvers come with it

    if not missing.any():
        return pixels
    if (missing == missing[..., :1]).all():
        return np.asarray(inpaint_biharmonic(pixels, missing[..., 0].copy(), channel_axis=-1))
    planes = zip(np.moveaxis(pixels, -1, 0), np.moveaxis(missing, -1, 0), strict=True)
    return np.stack([inpaint_biharmonic(plane.copy(), hole.copy()) for plane, hole in planes], axis=-1)
