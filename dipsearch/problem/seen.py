"""How much of an image an operator sees: what it does not see, a restoration has to make up."""

from __future__ import annotations

from .problem import Problem

LITTLE = 0.75
"""Of as many values as the image has, or of those that there might have been: with fewer the operator sees little. A
coded aperture, a mosaic of filters and half of the rows of a matrix are at 0.14 to 0.5, a quarter of the columns of
k-space too; a tomogram of 60 angles and blurs at 0.9 or more, also where a tenth of their values is held out."""


def sees_little(problem: Problem) -> bool:
    """Whether a measurement has far fewer values than the image.

    An operator has at most the rank of the number of its values; one that returns more than it measures, such as an
    image of what was measured of its spectrum, counts as seeing all.
    """
    y, observed = problem.y, problem.observed
    share = float((observed > 0).double().mean())
    pixels = problem.image_shape[1] * problem.image_shape[2] * problem.image_shape[3]
    return share < LITTLE or share * y.numel() < LITTLE * pixels
