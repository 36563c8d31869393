"""A search from beginning to end: prepare, search, deliver, write.

The parent process keeps the time and the counts; it hands out one candidate at a time, so a deadline, a
number of trials, Ctrl-C and a dying worker are each handled in one place.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from torch import Tensor

from ..fitting import Ended, LossMatched
from .candidate import read_arrays, read_output, suffix
from .delivering import (
    Delivery,
    Member,
    deliver,
    fitted_members,
    prepared_whole,
    refitted,
    searched_members,
)
from .evaluation import Evaluation, ranked
from .joining import OVER, SEARCHING, announce
from .messages import BaselineJob, Broken, Done, FitJob, News, Progress, SearchJob
from .objective import Limits
from .outcome import Listener, Outcome, Snapshot, WorkerState
from .prepared import WHOLE, Prepared, problem_path
from .request import Request
from .result import Baseline, write_outputs
from .session import Session, open_session
from .workers import Pool, Seat

TICK = 0.25
"""Seconds between two looks at the clock."""

REREAD_SECONDS = 10.0
"""How often the study is read anew while nothing is heard from our own workers."""

FINALISTS = 3
"""Architectures that are fitted to the whole picture after a search on a crop, at most per worker."""

MOST_FAILURES = 12
"""After this many failures in a row the search gives up: something is wrong with the machine, or with the space."""


def run_search(
    request: Request, *, root: Path, resume: bool, listener: Listener, started: float | None = None
) -> Outcome:
    """Search, deliver and write.

    Args:
        request: what to do.
        root: the folder of all studies.
        resume: go on with a study that is already there.
        listener: hears what happens.
        started: ``time.monotonic()`` from which the budget counts; by default now.

    Raises:
        DipsearchError: the request cannot be used, or nothing came of it.
    """
    session = open_session(
        request, root=root, resume=resume, started=time.monotonic() if started is None else started
    )
    listener.planned(session.plan)
    for note in session.notes:
        listener.note(note)
    seats = [Seat(index, device, threads=1) for index, device in enumerate(session.plan.devices)]
    with Pool(session.folder, session.settings, seats) as pool, _interruptible(pool) as asked:
        run = _Run(session, pool, listener, asked)
        announce(session.study, state=SEARCHING, folder=session.folder, until=session.search_until_unix)
        try:
            run.search()
        finally:
            announce(session.study, state=OVER, folder=session.folder, until=None)
        deliveries = run.deliver()
        baselines = run.baselines
    outcome = write_outputs(
        session, deliveries, baselines=baselines, interrupted=asked.once, notes=tuple(run.notes)
    )
    listener.finished(outcome)
    return outcome


@dataclass
class _Asked:
    """Whether Ctrl-C was pressed."""

    once: bool = False


@contextmanager
def _interruptible(pool: Pool) -> Iterator[_Asked]:
    """Ctrl-C once: fits end at their next check point; twice: everything ends now."""
    asked = _Asked()

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        if asked.once:
            pool.kill()
            raise KeyboardInterrupt
        asked.once = True
        pool.halt()

    try:
        before = signal.signal(signal.SIGINT, handle)
    except ValueError:  # not in the main thread, where nobody can press Ctrl-C either
        yield asked
        return
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class _Run:
    """The parent's state while its workers work."""

    session: Session
    pool: Pool
    listener: Listener
    asked: _Asked
    notes: list[str] = field(default_factory=list)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    states: dict[int, WorkerState] = field(default_factory=dict)
    failures: int = 0
    phase: str = "searching"
    _handed_out: int = 0
    _ended: dict[Path, str] = field(default_factory=dict)
    _cached: Sequence[Evaluation] = ()
    _read_at: float = float("-inf")

    # -- searching -------------------------------------------------------------------------------------------

    def search(self) -> None:
        """Hand out candidates until the time, the number or the patience of the user ends."""
        self._handed_out = self.session.finished()
        while True:
            for index in self.pool.idle():
                if self._may_start():
                    self.pool.submit(index, SearchJob(self._limits()))
                    self._handed_out += 1
            if not self.pool.busy():
                break
            self._hear(self.pool.poll(TICK))

    def _may_start(self) -> bool:
        plan, now = self.session.plan, self.session.seconds
        if self.asked.once or self.failures >= MOST_FAILURES:
            return False
        if plan.trials is not None and self._handed_out >= plan.trials:
            return False
        if plan.search_until is None or plan.candidate_seconds is None:
            return True
        # The first candidates start in any case: a small budget gets a rough picture rather than none.
        first = self._handed_out < len(plan.devices)
        return plan.search_until - now >= (0 if first else plan.least_seconds)

    def _limits(self) -> Limits:
        plan = self.session.plan
        return Limits(
            max_steps=plan.max_steps,
            seconds=plan.candidate_seconds,
            until=self.session.search_until_unix,
            patience=plan.patience,
        )

    # -- delivering ------------------------------------------------------------------------------------------

    def deliver(self) -> list[Delivery]:
        """Make the restored picture of each case."""
        self.phase = "delivering"
        self.pool.go_on()
        best = ranked(self.session.evaluations())
        self._start_baselines()
        wholes = self._fit_finalists(best) if self.session.plan.crop is not None and best else {}
        self._drain()
        deliveries = []
        for index, name in enumerate(self.session.settings.names):
            picture = prepared_whole(self.session.folder, name, seed=self.session.settings.seed)
            members: list[Member] = (
                fitted_members(wholes.get(name, []), picture)
                if self.session.plan.crop is not None
                else searched_members(self.session.folder, best, picture, index=index)
            )
            delivery = deliver(picture, members)
            # After a search on a crop, nothing is known of the losses that a refit of the whole should match.
            if picture.split.kind == "recorruption" and self.session.plan.crop is None:
                delivery = refitted(delivery, picture, self._refit(delivery, picture, best, index=index))
            deliveries.append(delivery)
        return deliveries

    def _refit(
        self, delivery: Delivery, picture: Prepared, best: Sequence[Evaluation], *, index: int
    ) -> dict[int, Tensor]:
        """Fit the members of the delivery once more, to all of y, the weightiest first, while there is time."""
        by_number = {evaluation.number: evaluation for evaluation in best}
        weights = dict(zip(delivery.stack.members, delivery.stack.weights, strict=True))
        todo = sorted(weights, key=lambda number: -weights[number])
        if delivery.chosen == "best":
            todo = [delivery.best.number]
        files: dict[int, Path] = {}
        while todo or self.pool.busy():
            for worker in self.pool.idle():
                job = None
                while todo and job is None and not self.asked.once:
                    job = self._refit_job(by_number[todo.pop(0)], picture, index=index)
                if job is not None:
                    files[int(job.out.stem.split("-")[0])] = job.out
                    self.pool.submit(worker, job)
            if self.asked.once:
                todo = []
            self._hear(self.pool.poll(TICK))
        matched = {
            number: path for number, path in files.items() if self._ended.get(path) == Ended.MATCHED.value
        }
        return {number: read_output(path).delivered for number, path in matched.items()}

    def _refit_job(self, member: Evaluation, picture: Prepared, *, index: int) -> FitJob | None:
        """The job, or ``None`` when it would not end in time."""
        folder = self.session.folder
        if member.genome is None or member.seconds is None:
            return None
        arrays, end = read_arrays(folder, member.number, "fit.npz"), suffix(index)
        steps, chosen = arrays["step" + end], int(arrays["chosen" + end])
        per_step = float(arrays["seconds" + end][-1]) / max(int(steps[-1]), 1)
        if 1.2 * chosen * per_step > self._left():
            return None
        # The noise of all of y is smaller than that of the fitted part by the share that the fit gave up, and
        # at the chosen iteration the training loss is all but the noise.
        loss = float(arrays["chosen_loss" + end]) * (1 - picture.split.share)
        return FitJob(
            label=f"refit of {member.number}",
            genome=member.genome,
            problem=problem_path(folder, kind=WHOLE, name=picture.name),
            everything=True,
            seed=self.session.settings.seed,
            limits=Limits(max_steps=max(1, round(1.5 * chosen)), seconds=max(1.0, self._left())),
            out=folder / "refits" / f"{member.number:04d}-{picture.name}.npz",
            rule=LossMatched(loss, floor=max(1, chosen // 2)),
        )

    def _start_baselines(self) -> None:
        names = list(self.session.settings.names)
        for index in self.pool.idle():
            if names:
                self._submit_baseline(index, names.pop(0))
        while names:
            self._hear(self.pool.poll(TICK))
            for index in self.pool.idle():
                if names:
                    self._submit_baseline(index, names.pop(0))

    def _submit_baseline(self, index: int, name: str) -> None:
        folder = self.session.folder
        out = folder / "baselines" / f"{name}.npz"
        self.pool.submit(index, BaselineJob(problem_path(folder, kind=WHOLE, name=name), out))

    def _fit_finalists(self, best: Sequence[Evaluation]) -> dict[str, list[tuple[int, Path]]]:
        """Fit the best architectures to the whole pictures, as many as there is time for."""
        plan, folder = self.session.plan, self.session.folder
        names = self.session.settings.names
        places = max(1, len(plan.devices) * FINALISTS // len(names))
        todo = [(e, name) for e in best[:places] for name in names]
        files: dict[str, list[tuple[int, Path]]] = {name: [] for name in names}
        early = self.asked.once
        if early:
            todo = todo[: len(names)]  # whoever asked to finish still gets the best network on every picture
        share = self._share_of_time(len(todo))
        while todo or self.pool.busy():
            for index in self.pool.idle():
                late = share is not None and self._left() < 0.5 * share
                if not todo or (self.asked.once and not early) or late:
                    todo = []
                    continue
                evaluation, name = todo.pop(0)
                if evaluation.genome is None:
                    continue
                out = folder / "finalists" / f"{evaluation.number:04d}-{name}.npz"
                seconds = None if share is None else min(share, self._left())
                self.pool.submit(
                    index,
                    FitJob(
                        label=f"finalist {evaluation.number} on {name}",
                        genome=evaluation.genome,
                        problem=problem_path(folder, kind=WHOLE, name=name),
                        everything=False,
                        seed=self.session.settings.seed,
                        limits=Limits(
                            max_steps=plan.max_steps,
                            seconds=seconds,
                            patience=plan.patience,
                            check_every=plan.whole_check_every,
                        ),
                        out=out,
                    ),
                )
                files[name].append((evaluation.number, out))
            self._hear(self.pool.poll(TICK))
        return {name: [(n, path) for n, path in found if path.exists()] for name, found in files.items()}

    def _left(self) -> float:
        until = self.session.plan.deliver_until
        return float("inf") if until is None else until - self.session.seconds

    def _share_of_time(self, jobs: int) -> float | None:
        if self.session.plan.deliver_until is None:
            return None
        workers = len(self.session.plan.devices)
        return self._left() / max(1, -(-jobs // workers))

    def _drain(self) -> None:
        while self.pool.busy():
            self._hear(self.pool.poll(TICK))

    # -- news ------------------------------------------------------------------------------------------------

    def _hear(self, news: Sequence[News]) -> None:
        for item in news:
            if isinstance(item, Progress):
                self.states[item.worker] = WorkerState.of(item)
                continue
            self.states[item.worker] = WorkerState(item.worker)
            self._read_at = float("-inf")
            if isinstance(item, Broken):
                self._broken(item)
            elif isinstance(item.job, SearchJob):
                self._evaluated(item)
            elif isinstance(item.job, FitJob):
                self._ended[item.job.out] = str(item.outcome["ended"])
            elif isinstance(item.job, BaselineJob):
                self.baselines[item.job.out.stem] = Baseline(
                    name=item.outcome["name"], seconds=item.outcome["seconds"], file=item.job.out
                )
        self.listener.progress(self._snapshot())

    def _evaluated(self, done: Done) -> None:
        number = int(done.outcome["number"])
        evaluation = next(e for e in self.session.evaluations() if e.number == number)
        self._count_failure(evaluation.state == "failed" and not self.asked.once)
        self.listener.evaluated(evaluation)

    def _broken(self, item: Broken) -> None:
        if item.fatal or isinstance(item.job, SearchJob):
            self._count_failure(True)
        if item.fatal and isinstance(item.job, SearchJob):
            self._handed_out -= 1
            self._fail_running_of(item.worker, item.reason)
        what = type(item.job).__name__ if item.job else "worker"
        if not isinstance(item.job, BaselineJob):
            sentence = f"worker {item.worker}: {item.reason} ({what})"
            self.notes.append(sentence)
            self.listener.note(sentence)

    def _count_failure(self, failed: bool) -> None:
        """Failures count only in a row: a candidate that works shows that the machine does."""
        self.failures = self.failures + 1 if failed else 0
        if self.failures == MOST_FAILURES:
            sentence = f"the search ended early: {MOST_FAILURES} failures in a row"
            self.notes.append(sentence)
            self.listener.note(sentence)

    def _fail_running_of(self, worker: int, reason: str) -> None:
        from optuna.trial import TrialState

        for trial in self.session.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get("worker") == worker:
                self.session.study._storage.set_trial_user_attr(trial._trial_id, "reason", reason)
                self.session.study.tell(trial.number, state=TrialState.FAIL)

    def _candidates(self) -> Sequence[Evaluation]:
        """All candidates, read anew only when there may be news: from our workers, or from others' elsewhere."""
        if time.monotonic() - self._read_at > REREAD_SECONDS:
            self._cached, self._read_at = self.session.evaluations(), time.monotonic()
        return self._cached

    def _snapshot(self) -> Snapshot:
        evaluations = self._candidates()
        budget = self.session.request.budget_seconds
        counts = {
            state: sum(e.state == state for e in evaluations) for state in ("complete", "pruned", "failed")
        }
        best = ranked(evaluations)
        return Snapshot(
            phase=self.phase,
            seconds=self.session.seconds,
            seconds_left=None if budget is None else max(0.0, budget - self.session.seconds),
            workers=tuple(
                self.states.get(index, WorkerState(index)) for index in range(len(self.session.plan.devices))
            ),
            best=best[0] if best else None,
            **counts,
        )
