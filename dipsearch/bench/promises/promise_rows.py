"""The rows of the promised times: one search with a budget, and whether it kept it."""

from __future__ import annotations

from dataclasses import dataclass

COMMAND = "bench promises"
PICTURE = "sample:astronaut"
"""The picture that is damaged, reduced to the size of each row."""

SHARE = 1.1
"""A budget is kept within so many times itself …"""

LEAST = 8.0
"""… or within so many seconds, which is what starting the program may cost."""


@dataclass(frozen=True)
class Promise:
    """What is promised of one search.

    Args:
        task: denoise or inpaint.
        size: side of the picture, in pixels.
        busy: beside two busy loops.
        budget_s: seconds, as in ``--budget``.
    """

    task: str
    size: int
    busy: bool
    budget_s: float

    @property
    def limit(self) -> float:
        """Seconds within which the program has to be back."""
        return max(SHARE * self.budget_s, LEAST)

    @property
    def title(self) -> str:
        """What is promised, in words."""
        return f"{self.task} {self.size}², {'busy' if self.busy else 'quiet'}"


@dataclass(frozen=True)
class PromiseRow:
    """What one search did.

    Args:
        task, size, busy, budget_s: as in `Promise`.
        workers, seed: processes of the search, and the seed of damage and search.
        seconds: of the whole process on the clock, from its start to its end.
        delivered: there was a result, and a picture that can be read and is finite.
        kept: it ended within its limit.
        looks: candidates that got at least 200 iterations.
        psnr: of the delivered picture, in dB; ``None`` without one.
        version: of the program.
        date: of the search.
        note: what went wrong; empty when nothing did.
    """

    task: str
    size: int
    busy: bool
    budget_s: float
    workers: int
    seed: int
    seconds: float
    delivered: bool
    kept: bool
    looks: int
    psnr: float | None
    version: str
    date: str
    note: str

    @property
    def promise(self) -> Promise:
        """What was promised."""
        return Promise(self.task, self.size, self.busy, self.budget_s)

    @property
    def group(self) -> tuple[object, ...]:
        """A row stands for itself."""
        return self.task, self.size, self.busy, self.budget_s, self.workers, self.seed

    @property
    def measurement(self) -> str:
        """All rows are of one picture."""
        return PICTURE
