"""A search from beginning to end: open the run, search, finish, write."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..calling import option
from ..delivery.first_answers import (
    FirstAnswer,
    first_estimates,
    first_words,
    make_first_answers,
    write_first_pictures,
)
from ..delivery.unsaved import Unsaved
from ..errors import InputError, ResourceError, StorageLost, first_line
from ..execution.dask_client import is_cluster
from ..execution.executor import Executor, made_by
from ..execution.runner import Asked, Runner
from ..execution.timed_answer import plain_threads
from ..execution.worker import METRIC_FAILED
from ..planning.plan_lines import enough_words
from ..problem import Case, in_lines, planes_together
from ..problem.case_words import SIMULATION
from ..proposal.patience import Patience
from ..proposal.study import search_space
from ..trials.claim import claim
from ..trials.objective import in_decibels
from ..trials.own_parts import NOTHING, OwnParts, operators_of
from ..trials.request import Request
from ..trials.trial import Trial, lost_words, ranked
from .books import FUNCTION_FAILED, SPACE_FAILED, Books
from .finishing import Finished, finish, finish_at_once
from .head_start import Given, HeadStart
from .opening import open_run
from .outcome import Callback, Outcome
from .result import write_outputs
from .run import Run, StudyCallback
from .scheduler import WRITING, Scheduler
from .searching import Search, policy_of
from .signals import interruptible
from .storage_claim import StorageClaim

NOTHING_TO_RESTORE = "there is nothing to restore: no network is fitted"

NO_PILOT = "similar patches were not done on the fitted part, so no network has the first answer in its input"
NO_TIME_FOR_OTHERS = ", and there was no time for others"


def run_search(
    request: Request,
    *,
    root: Path,
    resume: bool,
    callback: Callback,
    started: float | None = None,
    cases: Sequence[Case] | None = None,
    own: OwnParts = NOTHING,
    callbacks: Sequence[StudyCallback] = (),
    cluster: Any = None,
) -> Outcome:
    """Search, deliver and write.

    Args:
        request: what to do.
        root: the folder of all studies.
        resume: go on with a study that is already there.
        callback: hears what happens.
        started: ``time.monotonic()`` from which the budget counts; by default now.
        cases: the pictures, where they do not come from the sources of the request.
        own: parts of the user's in the place of ours.
        callbacks: called with the study and the trial whenever a candidate ended. What one raises is raised when
            everything is written.
        cluster: a ``distributed.Client``, a cluster of Dask's, or an address as in the request, to be used instead of
            that; or a ``MakeExecutor``.

    Raises:
        DipsearchError: the request cannot be used, or nothing came of it.
    """
    folder, unsaved = root / request.name, Unsaved(request.name)
    asked, patience = Asked(), Patience(tell=callback.note)
    with (
        _kept_elsewhere(unsaved),
        claim(folder, new=not resume) as claimed,
        operators_of(folder, own),
        ExitStack() as stack,
    ):
        stack.enter_context(interruptible(asked=asked))
        executor: Executor | None = None
        ahead = HeadStart(folder, own, request.budget_seconds)
        if ahead.short:
            # Threads that wait for one another turn round on their processors, which took a seventh of all work.
            stack.enter_context(plain_threads())
        if cluster is not None or request.cluster is not None:
            elsewhere = request.cluster if cluster is None else cluster
            executor = stack.enter_context(_elsewhere(folder, elsewhere, own, callback))
        else:
            stack.enter_context(ahead)
        run = open_run(
            request,
            root=root,
            resume=resume,
            started=time.monotonic() if started is None else started,
            tell=callback.note,
            cases=cases,
            own=own,
            patience=patience,
            workers=None if executor is None else executor.workers,
            ahead=ahead,
            unsaved=unsaved,
            wish=asked,
        )
        if run.claim is not None:
            stack.callback(_released, run.claim, patience)
        run.callbacks = callbacks
        run.notes[:0] = claimed.notes
        patience.ended = lambda: asked.once or run.late
        idle = all(case.left_alone for case in run.cases)
        callback.planned(replace(run.plan, lines=run.plan.lines[:1]) if idle else run.plan)
        for note in run.notes:
            (callback.warn if SIMULATION in note else callback.note)(note)
        for sentence in run.details:
            callback.detail(sentence)
        if (idle or asked.once or not run.plan.networks) and not ranked(run.trials()) and run.has_firsts:
            return _without_networks(run, callback, asked, unsaved)
        if executor is None:
            executor = ahead.workers(run.plan.devices)
        stack.enter_context(interruptible(executor, asked))
        return _with_networks(run, executor, callback, asked, unsaved, given=ahead.given)


def _released(claim: StorageClaim, patience: Patience) -> None:
    patience.seconds = 0.0  # all is delivered
    with suppress(StorageLost):  # whoever comes next sees that this process is gone
        claim.release()


@contextmanager
def _kept_elsewhere(unsaved: Unsaved) -> Iterator[None]:
    """Where a study's folder has no room, write what there is to where it can be; outside of the folder's claim."""
    try:
        yield
    except (OSError, ResourceError) as error:  # what a search that came to nothing had written is gone now
        raise unsaved.elsewhere(error) from error


def _elsewhere(folder: Path, given: Any, own: OwnParts, callback: Callback) -> Executor:
    if callable(given):
        return made_by(given, folder, own)
    dask = is_cluster(given) or type(given).__module__.startswith("distributed")
    if not isinstance(given, str) and not dask:
        raise InputError(
            f"executor is {given!r}"[:200],
            "it is the address of a Dask scheduler, a cluster or a Client of Dask's, or a function that makes an "
            "Executor",
            "give for example 'local:4'",
        )
    from ..execution.dask_cluster import DaskCluster  # only here: distributed takes a second to import

    return DaskCluster(folder, given, own, callback.note)


def _with_networks(
    run: Run,
    executor: Executor,
    callback: Callback,
    asked: Asked,
    unsaved: Unsaved,
    *,
    given: Sequence[Given],
) -> Outcome:
    until = float("inf") if run.plan.deliver_until is None else run.plan.deliver_until
    settings = run.settings
    runner = Runner(
        run.folder, settings.names, settings.seed, executor, run.started, callback.note, asked, until
    )
    runner.spans = run.spans
    for task, worker, future in given:
        runner.adopt(task, worker, future)
    scheduler = Scheduler(run, runner, callback)
    runner.say, runner.heard = scheduler.say, scheduler.heard
    scheduler.phase = "similar patches"
    firsts = _first_answers(scheduler)
    scheduler.phase = "searching"
    space = search_space(run.folder)
    search = Search(run, runner, Books(run, space), policy_of(run), scheduler.evaluated, scheduler.broken)
    scheduler.search = search
    if settings.has_pilot and not run.has_pilots:
        if not asked.once:
            scheduler.say(NO_PILOT + (NO_TIME_FOR_OTHERS if search.clock.left(()) <= 0 else ""))
        run.give_up_pilots(space)
    try:
        search.work()
    except (OSError, ResourceError) as error:  # of the books, or of a worker that cannot be started
        runner.abandon()
        scheduler.say(f"the search is over: {first_line(error)}; what there is is delivered")
    finished = finish(scheduler, firsts)
    if said := _failed_words(run.trials()):
        scheduler.notes.append(said)
        callback.warn(said)
    scheduler.phase = WRITING
    outcome = _written(run, finished, callback, asked, unsaved, notes=tuple(scheduler.notes))
    callback.finished(outcome)
    if scheduler.raised is not None:
        raise CallbackFailed(outcome) from scheduler.raised
    return outcome


def _failed_words(trials: Sequence[Trial]) -> str:
    """How many candidates came to nothing, with the first reason, where no network was fitted to its end, or the space
    or a function of the user's failed; empty otherwise: that some fits diverge, or have no room, or are given up, is a
    part of searching."""
    if not ranked(trials):
        said = lost_words(trials, of=trials)
        return said and f"no network was fitted to its end, {said}"
    makers = FUNCTION_FAILED, SPACE_FAILED, METRIC_FAILED
    failed = [one for one in trials if one.state == "failed" and (one.reason or "").startswith(makers)]
    return lost_words(failed, of=trials)


class CallbackFailed(Exception):
    """A callback, a sampler or a pruner of the user's raised what this was raised from; ``outcome`` is what the search
    led to nevertheless."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("a part of the user's failed")
        self.outcome = outcome


