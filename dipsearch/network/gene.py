"""A gene of a search space: a name and the values that a search may give it.

Genes are what a sampler asks for. Their names are stable ("upsampling", "channels_skip_2",
"channels_down_first"), so that a study, a table and a parent can refer to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .gene_rules import Scalar


@dataclass(frozen=True)
class Gene:
    """One dimension of a search space.

    Attributes:
        name: stable, unique within the space.
        kind: "choice" among `choices`, or "int" or "float" from `low` to `high`, both included.
        choices: of a choice; numbers in ascending order, words in the order of the file.
        low, high: of a range.
        step: of an int range; `high - low` is a multiple of it.
        log: whether the logarithm is uniform (ranges only).
    """

    name: str
    kind: Literal["choice", "int", "float"]
    choices: tuple[Scalar, ...] = ()
    low: float = 0
    high: float = 0
    step: int = 1
    log: bool = False

    @property
    def ordered(self) -> bool:
        """Whether neighbouring values are similar: every range, and choices among numbers."""
        return self.kind != "choice" or not any(isinstance(choice, str | bool) for choice in self.choices)

    def contains(self, value: object) -> bool:
        """Whether the search may give this value."""
        if self.kind == "choice":
            return any(type(value) is type(choice) and value == choice for choice in self.choices)
        if self.kind == "int":
            in_steps = isinstance(value, int) and not isinstance(value, bool)
            return in_steps and self.low <= value <= self.high and (value - self.low) % self.step == 0  # type: ignore[operator]
        return isinstance(value, float) and self.low <= value <= self.high

    def draw(self, generator: np.random.Generator) -> Scalar:
        """Draw a value from the declared distribution."""
        if self.kind == "choice":
            return self.choices[int(generator.integers(len(self.choices)))]
        if self.kind == "int" and not self.log:
            count = round((self.high - self.low) / self.step) + 1
            return int(self.low) + self.step * int(generator.integers(count))
        if self.kind == "int":  # every whole number stands for the half unit around it
            drawn = math.exp(generator.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
            return int(min(max(round(drawn), self.low), self.high))
        if self.log:
            drawn = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = generator.uniform(self.low, self.high)
        return float(min(max(drawn, self.low), self.high))

    def values(self) -> tuple[Scalar, ...]:
        """All values of a choice or an int range."""
        if self.kind == "choice":
            return self.choices
        return tuple(range(int(self.low), int(self.high) + 1, self.step))

    def nearest(self, value: Scalar) -> Scalar:
        """The allowed value that is closest; a word that is not among the choices becomes the first."""
        if self.contains(value):
            return value
        if not self.ordered or isinstance(value, str | bool):
            return self.choices[0] if self.kind == "choice" else self.values()[0]
        if self.kind == "float":
            return float(min(max(float(value), self.low), self.high))
        return min(self.values(), key=lambda allowed: distance(value, allowed))


def distance(first: Scalar | None, second: Scalar | None) -> float:
    """How far two values of one gene are apart: numbers by the logarithm of their ratio, words by 0 or 1."""
    if first == second:
        return 0.0
    if first is None or second is None or isinstance(first, str | bool) or isinstance(second, str | bool):
        return 1.0
    return abs(math.log1p(first) - math.log1p(second))
