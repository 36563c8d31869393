"""Searching: slices of fits are handed out to free workers until the time, the number or the patience of the user ends.

Who is advanced next, or whether a new candidate is begun, is the policy's to say; Optuna proposes the new ones, and the
books remember them all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median

from ..delivery.delivering import MOST_MEMBERS
from ..errors import StorageLost
from ..execution.executor import Interrupted
from ..execution.runner import Runner
from ..execution.task import Advanced, Result, Slice, Task
from ..planning.plan import least_steps
from ..planning.policy import ExpectedGain, InTurn, Move, Policy, Situation, WholeFits
from ..planning.racing import LEAST_PICTURES, verdict
from ..trials.trial import Trial, ranked
from .books import TIME_OVER, Books, OwnPartFailed
from .candidate import Candidate
from .run import Run
from .search_slices import next_slice
from .search_time import SearchTime
from .slice_log import SliceRow, append_slice

MOST_FAILURES = 12
"""After this many failures in a row the search gives up: something is wrong with the machine, or with the space."""

MOST_DEATHS = 12
"""After this many candidates in a row that no worker came back with, and no slice in between, it gives up, too."""

MOST_FRUITLESS = 50
"""After this many proposals in a row that are not to be fitted no more are asked for: the space has no others."""

TOO_SHORT, NOT_BEGUN = (
    "the search was over before its first look",
    "the search was over before its first slice",
)
"""Why a candidate rests, or is given up, that does not count."""

AHEAD = 2
"""Candidates per worker that may be under way before the first of them is known, where no clock decides."""


def policy_of(run: Run) -> Policy:
    """What decides about slices: for Optuna's own samplers and pruners, who learn from whole fits only, whole fits."""
    if run.plan.search_until is None:
        return InTurn()
    whole = run.own.sampler is not None or run.own.pruner is not None or run.own.propose is not None
    return WholeFits() if whole else ExpectedGain()


