"""Mutation: how one gene of a bred genome changes, given the values that its distribution offers."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from .distributions import Scalar, snapped, uniform


def mutate(
    value: Scalar, distribution: BaseDistribution, *, generator: np.random.Generator, step: float = 0.2
) -> Any:
    """Change one gene a little: always to another value, where there is one.

    Numbers move by a normally distributed share ``step`` of their range and are reflected at its ends.
    Choices that are all numbers (channels, kernel sizes) move to a neighbour three times out of four;
    every other choice is drawn anew.
    """
    if distribution.single():
        return value
    if isinstance(distribution, CategoricalDistribution):
        return _other_choice(value, distribution, generator)
    if isinstance(distribution, (IntDistribution, FloatDistribution)):
        return _moved(float(value), distribution, generator, step)
    return uniform(distribution, generator)


def _other_choice(
    value: Scalar, distribution: CategoricalDistribution, generator: np.random.Generator
) -> Any:
    others = [choice for choice in distribution.choices if choice != value]
    numbers = [c for c in distribution.choices if isinstance(c, (int, float)) and not isinstance(c, bool)]
    if len(numbers) == len(distribution.choices) and generator.random() < 0.75:
        ordered = sorted(numbers)
        here = ordered.index(float(value))
        others = [ordered[place] for place in (here - 1, here + 1) if 0 <= place < len(ordered)]
    return others[int(generator.integers(len(others)))]


def _moved(
    value: float,
    distribution: IntDistribution | FloatDistribution,
    generator: np.random.Generator,
    step: float,
) -> int | float:
    scale, back = (log, exp) if distribution.log else (float, float)
    low, high = scale(distribution.low), scale(distribution.high)
    place = (scale(value) - low) / (high - low) + step * generator.standard_normal()
    place = abs(place) % 2
    place = min(place, 2 - place)  # reflected at both ends
    moved = snapped(back(low + place * (high - low)), distribution)
    if moved != value or distribution.step is None:
        return moved
    neighbours = [
        value + sign * distribution.step
        for sign in (-1, 1)
        if distribution.low <= value + sign * distribution.step <= distribution.high
    ]
    return snapped(neighbours[int(generator.integers(len(neighbours)))], distribution)
