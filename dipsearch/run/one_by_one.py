"""One by one: the pictures of a command are read, restored, written and forgotten in turn, whatever comes of one.

As many at a time as keep all workers busy. Each turn has its share of the time that is left, by the size of its
pictures. One that cannot be restored costs the others nothing, and who asks to finish keeps what is written.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .. import __version__
from ..calling import option
from ..delivery.answers import UNCHANGED
from ..errors import InputError, StudyError, out_of_memory
from ..execution.runner import Asked
from ..fitting import Ended, give_back_memory
from ..own_files import finished
from ..problem import TaskOptions, left_out
from .gathered import of_each
from .outcome import Callback
from .restorable import LookedOver, Opened, Restorable, State, in_brief
from .signals import interruptible


@dataclass(frozen=True)
class Turn:
    """The time that some pictures have.

    Args:
        started: the moment from which it counts, of ``time.monotonic()``.
        seconds: from then on; ``None`` without a budget.
        rest: likewise, for these and all that come after them.
        several: whether there are other pictures than these.
        before: seconds that went by before the first picture was read, by which a worker can be expected to begin.
    """

    started: float
    seconds: float | None
    rest: float | None
    several: bool = False
    before: float = 0.0


Made = tuple[list[Tensor], list[dict[str, Any]]]
"""Of a picture or of each plane of a stack: what was restored, and what is said of it."""

Work = Callable[[Sequence[Opened], Turn], list[Made | None]]
"""Of each what was made of it; ``None``: somebody asked to finish before there was anything worth writing."""


@dataclass(frozen=True)
class Restorations:
    """What came of the pictures of a command.

    Args:
        rows: of each that was restored, and of each plane of a stack.
        refused: those that could not be, by their files or names, and why.
        kept: how many had their results already.
        left: how many were not begun.
        ended_by: who asked to finish early: "Ctrl-C", "SIGTERM", …; empty: nobody.
    """

    rows: list[dict[str, Any]]
    refused: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    left: int = 0
    ended_by: str = ""


@dataclass
class OneByOne:
    """Has the pictures of a command restored.

    Args:
        given: the pictures.
        options: the task and what is known of the damage.
        seed: of the splits.
        callback: hears what happens.
        started: the moment from which the budget counts.
        budget_seconds: wall time for all of them; ``None``: as long as they take.
        request: that all results of the same request have in common, besides the options and the seed.
        resume: leave out pictures that have their results already.
        at_once: how many planes are worked on together at the least.
        asked: whether somebody wants it to finish early.
    """

    given: LookedOver
    options: TaskOptions
    seed: int
    callback: Callback
    started: float
    budget_seconds: float | None
    request: str
    resume: bool = False
    at_once: int = 1
    asked: Asked = field(default_factory=Asked)
    _rows: list[dict[str, Any]] = field(default_factory=list, init=False)
    _refused: dict[str, str] = field(default_factory=dict, init=False)
    _written: int = field(default=0, init=False)
    _before: float = field(default=0.0, init=False)

    def run(self, work: Work) -> Restorations:
        """Have them restored.

        Args:
            work: restores some pictures that were read.

        Raises:
            DipsearchError: none of them could be restored, or something that is no picture's fault. What was written
                stays.
        """
        given = self.given
        self._refused = {source: str(error) for source, error in given.refused.items()}
        if given.refused:
            self.callback.warn(
                f"{len(given.refused)} of {given.count} cannot be read: {in_brief(given.refused)}"
            )
        todo = self._unfinished() if self.resume else [*given.restorables]
        kept = len(given.restorables) - len(todo)
        several, after = given.count > 1, [*todo]
        try:
            with interruptible(asked=self.asked):
                for some in self._turns(todo):
                    if several and self.asked.once:
                        break
                    first, after = len(after) == len(todo), after[len(some) :]
                    turn = self._turn(some, after, first=first)
                    self._say_who(some, given.count - len(after) - len(some))
                    self._take(some, after, turn, work)
        finally:
            if several or kept or (self.asked.once and not self._written):
                self._sum_up(kept)
            elif self.asked.once:
                self.callback.note(f"{self.asked.by}: finished early, with what there was by then")
        if not self._rows and not kept and not self.asked.once:
            raise InputError("none of the pictures could be restored", next(iter(self._refused.values())))
        return Restorations(self._rows, self._refused, kept, self._left(kept), self.asked.by)

    def _left(self, kept: int) -> int:
        return self.given.count - kept - self._written - len(self._refused)

    def _take(self, some: Sequence[Restorable], after: Sequence[Restorable], turn: Turn, work: Work) -> None:
        """Read, restore and write some, unless somebody asks to finish while they are read."""
        opened = [one for each in some if (one := self._opened(each)) is not None]
        if turn.several and self.asked.once:
            return
        self._say_of(opened)
        for one, made in self._made(opened, after, turn, work):
            if made is not None:
                self._write(one, made)

    def _turns(self, todo: Sequence[Restorable]) -> list[list[Restorable]]:
        turns: list[list[Restorable]] = []
        planes = self.at_once
        for one in todo:
            if planes >= self.at_once:
                turns.append([])
                planes = 0
            turns[-1].append(one)
            planes += len(one.sources)
        return turns

    def _turn(self, some: Sequence[Restorable], after: Sequence[Restorable], *, first: bool) -> Turn:
        """Their share of the time. In the first one workers begin, which takes about as long as all before it."""
        now, several = time.monotonic(), self.given.count > 1
        started = self.started if first else now
        self._before = now - started if first else self._before
        if self.budget_seconds is None:
            return Turn(started, None, None, several, self._before)
        rest = self.started + self.budget_seconds - started
        gone = min(2 * (now - started), max(0.0, rest))
        share = sum(one.pixels for one in some) / sum(one.pixels for one in [*some, *after])
        return Turn(started, gone + (rest - gone) * share, rest, several, self._before)

    def _say_who(self, some: Sequence[Restorable], before: int) -> None:
        if self.given.count > 1:
            numbers = f"{before + 1}" if len(some) == 1 else f"{before + 1} to {before + len(some)}"
            self.callback.note(f"{numbers} of {self.given.count}: {', '.join(one.name for one in some)}")

    def _say_of(self, opened: Sequence[Opened]) -> None:
        cases = [case for one in opened for case in one.cases]
        names = [name for one in opened for name in one.restorable.names]
        alone = len(names) == 1 and self.given.count == 1
        for note in of_each(names, cases, [case.notes for case in cases], alone=alone):
            self.callback.note(note)
        for note in dict.fromkeys(left_out(one.file, case) for one in opened for case in one.cases):
            if note:
                self.callback.note(note)
        for sentence in of_each(names, cases, [case.details for case in cases], alone=alone):
            self.callback.detail(sentence)

    def _opened(self, one: Restorable) -> Opened | None:
        try:
            return one.read(self.options, seed=self.seed)
        except (InputError, RuntimeError, MemoryError) as error:
            why = self._why(error)
        self._refuse(one, why)
        return None

    def _made(
        self, opened: Sequence[Opened], after: Sequence[Restorable], turn: Turn, work: Work
    ) -> Iterator[tuple[Opened, Made | None]]:
        """What was made of each; where some together fail, of each alone, in its share of the time that is left."""
        made, why = list[Made | None](), ""
        try:
            made = work(opened, turn) if opened else []
        except (InputError, RuntimeError, MemoryError) as error:
            why = self._why(error)
        if not why:
            yield from zip(opened, made, strict=True)
        elif len(opened) == 1:
            self._refuse(opened[0].restorable, why)
        else:
            give_back_memory("cpu")
            for number, one in enumerate(opened):
                if self.asked.once:
                    break
                others = [*(other.restorable for other in opened[number + 1 :]), *after]
                share = self._turn([one.restorable], others, first=False)
                yield from self._made([one], others, share, work)

    def _write(self, one: Opened, made: Made) -> None:
        images, rows = made
        whole = all(_finished(row) for row in rows)
        why = ""
        try:
            one.write(images, request=self._digest(one.state) if whole else None)
        except (InputError, RuntimeError, MemoryError) as error:
            why = self._why(error)
        if why:
            self._refuse(one.restorable, why)
            return
        self._rows += rows
        self._written += 1

    def _why(self, error: Exception) -> str:
        """Why a picture is not restored; raises the error where it is the only one, or not to blame.

        Words, since the error has frames that hold pictures, also when it is over.
        """
        if self.given.count == 1 or not _of_one_picture(error):
            raise error
        return (
            str(error) if isinstance(error, InputError | StudyError) else "there is not enough memory for it"
        )

    def _refuse(self, one: Restorable, why: str) -> None:
        """Go on without a picture."""
        self._refused[one.name] = why
        self.callback.warn(f"{one.name} is not restored: {why}")

    def _sum_up(self, kept: int) -> None:
        left, by = self._left(kept), f"{self.asked.by}: " if self.asked.once else ""
        words = [f"{self._written} of {self.given.count} restored"]
        words += [f"{kept} restored before"] if kept else []
        words += [f"{len(self._refused)} not to be restored"] if self._refused else []
        words += [f"{left} left, with which {option('resume')} goes on"] if left else []
        tell = self.callback.warn if by or left or self._refused else self.callback.note
        tell(by + ", ".join(words))

    def _unfinished(self) -> list[Restorable]:
        given = self.given.restorables
        wanted = [(one.origin, self._digest(one.state(self.options))) for one in given]
        there = finished({file: it for one, it in zip(given, wanted, strict=True) for file in one.files})
        return [one for one in given if there.isdisjoint(one.files)]

    def _digest(self, state: State) -> str:
        words = repr((__version__, self.request, self.options, self.seed, state))
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def _finished(row: Mapping[str, Any]) -> bool:
    """Whether more time would not make it better: no one asked to finish, and networks had theirs."""
    networks = row["members"] > 0 or row["delivered"] == UNCHANGED
    return networks and not row["interrupted"] and row.get("ended") != Ended.TIME.value


def _of_one_picture(error: BaseException) -> bool:
    """Whether others may be restored all the same."""
    return isinstance(error, InputError | StudyError) or out_of_memory(error)
