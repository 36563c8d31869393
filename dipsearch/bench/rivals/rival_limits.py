"""Limits: how long a rival that iterates may go on, and the seed of its random numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ...fitting.compute import USUAL, Compute


@dataclass(frozen=True)
class Limits:
    """What a rival is given besides the problem.

    Args:
        seconds: on the clock.
        steps: iterations at most; ``None``: as many as the method itself wants.
        seed: of its weights and random numbers.
        device: where Deep Image Prior is fitted, for example "cpu" or "cuda".
        compute: by what means.
    """

    seconds: float = 240.0
    steps: int | None = None
    seed: int = 0
    device: str = "cpu"
    compute: Compute = USUAL

    def most(self, wanted: int) -> int:
        """The number of iterations of a method that wants so many."""
        return wanted if self.steps is None else min(wanted, self.steps)
