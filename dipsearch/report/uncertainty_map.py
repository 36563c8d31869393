"""The map of the true error, beside which the search's own map of its uncertainty is shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.floating]


def error_map(restored: Pixels, reference: Pixels) -> NDArray[np.float64]:
    """The absolute difference of two pictures ``(C, H, W)``, the mean over the channels: ``(H, W)``."""
    error: NDArray[np.float64] = np.abs(np.asarray(restored, dtype=np.float64) - reference)
    return np.asarray(error.mean(axis=0), dtype=np.float64)
