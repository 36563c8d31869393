"""Hanging: how long a slice may last before its worker is taken for one that will never answer.

A worker may be stopped, wait for a disk that does not come back, or for its GPU. A slice of a second may take minutes
for good reasons, too: the clock is looked at between check points only, and one iteration of a huge network on a busy
machine takes longer than a slice. So it is measured against what slices of the same fit took.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .task import Advanced, Result, Slice, Task

TIMES, SECONDS = 10.0, 60.0
"""A slice hangs that lasts for so many times what it should, and so many seconds more. On a machine with eight times as
much work as processors, slices of a second took 11 s, and the slowest check point as long as it was measured before."""

STRANGER = 10.0
"""How many times as long an iteration of a fit may take that was not measured yet as the longest that was. The networks
of one space differ more (400 times), but only those whose check points take longer than ten slices would have to wait
for another worker."""

NOTHING_KNOWN = 1800.0
"""Seconds that a slice may last before anything was measured of its kind: a whole picture after a search on crops may
have hundreds of times as many pixels as those."""


@dataclass
class Usual:
    """What slices take.

    Attributes:
        paces: seconds of an iteration of each fit, by its place.
        beside: seconds for all that is no iteration, the most that were measured.
    """

    paces: dict[str, float] = field(default_factory=dict)
    beside: float = 0.0

    def took(self, task: Task, found: Result) -> None:
        """Note what came of a task."""
        if isinstance(task, Slice) and isinstance(found, Advanced):
            self.beside = max(self.beside, found.beside)
            if found.made:
                self.paces[task.place] = found.seconds / found.made

    def longest(self, task: Slice, *, tries: int = 1) -> float:
        """Seconds after which a slice is given up.

        Args:
            tries: how often it was handed out; with each it gets more time, since it may be slow and not hang.
        """
        kin = [pace for place, pace in self.paces.items() if _kind(place) == _kind(task.place)]
        if not kin:
            return NOTHING_KNOWN * TIMES ** (tries - 1)
        pace = self.paces.get(task.place, STRANGER * max(kin))
        made = task.limits.check_every * len(task.pictures)  # between two looks at the clock
        wanted = task.steps * len(task.pictures) * pace if task.seconds is None else task.seconds
        should = max(made * pace, wanted) + self.beside
        return (TIMES * should + SECONDS) * TIMES ** (tries - 1)


def _kind(place: str) -> str:
    """The folder of all fits of its kind: candidates of a search, or finalists, or networks of a restoration."""
    return place.partition("/")[0]
