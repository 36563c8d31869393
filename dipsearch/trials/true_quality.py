"""Restorations measured against the reference, for people: rounded, and ``None`` where it cannot be said."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from ..problem import psnr, psnr_luma, psnr_peak, ssim

DIGITS = 4  # behind the point of what is written


def true_psnr(image: Tensor, reference: Tensor | None, *, data_range: float = 1.0) -> float | None:
    """PSNR in dB, relative to ``data_range``."""
    return None if reference is None else finite(psnr(image, reference, data_range=data_range))


def true_ssim(image: Tensor, reference: Tensor | None, *, data_range: float = 1.0) -> float | None:
    """Structural similarity, relative to ``data_range``."""
    return None if reference is None else finite(ssim(image, reference, data_range=data_range))


def true_psnr_and_ssim(
    image: Tensor, reference: Tensor | None, *, data_range: float = 1.0
) -> dict[str, float | None]:
    """Both, as ``psnr`` and ``ssim``."""
    return {
        "psnr": true_psnr(image, reference, data_range=data_range),
        "ssim": true_ssim(image, reference, data_range=data_range),
    }


def true_luma(image: Tensor, reference: Tensor | None) -> float | None:
    """PSNR in dB of the luma without a border, of grey and colour pictures of at least 16 × 16 pixels."""
    if reference is None or reference.shape[1] not in (1, 3) or min(reference.shape[-2:]) < 16:
        return None
    return finite(psnr_luma(image, reference))


def true_peak(image: Tensor, reference: Tensor | None) -> float | None:
    """PSNR in dB with the peak of the restored picture."""
    return None if reference is None else finite(psnr_peak(image, reference))


def finite(value: float | None) -> float | None:
    """The value rounded to four digits; ``None`` when it is none, infinite or not a number."""
    return round(value, DIGITS) if value is not None and math.isfinite(value) else None


def mean(values: Sequence[float | None]) -> float | None:
    """The mean where all values are known."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), DIGITS) if known and len(known) == len(values) else None