@dataclass
class Search:
    """The search for candidates.

    Args:
        run: the search.
        runner: hands out the slices.
        books: ask and tell Optuna.
        policy: decides.
        evaluated: told of every candidate that ended.
        broken: told what the user's sampler or pruner raised; the search is over then.

    Attributes:
        candidates: that are or were under way, by number.
        stopped: whether a callback or the sampler wants no more of them.
        failures: of candidates, in a row.
        deaths: candidates that no worker came back with, in a row.
        fruitless: proposals that are not to be fitted, in a row: repeats, too dear ones, those their function pruned.
        clock: how long it may go on.
    """

    run: Run
    runner: Runner
    books: Books
    policy: Policy
    evaluated: Callable[[Trial], None] = field(default=lambda trial: None)
    broken: Callable[[BaseException], None] = field(default=lambda error: None)
    candidates: dict[int, Candidate] = field(default_factory=dict)
    stopped: bool = False
    failures: int = 0
    deaths: int = 0
    fruitless: int = 0
    _lost: bool = False
    _since: dict[int, tuple[float, int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = SearchTime(self.run, self.runner)

    def work(self) -> None:
        """Hand out slices until there is nothing more to do; then tell how everybody ended."""
        self.runner.needed = lambda: not self._has_any
        self._go_on()
        self._take_up()
        self.runner.work(self._next, self._took)
        self._leave_files()
        for candidate in self.candidates.values():
            candidate.busy = False  # also of who was to be handed out again when it was over
        self.runner.checkpoint()
        with self._keeping_books():
            self._mark_alone()
            self._leave_unseen()
            if not self.runner.asked.once:
                self._tell_all()
            elif not self.clock.decides:
                for candidate in self._left():
                    if candidate.pictures:
                        self.books.note(candidate)

    @property
    def _rests(self) -> bool:
        """Whether those that were not advanced to their end rest, so that a resumed search can go on with them.

        Optuna's own samplers, pruners and callbacks know only of trials that have ended.
        """
        return isinstance(self.policy, ExpectedGain) and not self.run.callbacks

    def _go_on(self) -> None:
        """Go on with those that an earlier run has begun; of those whose time was over with the best, by a clock."""
        with self._keeping_books():
            for candidate in self.books.under_way(best=MOST_MEMBERS if self.clock.decides else 0):
                if why := self.books.refusal(candidate.network):
                    self.runner.say(f"candidate {candidate.number} is not gone on with: {why}")
                    continue
                candidate.races = self._can_race
                self.candidates[candidate.number] = candidate
        if self.candidates:
            self.runner.say(f"{len(self.candidates)} candidates that were under way are gone on with")

    def _take_up(self) -> None:
        """Hear how those stand that an earlier run has begun, so that they are compared with the others."""
        todo = [c for c in self.candidates.values() if c.made]
        move = Move(None, 0, "taken up again")

        def following() -> Slice | None:
            if not todo or (self.clock.left(()) <= 0 and ranked(self.run.trials())):
                return None
            return replace(self._hand_out(todo.pop(0), move, 0.0), keep=False)

        self.runner.work(following, self._took)

    # -- what is next --------------------------------------------------------------------------------------------

    def _next(self) -> Slice | None:
        if self.run.stopped and not self.stopped:
            self.stopped = True
            self.runner.say(
                "the sampler has no more to try, which ended the search"
                if self.books.exhausted
                else "a callback ended the search"
            )
        if self.stopped or self._hopeless:
            return None
        while not self._hopeless and not self.stopped:
            left = self.clock.left(self.candidates.values())
            if left <= 0 and self._enough:
                return None
            move = self.policy.decide(self._situation(left))
            if move is None:
                return None
            if move.number is not None:
                return self._hand_out(self.candidates[move.number], move, left)
            if (candidate := self._new()) is not None:
                return self._hand_out(candidate, move, left)
        return None

    @property
    def _hopeless(self) -> bool:
        return self.failures >= MOST_FAILURES or self.deaths >= MOST_DEATHS

    @property
    def _enough(self) -> bool:
        """Whether nothing new is begun after the time: there is a network, or a first answer that one without a pilot,
        which comes too late for more than a glimpse of the picture, would not better."""
        first = not self.run.settings.has_pilot and self.run.has_firsts
        return bool(self.candidates or ranked(self.run.trials())) or first

    @property
    def _has_any(self) -> bool:
        """Whether there is something to deliver."""
        heard = any(c.pictures for c in self.candidates.values())
        return heard or self.run.has_firsts or bool(ranked(self.run.trials()))

    def _situation(self, left: float) -> Situation:
        workers = max(1, len(self.runner.executor.workers))
        measured = [c.seconds_per_step for c in self.candidates.values() if c.seconds_per_step > 0]
        plan, settings = self.run.plan, self.run.settings
        each = median(measured) if measured else plan.seconds_per_step
        typical = plan.queue[0][1] if plan.queue else None
        look = least_steps(typical) if typical is not None else settings.usual_steps
        return Situation(
            contestants=[
                replace(
                    c.contestant(seconds_per_step=each),
                    busy=c.busy or bool(c.rests) or self._out_of_reach(c),
                )
                for c in self.candidates.values()
                if c.pictures or not (c.told or c.rests)
            ],
            left=left,
            workers=workers,
            fresh_seconds_per_step=each,
            fresh_look=min(look, plan.max_steps),
            can_begin=self._may_begin(workers),
        )

    def _out_of_reach(self, candidate: Candidate) -> bool:
        """Whether only a worker has its newest state that is busy with another one."""
        at_work = {worker for worker, _, _ in self.runner.at_work}
        return not candidate.keeping.kept and candidate.worker in at_work

    def _may_begin(self, workers: int) -> bool:
        plan = self.run.plan
        if self.fruitless >= MOST_FRUITLESS or (plan.trials is not None and self._fitted() >= plan.trials):
            return False
        if plan.search_until is None:
            return sum(not c.told and not c.rests for c in self.candidates.values()) < AHEAD * workers
        return True

    def _fitted(self) -> int:
        """Candidates that were begun, without those that were not to be fitted at all."""
        begun = [trial for trial in self.run.trials() if trial.state != "waiting"]
        return sum(trial.state != "pruned" or bool(trial.steps) for trial in begun)

    def _new(self) -> Candidate | None:
        with self._keeping_books():
            if isinstance(self.policy, WholeFits):
                self._tell_all()  # Optuna's own learn from finished candidates only
            asked = self.books.ask()
            if asked.candidate is not None:
                self.fruitless = 0
                asked.candidate.races = self._can_race and self._best_looks() is not None
                self.candidates[asked.number] = asked.candidate
                return asked.candidate
            trial = self.books.trial(asked.number)
            if trial.state == "failed":
                self._count_failure(True)
            else:
                self._count_fruitless(trial.reason)
            self._over(asked.number)
        return None

    def _hand_out(self, candidate: Candidate, move: Move, left: float) -> Slice:
        candidate.busy = True
        self._since[candidate.number] = time.time(), candidate.steps, move.why
        return next_slice(self.run, candidate, move, now=self.runner.seconds, left=left)

    def why(self, number: int) -> str:
        """Why a candidate was advanced last, in the policy's words."""
        return self._since[number][2] if number in self._since else ""

    # -- what came of it -----------------------------------------------------------------------------------------

    def _took(self, task: Task, found: Result | Exception, worker: int) -> None:
        assert isinstance(task, Slice)
        candidate = next(c for c in self.candidates.values() if c.place == task.place)
        candidate.busy, candidate.worker = False, worker
        if candidate.told:
            return  # only its files were left
        if not isinstance(found, Advanced):
            if self.runner.asked.once or candidate.rests:
                return  # its worker was ended, and it can be gone on with
            with self._keeping_books():
                if isinstance(found, Interrupted):
                    self.runner.say(f"{task.label}: {found}; it rests, and --resume goes on with it")
                    self._rest(candidate, str(found))
                    if self.runner.left() > 0:  # else the end has cut it off
                        self._count_death()
                    return
                rested = self.books.trial(candidate.number).counts
                if candidate.usable or rested:  # what it had reached is there, and counts
                    self.runner.say(f"{task.label}: {found}; it counts with what it had reached")
                    if candidate.usable:
                        self._told(candidate)
                    else:
                        self.books.settle(candidate)
                        self._over(candidate.number)
                    return
                self._count_failure(True)
                self.books.fail(candidate, str(found))
                self._over(candidate.number)
            return
        candidate.advanced(found)
        if found.made:
            self.deaths = 0
        candidate.keeping.took(found, at=self.runner.seconds)
        here = [spec for spec in self.runner.executor.workers if spec.index == worker and not spec.host]
        if found.made:  # others wait for what is no processor, or for that of another machine
            self.clock.heard(found.slowness if here and here[0].device == "cpu" else None)
        self._log(candidate, worker)
        with self._keeping_books():
            if candidate.rests:  # only its files were left
                self.books.note(candidate, reason=candidate.rests)
                return
            self.books.note(candidate, counts=self.clock.decides)
            if self.books.prunes(candidate):
                self._told(candidate, pruned=f"the pruner gave it up at iteration {candidate.steps}")
            elif lost := self._lost_race(candidate):
                self._told(candidate, pruned=lost)
            elif candidate.ended:
                self._tell_ended()

    @property
    def _can_race(self) -> bool:
        """Whether there are enough pictures, and our own score of each. Without a clock, who is first is chance."""
        enough = len(self.run.settings.names) >= LEAST_PICTURES
        return enough and isinstance(self.policy, ExpectedGain) and self.run.own.metric is None

    def _best_looks(self) -> Mapping[int, float] | None:
        """What the best candidate showed at its first look at every picture; ``None``: none had one."""
        known = [c for c in self.candidates.values() if c.usable and len(c.looks) == len(c.pictures)]
        return max(known, key=lambda c: c.value).looks if known else None

    def _lost_race(self, candidate: Candidate) -> str | None:
        """Why a candidate is not tried on the other pictures; ``None``: it goes on."""
        if not candidate.races or candidate.usable:
            return None
        best = self._best_looks()
        return None if best is None else verdict(candidate.looks, best)

    def _log(self, candidate: Candidate, worker: int) -> None:
        began, before, why = self._since[candidate.number]
        estimate = candidate.estimated_psnr if abs(candidate.estimated_psnr) < math.inf else None
        append_slice(
            self.run.folder,
            SliceRow(
                candidate.number,
                worker,
                round(began, 3),
                round(max(began, time.time()), 3),  # the clock of the wall may be put back
                before,
                candidate.steps,
                estimate,
                why,
            ),
        )

    def _tell_ended(self) -> None:
        """Tell of those that have ended; where no clock decides, in the order of their numbers."""
        for candidate in sorted(self.candidates.values(), key=lambda c: c.number):
            if candidate.told or candidate.rests:
                continue
            if candidate.ended:
                self._told(candidate)
            elif not self.clock.decides:
                return

    def _tell_all(self) -> None:
        """Tell how those stand that were not advanced to their end: they count with what they have reached."""
        for candidate in self._left():
            # Too short to be compared with the others is no failure.
            if candidate.usable and math.isfinite(candidate.value) and self._rests:
                self.books.note(candidate, reason=TIME_OVER)
                self._over(candidate.number)
            elif candidate.pictures:
                self._told(candidate, pruned="" if candidate.usable else TOO_SHORT)
            elif candidate.made == 0:
                self.books.leave_out(candidate, NOT_BEGUN)

    def _left(self) -> list[Candidate]:
        """Those that were begun and of which nothing was told yet."""
        return [c for c in self.candidates.values() if not (c.told or c.rests or c.busy)]

    def _leave_unseen(self) -> None:
        """Leave those for a resumed search to go on with that the end has cut off before their first look: nobody
        would ever propose them again."""
        for candidate in self._left():
            if candidate.pictures and not candidate.usable and candidate.ended is None:
                self._rest(candidate, TOO_SHORT)
            elif not candidate.pictures and not candidate.made:
                self._rest(candidate, NOT_BEGUN)

    def _rest(self, candidate: Candidate, why: str) -> None:
        self.books.rest(candidate, why)
        self._over(candidate.number)

    def _mark_alone(self) -> None:
        """Where nobody had a first look, who came furthest counts: a short budget gets a rough picture."""
        there = [c for c in self.candidates.values() if c.pictures and not c.told]
        if there and not any(c.usable for c in there) and not ranked(self.run.trials()):
            first = max(there, key=lambda c: (c.steps, c.value))
            first.alone = True
            self.books.note(first, reason=first.rests)

    def _told(self, candidate: Candidate, *, pruned: str = "") -> None:
        try:
            self.books.tell(candidate, pruned=pruned)
        except OwnPartFailed as failed:  # Optuna remembers nevertheless how it ended
            self._broke(failed)
        self._count_failure(self.books.trial(candidate.number).state == "failed")
        self._over(candidate.number)

    def _leave_files(self) -> None:
        """Have the files written that were not left with the last slice, since that takes long."""
        unkept = [c for c in self.candidates.values() if not c.keeping.kept]
        move = Move(None, 0, "its files are written")

        def following() -> Slice | None:
            if not self.runner.executor.free():
                return None  # all are gone, or hang, and with them what only they had
            # Only who advanced it last has its newest state.
            for candidate in unkept:
                if not self._out_of_reach(candidate):
                    unkept.remove(candidate)
                    return self._hand_out(candidate, move, 0.0)
            return None

        self.runner.work(following, self._took, always=True)

    @contextmanager
    def _keeping_books(self) -> Iterator[None]:
        """Where the storage is gone for good, the search ends with what is in memory; the files of fits are there.

        So does it where the user's sampler or pruner fails.
        """
        try:
            yield
        except StorageLost as error:
            if not self._lost:
                self._lost = self.stopped = True
                self.runner.say(f"{error}; what there is is delivered, and --resume goes on from it")
        except OwnPartFailed as failed:
            self._broke(failed)

    def _broke(self, failed: OwnPartFailed) -> None:
        self.stopped = True
        if failed.__cause__ is not None:
            self.broken(failed.__cause__)

    def _over(self, number: int) -> None:
        self.evaluated(self.books.trial(number))

    def _count_fruitless(self, reason: str | None) -> None:
        self.fruitless += 1
        if self.fruitless == MOST_FRUITLESS:
            self.runner.say(
                f"no more networks were begun: {MOST_FRUITLESS} proposals in a row were not to be fitted"
                + (f", the last one since {reason}" if reason else "")
            )

    def _count_death(self) -> None:
        """One network may kill whoever works on it, and is left alone; where one after the other does, it is no
        network's fault."""
        self.deaths += 1
        if self.deaths == MOST_DEATHS:
            self.runner.say(
                f"the search ended early: no worker came back with {MOST_DEATHS} candidates in a row"
            )

    def _count_failure(self, failed: bool) -> None:
        """Failures count only in a row: a candidate that works shows that the machine does."""
        self.failures = self.failures + 1 if failed else 0
        if self.failures == MOST_FAILURES:
            self.runner.say(f"the search ended early: {MOST_FAILURES} failures in a row")
