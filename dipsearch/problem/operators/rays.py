"""Rays through an image, as a sparse matrix: how much each pixel counts for what each detector measures."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor


def ray_weights(angles: NDArray[np.float64], height: int, width: int, detectors: int) -> Any:
    """Return a SciPy matrix (angles · detectors, H · W), float32, of the lengths of rays in pixels times their width.

    A ray visits each row (or column, where it is flatter than 45 degrees) once and interpolates between the two pixels
    that it passes there (Joseph, IEEE Transactions on Medical Imaging 1, 1982).

    Args:
        angles: in degrees.
        height, width: of the image, in pixels; they are 1 / max(height, width) wide.
        detectors: one pixel apart, number D // 2 sees the pixel (H // 2, W // 2).
    """
    parts = [_rays_of(angle, height, width, detectors) for angle in np.radians(angles)]
    counts = np.concatenate([part[0] for part in parts])
    matrix = csr_array(
        (
            np.concatenate([part[2] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        ),
        shape=(angles.size * detectors, height * width),
    )
    matrix.sort_indices()
    return matrix


def _rays_of(
    angle: float, height: int, width: int, detectors: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """For one angle: the number of weights of every ray, their pixels, and they themselves."""
    cosine, sine = math.cos(angle), math.sin(angle)
    distance = (np.arange(detectors) - detectors // 2)[:, None]
    upright = abs(cosine) >= abs(sine)
    if upright:
        steps = np.arange(height)
        crossing = width // 2 + (steps - height // 2) * (sine / cosine) + distance / cosine
        across, stride, stride_across = width, width, 1
    else:
        steps = np.arange(width)
        crossing = height // 2 + (steps - width // 2) * (cosine / sine) - distance / sine
        across, stride, stride_across = height, 1, width
    crossing = np.round(crossing, 9)  # so that rays through the middle of pixels have one weight, not two
    lower = np.floor(crossing).astype(np.int32)
    share = (crossing - lower).astype(np.float32)
    pixels = np.stack([lower, lower + 1], axis=-1)
    weights = np.stack([1 - share, share], axis=-1)
    met = (pixels >= 0) & (pixels < across) & (weights > 0)
    indices = pixels * np.int32(stride_across) + (steps * stride).astype(np.int32)[None, :, None]
    length = 1 / (max(abs(cosine), abs(sine)) * max(height, width))
    return met.sum((1, 2)), indices[met], weights[met] * np.float32(length)


def to_torch(matrix: Any) -> Tensor:
    """A SciPy matrix in compressed rows as a tensor of the same kind."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        rows, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
        return torch.sparse_csr_tensor(rows, columns, values, size=matrix.shape, check_invariants=False)
