"""A representative crop: the part of a large picture that candidates are compared on, at native resolution.

Shrinking a picture would change its noise and its textures, and with them the ranking; cropping keeps both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from ..problem import Problem, crop_problem


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a picture as a problem of its own.

    Args:
        problem: the part.
        box: top, left, height, width in pixels of the restored picture; ``None``: the part is all of it.
    """

    problem: Problem
    box: tuple[int, int, int, int] | None


PLACES = 9
"""Places along each axis that are compared."""


def representative(problem: Problem, *, side: int) -> Crop:
    """The crop whose share of detail and of missing pixels is closest to the whole picture's, slightly above.

    Args:
        problem: the whole.
        side: of the crop in pixels of the restored image.
    """
    factor = problem.image_shape[-1] / problem.y.shape[-1]
    height, width = problem.y.shape[-2:]
    high, wide = (min(size, max(1, round(side / factor))) for size in (height, width))
    detail, observed = _detail(problem.y, problem.observed), problem.observed[0, 0].cpu().numpy()
    # A little more detail than average: flat parts restore alike whatever the network is.
    wanted = np.array([1.15 * detail.mean(), observed.mean()])
    scale = np.maximum(wanted, 1e-6)

    def distance(top: int, left: int) -> float:
        window = np.s_[top : top + high, left : left + wide]
        found = np.array([detail[window].mean(), observed[window].mean()])
        return float(np.abs((found - wanted) / scale).sum())

    tops = np.unique(np.linspace(0, height - high, PLACES).round().astype(int))
    lefts = np.unique(np.linspace(0, width - wide, PLACES).round().astype(int))
    _, top, left = min((distance(top, left), int(top), int(left)) for top in tops for left in lefts)
    box = tuple(round(value * factor) for value in (top, left, high, wide))
    return Crop(crop_problem(problem, top=top, left=left, height=high, width=wide), box)  # type: ignore[arg-type]


def _detail(y: torch.Tensor, observed: torch.Tensor) -> NDArray[np.float64]:
    """The local standard deviation of the measured values, ``(h, w)``."""
    weight = observed[0, 0].cpu().numpy().astype(np.float64)
    share = np.maximum(uniform_filter(weight, 7), 1e-3)
    total = np.zeros_like(weight)
    for channel in y[0].cpu().double().numpy():
        mean = uniform_filter(channel * weight, 7) / share
        square = uniform_filter(channel**2 * weight, 7) / share
        total += np.clip(square - mean**2, 0, None)
    return np.asarray(np.sqrt(total / y.shape[1]))
