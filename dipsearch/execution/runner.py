"""The runner: has tasks done by an executor, for a search or for a restoration, and hears what came of them.

Both have a folder with the measured pictures, workers and a clock. A task whose worker died is given to another one.
When somebody asks to finish, no task is handed out any more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from ..early_signals import say_heard
from ..errors import DipsearchError, InputError, first_line
from .busy import Span
from .executor import GIVEN_UP, Executor, Interrupted, WorkerDied
from .hanging import Usual
from .task import Advanced, Patches, Restored, Result, Slice, Task

TICK = 0.5
"""Seconds between two looks at the clock, where nothing comes of a task before and no time is over. Each look takes
about 2 ms of a processor that has done something else since the last one."""

CHECKPOINT_SECONDS = 10.0
"""Between two times at which what workers elsewhere were asked to keep is brought here."""

CHECKPOINT_SHARE, LONGEST_CHECKPOINT = 0.02, 30.0
"""What that may take: a share of the time that is left, one second at the least, and so many seconds at the most."""

LATE_SECONDS, LATE_SHARE, LEAST_LATE = 20.0, 0.03, 2.0
"""How long a slice may last beyond the end, or the wish for it: its worker has been stopped, or its disk hangs. At the
most; as a share of a budget, which is kept to 10 %; and at the least."""

ALONE_SECONDS = 1800.0
"""How long workers that are all gone, or that all hang, are waited for without a budget, which says it otherwise: a
batch system needs minutes for another one. Who has asked to finish waits no longer than for a slice that is late."""

TRIES = 3
"""How often a task is handed out whose worker died."""

LONGEST_LOOK = 5.0
"""Seconds between two looks at those at work that count at the most: this process may have been stopped with them."""

Took = Callable[[Task, Result | Exception, int], None]
"""Hears what came of a task, a result or why there is none, and the number of the worker. The reason is ``Interrupted``
where the task may be done later."""


@dataclass
class Asked:
    """Whether somebody wants it to finish early, and by what sign: "Ctrl-C", "SIGTERM", …

    Attributes:
        answer: says that it was heard, and how long what is still done will take.
        answered: whether that was said: once is enough.
        attended: somebody looks here about twice a second and says it; otherwise whoever is told has to.
    """

    by: str = ""
    answer: Callable[[str], None] = field(default=say_heard)
    answered: bool = False
    attended: bool = False

    @property
    def once(self) -> bool:
        """Whether anybody does."""
        return bool(self.by)

    def hear(self, by: str) -> None:
        """Somebody wants it."""
        self.by = by
        try:
            if not self.attended:
                self.speak()
        except RuntimeError:  # this thread was just writing there when the signal came
            say_heard(by)

    def speak(self) -> None:
        """Say that it was heard, unless nobody asked or it was said."""
        if self.by and not self.answered:
            self.answered = True
            self.answer(self.by)


@dataclass
class _Pending:
    task: Task
    future: Future[Result]
    worker: int
    tries: int
    since: float
    seen: float = 0.0  # seconds for which it was looked at
    given_up: bool = False
    hangs: str = ""  # why it was given up before the end


@dataclass
class Runner:
    """Has tasks done.

    Args:
        folder: with the problems of the pictures, in the form of a study's folder.
        names: the pictures'.
        seed: of the splits and the fits.
        executor: does them.
        started: the moment from which seconds are counted, of ``time.monotonic()``.
        say: tells whoever listens a sentence.
        asked: whether somebody wants it to finish early.
        until: seconds since the start when everything has to be done; infinite without a budget.

    Attributes:
        done: what similar patches have restored, by the file that it left.
        arrived: when each was heard of, in seconds since the start.
        heard: called about twice a second, and whenever something came of a task.
        delivering: what is still done is the delivery, also where somebody asked to finish.
        spans: when tasks were done.
        needed: whether there is nothing to deliver without what is at work, so that it is waited for a little longer.
    """

    folder: Path
    names: tuple[str, ...]
    seed: int
    executor: Executor
    started: float
    say: Callable[[str], None]
    asked: Asked = field(default_factory=Asked)
    until: float = float("inf")
    done: dict[str, tuple[Patches, Restored]] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)
    heard: Callable[[], None] = field(default=lambda: None)
    delivering: bool = False
    spans: list[Span] = field(default_factory=list)
    needed: Callable[[], bool] = field(default=lambda: False)
    _usual: Usual = field(default_factory=Usual)
    _looked: float = 0.0
    _checked: float = 0.0
    _over_since: float | None = None
    _alone_since: float | None = None
    _pending: list[_Pending] = field(default_factory=list)
    _again: list[tuple[Task, int]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds until everything has to be done; infinite without a budget."""
        return self.until - self.seconds

    @property
    def at_work(self) -> list[tuple[int, Task, float]]:
        """The tasks that are worked on: the worker's number, the task, and when it was handed out."""
        return [(one.worker, one.task, one.since) for one in self._pending]

    @property
    def stopped(self) -> bool:
        """Whether nothing new is begun, since somebody asked to finish."""
        return self.asked.once and not self.delivering

    def adopt(self, task: Task, worker: int, future: Future[Result]) -> None:
        """Hear also of a task that was handed out before."""
        self._pending.append(_Pending(task, future, worker, 1, self.seconds))

    def deliver(self, *, within: float) -> None:
        """From now on only the delivery is worked on.

        Args:
            within: seconds that it may take where somebody asked to finish.
        """
        self.delivering = True
        if self.asked.once:
            self.until = min(self.until, self.seconds + within)

    def work(
        self,
        next_task: Callable[[], Task | None],
        took: Took | None = None,
        *,
        patient: bool = False,
        always: bool = False,
    ) -> None:
        """Hand out tasks until there is none and nobody works any more.

        Args:
            next_task: the next one, or ``None`` when there is none for now; asked again after every piece of news.
            took: hears what came of each.
            patient: wait for similar patches that are at work however long it takes.
            always: also where somebody asked to finish.
        """
        delivering, self.delivering = self.delivering, self.delivering or always
        self.asked.attended = True
        try:
            self._work(next_task, took, patient=patient)
        finally:
            self.delivering, self.asked.attended = delivering, False
            self.asked.speak()  # of what came since the last look

    def _work(self, next_task: Callable[[], Task | None], took: Took | None, *, patient: bool) -> None:
        self._over_since, self._looked = None, self.seconds
        while True:
            while self.executor.free() > 0 and (given := self._next(next_task)):
                self._submit(*given)
            if not self._pending and not self._again and self.executor.free() == 0:
                # All workers are gone for the moment: whether anybody waits for them is up to the next task.
                self._again += [given] if (given := self._next(next_task)) else []
            if self.executor.lost and not self.asked.once:
                self.asked.by = "the cluster is gone"
            deserted = self._deserted()
            if deserted and not self.asked.once:
                self.asked.by = f"no worker has come for {ALONE_SECONDS / 60:.0f} min"
            over = self.executor.lost or self.stopped or deserted or self.left() <= 0
            if not self._pending and (not self._again or over):
                self._again.clear()
                self.heard()
                return
            self.heard()  # now that everybody has something to do
            left = self.left()
            self.executor.wait(min(TICK, left) if left > 0 else TICK)
            self._give_up_late(patient=patient)
            self._give_up_hanging()
            self._collect(took)
            if self.seconds - self._checked >= CHECKPOINT_SECONDS:
                self.checkpoint()

    def _deserted(self) -> bool:
        """Whether all workers have been gone for too long, or hang; that it is so is said once."""
        there = bool(self.executor.workers)
        if there and (self._pending or not self._again or self.executor.free() > 0):
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = self.seconds
            if not self.asked.once:
                what = "no worker answers" if there else "there is no worker"
                self.say(f"{what} any more; one is waited for, and Ctrl-C delivers what there is")
        if self._alone_since is None:
            return False
        alone = self.seconds - self._alone_since
        return alone > LATE_SECONDS if self.asked.once else math.isinf(self.until) and alone > ALONE_SECONDS

    def checkpoint(self) -> None:
        """Bring what workers elsewhere were asked to keep into the folder."""
        within = min(LONGEST_CHECKPOINT, max(1.0, CHECKPOINT_SHARE * self.left()))
        self.executor.checkpoint(within=within)
        self._checked = self.seconds

    def restore(self, tasks: list[Patches], *, patient: bool = True, always: bool = False) -> None:
        """Have similar patches restore some problems; see ``work``.

        Args:
            patient: whatever the time, since there has to be something to deliver.
            always: also where somebody asked to finish.
        """
        self.work(lambda: tasks.pop(0) if tasks else None, patient=patient, always=always)

    def _next(self, next_task: Callable[[], Task | None]) -> tuple[Task, int] | None:
        if self.stopped:
            return None
        if self._again:
            return self._again.pop(0)
        task = next_task()
        return None if task is None else (task, 1)

    def abandon(self) -> None:
        """Nobody waits any more for what is worked on."""
        for one in self._pending:
            if not one.future.done():
                self.executor.give_up(one.future)
        self._pending.clear()
        self._again.clear()

    def _submit(self, task: Task, tries: int) -> None:
        try:
            worker, future = self.executor.submit(task)
        except DipsearchError:
            raise
        except Exception as error:
            if type(self.executor).__module__.startswith("dipsearch."):
                raise
            raise InputError(  # it is not our code
                f"submit of the executor failed: {type(error).__name__}: {first_line(error)}",
                "it takes a task, and returns a worker's number and what will come of it",
                "correct it, or leave executor out",
            ) from error
        self._pending.append(_Pending(task, future, worker, tries, self.seconds))

    def _give_up_late(self, *, patient: bool) -> None:
        """Similar patches may take long, and nobody waits for them after the end; a slice is over soon, or never."""
        if not (self.stopped or self.left() <= 0):
            return
        self._over_since = self.seconds if self._over_since is None else self._over_since
        since = self.seconds - self._over_since
        for one in self._pending:
            late = since > self._late(one.task) if isinstance(one.task, Slice) else not patient
            if not one.future.done() and late:
                one.given_up = True
                self.executor.give_up(one.future)

    def _late(self, task: Slice) -> float:
        """Seconds that a slice may last beyond the end."""
        only_files = not task.steps and not task.all_data  # of which there is no other copy
        if only_files or self.needed():
            return LATE_SECONDS
        return min(LATE_SECONDS, max(LEAST_LATE, LATE_SHARE * self.until))

    def _give_up_hanging(self) -> None:
        """Give up slices that last far longer than they should; another worker goes on with them."""
        now = self.seconds
        since, self._looked = min(now - self._looked, LONGEST_LOOK), now
        for one in self._pending:
            one.seen += since
            if not isinstance(one.task, Slice) or one.given_up or one.future.done():
                continue
            if one.seen > self._usual.longest(one.task, tries=one.tries):
                one.given_up, one.hangs = True, f"it has not answered for {one.seen:.0f} s and is given up"
                self.executor.give_up(one.future)

    def _collect(self, took: Took | None) -> None:
        over = [one for one in self._pending if one.given_up or one.future.done()]
        self._pending = [one for one in self._pending if one not in over]
        for one in over:
            found = one.future.exception() or one.future.result() if not one.given_up else _no_answer(one)
            if isinstance(found, WorkerDied):
                if (why := self._not_again(one, found)) is None:
                    self._again.append((one.task, one.tries + 1))
                    continue
                found = Interrupted(why)
            if isinstance(found, BaseException) and not isinstance(found, Exception):
                raise found
            if not isinstance(found, Exception):
                self._note_span(one, found)
                self._usual.took(one.task, found)
            self._hear(one, found, took)

    def _not_again(self, one: _Pending, found: WorkerDied) -> str | None:
        """Why the task of a worker that died is not given to another one, which is said; ``None``: it is."""
        if self.stopped or self.left() <= 0:
            return str(found)
        again = one.tries < TRIES
        who = "another one" if self.executor.free() > 0 else "the next one"
        more = f"; {who} goes on with it" if again else ""
        self.say(f"worker {one.worker}: {found} ({one.task.label}){more}")
        return None if again else f"its worker died {TRIES} times"

    def _note_span(self, one: _Pending, found: Result) -> None:
        """Note when a task was done: its worker may have begun later than it was asked to."""
        spec = next((spec for spec in self.executor.workers if spec.index == one.worker), None)
        if spec is not None:
            took = found.seconds + found.beside if isinstance(found, Advanced) else found.seconds
            end = self.seconds
            self.spans.append(Span(f"{spec.host} {spec.device}".strip(), max(one.since, end - took), end))

    def _hear(self, one: _Pending, found: Result | Exception, took: Took | None) -> None:
        if isinstance(found, Restored) and isinstance(one.task, Patches):
            self.done[one.task.out] = one.task, found
            self.arrived[one.task.out] = self.seconds
        elif isinstance(found, Exception) and isinstance(one.task, Patches) and not self.stopped:
            self.say(f"{one.task.label}: {found}")
        if took is not None:
            took(one.task, found, one.worker)


def _no_answer(one: _Pending) -> Exception:
    """Why nothing came of a task that was given up."""
    return WorkerDied(one.hangs) if one.hangs else Interrupted(GIVEN_UP)
