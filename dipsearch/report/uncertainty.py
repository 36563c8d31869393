"""Maps of one number per pixel: how far the members of a stack are apart, and how far it is from the truth.

Pure functions of arrays. The spread needs no reference: where networks that were fitted to the same
measurement disagree, the measurement did not decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.floating]


def spread(
    images: Sequence[Pixels], weights: Sequence[float], *, exact: Pixels | None = None
) -> NDArray[np.float64]:
    """The weighted standard deviation of a stack's members in every pixel.

    √(Σ wₖ · mean over channels of (xₖ − x̄)²) with x̄ = Σ wₖ xₖ and the weights scaled to sum 1.

    Args:
        images: each ``(C, H, W)`` in [0, 1].
        weights: one for each image, not negative.
        exact: ``(H, W)``, 1 where the delivered picture shows the measurement itself; the spread is 0 there.

    Returns:
        ``(H, W)``, in the units of the pixels.
    """
    shares = np.asarray(weights, dtype=np.float64)
    shares = shares / shares.sum()
    mean = sum(share * image for share, image in zip(shares, images, strict=True))
    variance = sum(
        share * ((image - mean) ** 2).mean(axis=0) for share, image in zip(shares, images, strict=True)
    )
    deviation: NDArray[np.float64] = np.sqrt(np.asarray(variance, dtype=np.float64))
    if exact is not None:
        deviation[exact != 0] = 0.0
    return deviation


def error_map(restored: Pixels, reference: Pixels) -> NDArray[np.float64]:
    """The absolute difference of two pictures ``(C, H, W)``, the mean over the channels: ``(H, W)``."""
    error: NDArray[np.float64] = np.abs(np.asarray(restored, dtype=np.float64) - reference)
    return np.asarray(error.mean(axis=0), dtype=np.float64)


def full_scale(values: NDArray[np.float64]) -> float:
    """Where the colour scale of a map ends: above 99.5 % of its values, and never below 1 % of the range."""
    return float(max(0.01, np.ceil(np.quantile(values, 0.995) * 100) / 100)) if values.size else 0.01
