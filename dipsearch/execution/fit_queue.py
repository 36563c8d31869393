"""A queue of fits of known networks, which share the time that there is: those of a restoration, or of finalists.

Each is advanced in slices until it has ended or has had its share; what one leaves of its share belongs to the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..fitting.all_data import all_data_share
from .keeping import Keeping
from .picture_fits import kept_steps
from .runner import Runner
from .task import STATE, Advanced, Limits, Result, Slice, Task

LEAST_SECONDS = 1.0
"""With less time than this left a fit is not begun."""


@dataclass
class _Under:
    """A fit under way."""

    wanted: Slice
    share: float
    spent: float = 0.0
    steps: int = 0
    busy: bool = False
    beyond: float | None = None  # seconds that it may go on with all data; none: it has not begun to
    all_data: bool = False  # it went on so, or tried
    keeping: Keeping = field(default_factory=Keeping)

    @property
    def going(self) -> bool:
        """Whether it goes on with all data, of which nothing has been kept yet."""
        return self.beyond is not None and not self.all_data


@dataclass
class FitQueue:
    """Has fits made.

    Args:
        runner: hands out the slices.
        wanted: the fits to one picture each, as if each were made in one slice; the most wanted first.
        until: seconds since the start when the last one has to end; infinite without a budget.
        most_seconds: of one fit; infinite: as long as it likes.
        slice_seconds: of one slice.

    Attributes:
        latest: how far each has come, by its place.
        failed: places of fits that came to nothing, and why.
        cut_off: places of fits that had neither ended nor had their share when somebody asked to finish.
    """

    runner: Runner
    wanted: Sequence[Slice]
    until: float = math.inf
    most_seconds: float = math.inf
    slice_seconds: float = 2.0
    latest: dict[str, Advanced] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    cut_off: frozenset[str] = frozenset()
    _todo: list[Slice] = field(default_factory=list)
    _under: dict[str, _Under] = field(default_factory=dict)

    def seconds(self, place: str) -> float:
        """What a fit has taken so far."""
        return self._under[place].spent if place in self._under else 0.0

    def work(self) -> None:
        """Make them, as far as there is time."""
        self._todo = list(self.wanted)
        self.runner.work(self._next, self._took)
        if self.runner.stopped:
            self.cut_off = frozenset(place for place, one in self._under.items() if not self._over(one))
        # Files that were not left with the last slice, since that takes long, are left now.
        unkept = [one for one in self._under.values() if not one.keeping.kept or one.going]

        def following() -> Slice | None:
            # Where nobody is free, all are gone, or hang, and with them what only they had.
            return self._last(unkept.pop()) if unkept and self.runner.executor.free() else None

        self.runner.work(following, self._took, always=True)

    def _next(self) -> Slice | None:
        left = self.until - self.runner.seconds
        for one in self._under.values():
            if one.busy or left <= 0:
                continue
            if not self._over(one):
                return self._slice(one, steps=one.wanted.steps)
            if one.wanted.may_go_on and not one.all_data and one.steps:
                if one.beyond is None:
                    one.beyond = max(one.share - one.spent, self._to_go_on(one))
                rest = max(0.0, min(left, one.beyond))
                seconds, last = min(self.slice_seconds, rest), rest <= self.slice_seconds
                return replace(self._slice(one, steps=0), all_data=True, seconds=seconds, keep=last)
        if not self._todo or left < LEAST_SECONDS:
            return None
        workers = max(1, len(self.runner.executor.workers))
        share = left / -(-len(self._todo) // workers)
        wanted = self._todo.pop(0)
        steps = kept_steps(self.runner.folder / wanted.place / STATE)  # of an earlier run, to be gone on with
        one = self._under[wanted.place] = _Under(wanted, min(share, self.most_seconds), steps=steps)
        return self._slice(one, steps=wanted.steps)

    def _slice(self, one: _Under, *, steps: int) -> Slice:
        one.busy = True
        left = min(one.share - one.spent, self.until - self.runner.seconds)
        seconds = max(0.0, min(self.slice_seconds, left - self._to_go_on(one)))
        keep = one.keeping.due(self.runner.seconds + seconds) or left <= self.slice_seconds or not steps
        return replace(one.wanted, at=one.steps, steps=steps, seconds=seconds, keep=keep)

    def _last(self, one: _Under) -> Slice:
        """Have the files of a fit left, with what came of going on where an end cut that short."""
        return replace(self._slice(one, steps=0), all_data=one.going, seconds=0.0, keep=True)

    def _took(self, task: Task, found: Result | Exception, worker: int) -> None:
        del worker
        assert isinstance(task, Slice)
        one = self._under[task.place]
        one.busy = False
        if not isinstance(found, Advanced):
            self.failed[task.place], one.all_data = str(found), task.all_data
            if not self.runner.stopped:
                self.runner.say(f"{task.label}: {found}")
            if not task.all_data:
                self._under.pop(task.place)
            return
        if one.steps == 0:
            one.wanted = replace(one.wanted, limits=_as_lean(one.wanted.limits, found))
        one.spent += found.seconds + found.beside
        one.steps = found.steps
        if task.all_data and not found.kept:
            assert one.beyond is not None
            one.beyond -= found.seconds + found.beside
        elif task.all_data:
            one.all_data = True
            one.keeping.kept = True  # with what came of it; the files without it must not take their place
        else:
            one.keeping.took(found, at=self.runner.seconds)
        self.latest[task.place] = found

    def _over(self, one: _Under) -> bool:
        latest = self.latest.get(one.wanted.place)
        ended = latest is not None and latest.pictures[0].ended is not None
        return ended or one.spent + self._to_go_on(one) >= one.share

    def _to_go_on(self, one: _Under) -> float:
        """Seconds of its share in which a fit goes on with all data."""
        return one.spent * all_data_share(one.steps) if one.wanted.may_go_on and one.steps else 0.0


def _as_lean(limits: Limits, found: Advanced) -> Limits:
    """Where the first slice had to get by with less memory, the next ones begin so."""
    return replace(limits, compute=replace(limits.compute, lean=limits.compute.lean or found.lean))