def _without_networks(run: Run, callback: Callback, asked: Asked, unsaved: Unsaved) -> Outcome:
    """Deliver the first answers: there is no time or no memory for anything else, or nothing to restore."""
    sentence = (
        NOTHING_TO_RESTORE
        if all(case.left_alone for case in run.cases)
        else f"{asked.by}: the first answer is delivered"
        if asked.once
        else f"there is not enough memory on '{run.plan.no_room}' for a network: the first answer is delivered; "
        f"end what else is there, or use another {option('device')}"
        if run.plan.no_room
        else "there is no time for a network: the first answer is delivered" + enough_words(run.plan)
    )
    callback.note(sentence)
    outcome = _written(run, finish_at_once(run), callback, asked, unsaved, notes=(sentence,))
    cases = dict(zip(run.settings.names, run.cases, strict=True))
    delivered = {
        name: run.folder / row["restored"]
        for (name, case), row in zip(cases.items(), outcome.result["pictures"], strict=True)
        if not case.left_alone
    }
    write_first_pictures(cases, folder=run.folder, tell=callback.note, delivered=delivered)
    callback.finished(outcome)
    return outcome


def _written(
    run: Run, finished: Finished, callback: Callback, asked: Asked, unsaved: Unsaved, *, notes: Sequence[str]
) -> Outcome:
    named = zip(run.settings.names, run.cases, finished.choices, strict=True)
    unsaved.pictures = {name: (case, choice.answer.image) for name, case, choice in named}
    return write_outputs(run, finished, interrupted=asked.once, notes=notes, warn=callback.warn)


def _first_answers(scheduler: Scheduler) -> dict[str, FirstAnswer]:
    """Make the first answers, and show them."""
    run = scheduler.run
    cases = dict(zip(run.settings.names, run.cases, strict=True))
    files = write_first_pictures(cases, folder=run.folder, tell=scheduler.say)
    firsts = make_first_answers(scheduler.runner, on_crops=run.plan.crop is not None)
    # Of arrays there are no pictures, and the folder goes away with the result.
    there = {name: str(run.folder / file) for name, file in files.items() if cases[name].image is not None}
    stacks = planes_together(run.settings.names, [case.source for case in run.cases])
    for sentence in in_lines(first_words(firsts, files=there), stacks, alone=len(cases) == 1):
        scheduler.callback.note(sentence)
    estimates = first_estimates(scheduler.runner, firsts)
    if len(estimates) == len(cases):
        scheduler.bar = tuple(estimates[name] for name in cases)
    for name, expected in estimates.items():
        level = (
            in_decibels(expected.estimated_psnr)
            if expected.at_least is None
            else f"{expected.at_least:.1f} dB or more"
        )
        scheduler.callback.detail(f"similar patches alone on {name}, from the fitted part: {level} estimated")
    return firsts
