"""Sketches: pictures of one case as points of a plane of few dimensions, so that mixtures of them can be replayed.

All restorations of a measurement lie near such a plane, and only how far they are from each other and from the clean
picture matters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def principal_axes(rows: NDArray[np.float32], *, most: int) -> NDArray[np.float32]:
    """The orthonormal directions along which rows ``(n, d)`` lie, those that say most first, ``(≤ most, d)``.

    From the eigenvectors of their products, since there are far fewer rows than values.
    """
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    # Below this share of the largest one there is nothing but rounding.
    said = [k for k in np.argsort(values)[::-1][:most] if values[k] > 1e-10 * values[-1]]
    axes = (vectors[:, said] / np.sqrt(values[said])).T @ rows.astype(np.float64)
    return np.asarray(axes, dtype=np.float32)


def sketches_of_errors(
    errors: NDArray[np.float16], *, dimensions: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The sketches of the errors ``(n, d)`` of pictures against one clean picture, and what lies outside of the plane.

    Every error counts alike for the plane, however large: what tells good ones apart is not lost beside bad ones.

    Returns:
        ``(n, dimensions)``, scaled so that the mean square of a sketch is a mean squared error, and ``(n,)``, the mean
        squared error that it lacks; both NaN where an error is not finite.
    """
    rows = errors.astype(np.float32)
    there = np.isfinite(rows).all(axis=1)
    drawn = np.full((len(rows), dimensions), np.nan, dtype=np.float32)
    beyond = np.full(len(rows), np.nan, dtype=np.float32)
    if not there.any():
        return drawn, beyond
    sizes = np.maximum(np.sqrt((rows[there] ** 2).mean(axis=1, keepdims=True)), 1e-6)
    axes = principal_axes(rows[there] / sizes, most=dimensions)
    drawn[there] = 0
    drawn[there, : len(axes)] = np.sqrt(dimensions / rows.shape[1]) * (rows[there] @ axes.T)
    beyond[there] = np.clip((rows[there] ** 2).mean(axis=1) - (drawn[there] ** 2).mean(axis=1), 0, None)
    return drawn, beyond
