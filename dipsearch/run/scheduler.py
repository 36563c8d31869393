"""The scheduler: hands the jobs of one phase to the pool, hears the news, and tells the callback.

Searching and finishing both work through it, so that a dead worker, Ctrl-C and the picture of what everybody
does are each handled in one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optuna.trial import TrialState

from ..execution.messages import Broken, Done, FitJob, Job, Message, PatchJob, Progress, SearchJob
from ..execution.pool import Pool
from ..execution.runner import work_through
from ..trials.trial import Trial, ranked
from .outcome import Callback, Snapshot, WorkerState
from .run import Run

REREAD_SECONDS = 10.0
"""How often the study is read anew while nothing is heard from our own workers."""

POLISHING = "polishing"
"""The last phase; all others have to leave it its time."""

MOST_FAILURES = 12
"""After this many failures in a row the search gives up: something is wrong with the machine, or with the space."""


@dataclass
class Asked:
    """Whether Ctrl-C was pressed."""

    once: bool = False


@dataclass
class Scheduler:
    """The parent's state while its workers work.

    Args:
        run: the search.
        pool: the workers.
        callback: hears what happens.
        asked: whether somebody wants it to finish early.

    Attributes:
        phase: what the callback is told: "searching" or "delivering".
        notes: what went wrong on the way, sentences.
        done: the outcome of every fit and every restoration by similar patches, by the file that it left.
        arrived: when each was heard of, in seconds since the start.
        handed_out: candidates that were started or had ended before.
        failures: of candidates, in a row.
        stopped: whether a callback wants no more of them.
        raised: what a callback raised first.
    """

    run: Run
    pool: Pool
    callback: Callback
    asked: Asked
    phase: str = "searching"
    notes: list[str] = field(default_factory=list)
    done: dict[Path, Done] = field(default_factory=dict)
    arrived: dict[Path, float] = field(default_factory=dict)
    handed_out: int = 0
    failures: int = 0
    stopped: bool = False
    raised: Exception | None = None
    _states: dict[int, WorkerState] = field(default_factory=dict)
    _cached: Sequence[Trial] = ()
    _read_at: float = float("-inf")

    @property
    def folder(self) -> Path:
        """The study's."""
        return self.run.folder

    @property
    def names(self) -> tuple[str, ...]:
        """The pictures'."""
        return self.run.settings.names

    @property
    def seed(self) -> int:
        """Of the splits and the fits."""
        return self.run.settings.seed

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self.run.seconds

    def work(self, next_job: Callable[[], Job | None]) -> None:
        """Hand out jobs until there is none for an idle worker and nobody works any more.

        Args:
            next_job: the next job, or ``None`` when there is none for now; asked again after every piece of news.
        """
        work_through(self.pool, next_job, hear=self._hear)

    def left(self) -> float:
        """Seconds until the phase has to be over; infinite without a budget."""
        plan = self.run.plan
        if plan.deliver_until is None:
            return float("inf")
        kept = 0.0 if self.phase == POLISHING else plan.polishing
        return plan.deliver_until - kept - self.run.seconds

    def share_of(self, left: float, *, jobs: int) -> float | None:
        """Seconds for each of so many jobs when they share ``left`` fairly; ``None`` without a budget."""
        if left == float("inf"):
            return None
        workers = len(self.run.plan.devices)
        return left / max(1, -(-jobs // workers))

    def say(self, sentence: str) -> None:
        """Tell the callback, and keep it for the result."""
        self.notes.append(sentence)
        self.callback.note(sentence)

    def _hear(self, messages: Sequence[Message]) -> None:
        for item in messages:
            if isinstance(item, Progress):
                self._states[item.worker] = WorkerState.of(item)
                continue
            self._states[item.worker] = WorkerState(item.worker)
            self._read_at = float("-inf")
            if isinstance(item, Broken):
                self._broken(item)
            elif isinstance(item.job, SearchJob):
                self._evaluated(item)
            elif isinstance(item.job, FitJob | PatchJob):
                self.done[item.job.out] = item
                self.arrived[item.job.out] = self.run.seconds
        self.callback.progress(self._snapshot())

    def _evaluated(self, done: Done) -> None:
        number = int(done.outcome["number"])
        trial = next(e for e in self.run.trials() if e.number == number)
        self._count_failure(trial.state == "failed" and not self.asked.once)
        self.callback.evaluated(trial)
        self._call_back(number)

    def _call_back(self, number: int) -> None:
        """Call the user's callbacks; what one of them raises waits for the end of the search."""
        study = self.run.study
        trial = study.trials[number]
        study._thread_local.in_optimize_loop = (
            True  # so that study.stop() may be called, as in Optuna's own loop
        )
        try:
            for each in self.run.callbacks:
                try:
                    each(study, trial)
                except KeyboardInterrupt:  # as if somebody had pressed Ctrl-C: what there is is delivered
                    self.asked.once = True
                    self.pool.halt()
                except Exception as error:  # it is not our code; the study survives it
                    if self.raised is None:
                        self.raised = error
                        self.say(f"a callback failed: {type(error).__name__}: {error}; the search goes on")
        finally:
            study._thread_local.in_optimize_loop = False
        if study._stop_flag and not self.stopped:
            self.stopped = True
            self.say("a callback ended the search")

    def _broken(self, item: Broken) -> None:
        if item.fatal or isinstance(item.job, SearchJob):
            self._count_failure(True)
        if item.fatal and isinstance(item.job, SearchJob):
            self.handed_out -= 1
            self._fail_running_of(item.worker, item.reason)
        what = (
            item.job.label
            if isinstance(item.job, FitJob | PatchJob)
            else "a candidate"
            if item.job
            else "idle"
        )
        self.say(f"worker {item.worker}: {item.reason} ({what})")

    def _count_failure(self, failed: bool) -> None:
        """Failures count only in a row: a candidate that works shows that the machine does."""
        self.failures = self.failures + 1 if failed else 0
        if self.failures == MOST_FAILURES:
            self.say(f"the search ended early: {MOST_FAILURES} failures in a row")

    def _fail_running_of(self, worker: int, reason: str) -> None:
        study = self.run.study
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get("worker") == worker:
                study._storage.set_trial_user_attr(trial._trial_id, "reason", reason)
                study.tell(trial.number, state=TrialState.FAIL)

    def _candidates(self) -> Sequence[Trial]:
        """All candidates, read anew only when there may be news: from our workers, or from others' elsewhere."""
        if time.monotonic() - self._read_at > REREAD_SECONDS:
            self._cached, self._read_at = self.run.trials(), time.monotonic()
        return self._cached

    def _snapshot(self) -> Snapshot:
        trials = self._candidates()
        budget = self.run.request.budget_seconds
        counts = {state: sum(e.state == state for e in trials) for state in ("complete", "pruned", "failed")}
        best = ranked(trials)
        return Snapshot(
            phase=self.phase,
            seconds=self.run.seconds,
            seconds_left=None if budget is None else max(0.0, budget - self.run.seconds),
            workers=tuple(
                self._states.get(index, WorkerState(index)) for index in range(len(self.run.plan.devices))
            ),
            best=best[0] if best else None,
            **counts,
        )
