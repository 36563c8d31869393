"""The scheduler: what the parent process knows while its workers work, and what it tells the callbacks.

Searching and finishing both have their tasks done by its runner, so that a dead worker, somebody who asks to finish and
the picture of what everybody does are each handled in one place.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..errors import StorageLost
from ..execution.runner import Runner
from ..execution.task import Slice
from ..planning.budget import finishing_seconds
from ..trials.objective import Level
from ..trials.trial import Trial, ranked
from .candidate import Candidate
from .outcome import Callback, Snapshot, WorkerState
from .run import Run
from .search_slices import slice_seconds
from .search_time import pixels_of
from .searching import Search
from .signals import heard_words

REREAD_SECONDS = 2.0
"""How often the study is read anew for the display."""

GRACE = 20.0
"""Seconds that the delivery may take once somebody asked to finish."""

POLISHING = "polishing"
"""The last phase that works on the picture; all others have to leave it its time."""

WRITING = "writing"
"""What comes after it."""


@dataclass
class Scheduler:
    """The parent's state while its workers work.

    Args:
        run: the search.
        runner: has tasks done.
        callback: hears what happens.

    Attributes:
        phase: what the callback is told, see ``Snapshot``.
        search: for candidates, once it has begun.
        notes: what went wrong on the way, sentences.
        raised: what a callback, or another part of the user's, raised first.
        bar: how good similar patches alone are estimated, picture by picture, once it is known.
    """

    run: Run
    runner: Runner
    callback: Callback
    phase: str = "searching"
    search: Search | None = None
    notes: list[str] = field(default_factory=list)
    raised: BaseException | None = None
    bar: tuple[Level, ...] = ()
    _cached: Sequence[Trial] = ()
    _read_at: float = float("-inf")
    _hurried: bool = False

    def __post_init__(self) -> None:
        self.runner.asked.answer = self._answer

    def left(self) -> float:
        """Seconds until the phase has to be over; infinite without a budget, unless somebody asked to finish."""
        plan, left = self.run.plan, self.runner.left()
        if plan.deliver_until is None:
            return left
        kept = 0.0 if self.phase == POLISHING else plan.polishing
        return min(left, plan.deliver_until - kept - self.run.seconds)

    def say(self, sentence: str) -> None:
        """Tell the callback, and keep it for the result."""
        self.notes.append(sentence)
        self.callback.note(sentence)

    def heard(self) -> None:
        """Show the state; say that a wish to finish was heard, and to a database that this process is there."""
        self.runner.asked.speak()
        if self.run.claim is not None:
            with suppress(StorageLost):  # the search hears of it with the next thing that it writes down
                self.run.claim.keep()
        if self.runner.asked.once and not self._hurried:
            self._hurried = True
            if self.runner.delivering:
                self.runner.deliver(within=GRACE)
        self.callback.progress(self._snapshot())

    def evaluated(self, trial: Trial) -> None:
        """Tell that a candidate ended: our callback, then the user's."""
        self._read_at = float("-inf")
        self.callback.evaluated(trial)
        self._call_back(trial.number)

    def broken(self, error: BaseException) -> None:
        """The user's sampler or pruner has raised this: the search is over, and what there is is delivered."""
        if self.raised is None:
            self.raised = error
            error.add_note("the sampler or pruner raised this; what there was is delivered")
            self.say(
                f"the sampler or pruner failed: {type(error).__name__}: {error}; what there is is delivered"
            )

    def _answer(self, by: str) -> None:
        self.say(heard_words(by, seconds=self.takes()))

    def takes(self) -> float:
        """Seconds until everything is delivered where nothing more is fitted, by what was measured of this machine and
        these pictures."""
        clock = None if self.search is None else self.search.clock
        slowness = 1.0 if clock is None else clock.slowness
        writing = finishing_seconds(pixels_of(self.run), slowness=slowness)
        if self.phase == WRITING:
            return writing
        if clock is None or self.search is None:  # similar patches are at work
            return self.run.plan.polishing + writing
        before = slice_seconds(self.run) if self.phase == "searching" else 0.0
        going_on = () if self.phase == POLISHING else self.search.candidates.values()
        return before + min(GRACE, clock.after(going_on)) + writing

    def _call_back(self, number: int) -> None:
        """Call the user's callbacks; what one of them raises waits for the end of the search.

        As Optuna's they hear of trials that have ended, and not of those that rest.
        """
        if not self.run.callbacks:
            return
        study = self.run.study
        trial = study.get_trials(deepcopy=False)[number]
        if not trial.state.is_finished():
            return
        trial = copy.deepcopy(trial)  # and not of all: there may be thousands
        with self.run.optimizing():
            for each in self.run.callbacks:
                try:
                    each(study, trial)
                except KeyboardInterrupt:  # as if somebody had pressed Ctrl-C: what there is is delivered
                    self.runner.asked.by = self.runner.asked.by or "a callback"
                except Exception as error:  # it is not our code; the study survives it
                    if self.raised is None:
                        self.raised = error
                        error.add_note("a callback raised this; the search went on to its end")
                        self.say(f"a callback failed: {type(error).__name__}: {error}; the search goes on")

    def _candidates(self) -> Sequence[Trial]:
        """All candidates, read anew when one has ended, and every few seconds."""
        if time.monotonic() - self._read_at > REREAD_SECONDS:
            self._cached, self._read_at = self.run.trials(), time.monotonic()
        return self._cached

    def _snapshot(self) -> Snapshot:
        trials = self._candidates()
        budget = self.run.request.budget_seconds
        states = ("complete", "pruned", "failed", "resting")
        counts = {state: sum(one.state == state for one in trials) for state in states}
        best = ranked(trials)
        return Snapshot(
            phase=self.phase,
            seconds=self.run.seconds,
            seconds_left=None if budget is None else max(0.0, budget - self.run.seconds),
            workers=self._workers(),
            best=best[0] if best else None,
            bar=sum(one.estimated_psnr for one in self.bar) / len(self.bar) if self.bar else None,
            better=self._better(best[0]) if best else None,
            **counts,
        )

    def _better(self, best: Trial) -> bool | None:
        """``Snapshot.better``: scores of one noise have about the same luck, whatever is scored."""
        candidate = None if self.search is None else self.search.candidates.get(best.number)
        if candidate is None or len(candidate.pictures) != len(self.bar):
            return None
        errors = [one.validation_mse for one in candidate.pictures]
        if all(min(mse, one.mse) > one.error for mse, one in zip(errors, self.bar, strict=True)):
            return None
        return sum(errors) < sum(one.mse for one in self.bar)

    def _workers(self) -> tuple[WorkerState, ...]:
        at_work = {worker: task for worker, task, _ in self.runner.at_work}
        there = sorted({*at_work, *(one.index for one in self.runner.executor.workers)})
        candidates = {} if self.search is None else {c.place: c for c in self.search.candidates.values()}
        return tuple(self._state(index, at_work.get(index), candidates) for index in there)

    def _state(self, index: int, task: object, candidates: dict[str, Candidate]) -> WorkerState:
        if task is None:
            return WorkerState(index)
        if not isinstance(task, Slice):
            return WorkerState(index, label=getattr(task, "label", None))
        candidate = candidates.get(task.place)
        speed = (
            None
            if candidate is None or not candidate.seconds_per_step > 0
            else 1 / candidate.seconds_per_step
        )
        return WorkerState(
            index,
            label=task.label,
            digest=getattr(task.network, "digest", None),
            step=task.at if candidate is None else candidate.steps,
            max_steps=task.limits.max_steps,
            estimated_psnr=None if candidate is None or not candidate.pictures else candidate.estimated_psnr,
            steps_per_second=speed,
            why="" if candidate is None or self.search is None else self.search.why(candidate.number),
        )
