"""Cross-scale: the enlargement of a picture one scale below, where the truth is known.

What super-resolution cannot measure, the detail above the measurement's own resolution, no split can score.
One scale down it can: the measurement plays the truth. Networks that do well there do well above, as far as
a picture looks alike at both scales.
"""

from __future__ import annotations

import dataclasses

import torch

from .operators import Downsample, reduced_size
from .problem import SMALLEST_SIDE, Problem


def cross_scale(problem: Problem) -> Problem | None:
    """Return the problem of enlarging y reduced by the factor once more; its reference is ``problem.y``.

    ``None`` when the problem is not super-resolution, or less than 8 pixels per side would be left.
    """
    if not isinstance(problem.operator, Downsample):
        return None
    factor, shape = problem.operator.factor, problem.y.shape
    if min(reduced_size(size, factor) for size in shape[-2:]) < SMALLEST_SIDE:
        return None
    image_shape = (shape[0], shape[1], shape[2], shape[3])
    operator = Downsample(factor, image_shape).to(problem.y.device)
    y = operator.A(problem.y)
    return dataclasses.replace(
        problem, y=y, operator=operator, image_shape=image_shape, observed=torch.ones_like(y[:, :1])
    )
