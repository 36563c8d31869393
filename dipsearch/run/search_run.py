"""A search from beginning to end: open the run, search, finish, write."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..delivery.first_answers import FirstAnswer, first_words, make_first_answers, write_first_pictures
from ..execution.pool import Pool, WorkerSpec
from ..problem import Case
from ..trials.own_parts import NOTHING, OwnParts, operators_of
from ..trials.request import Request
from ..trials.trial import ranked
from .finishing import finish, finish_at_once
from .joining import OVER, SEARCHING, announce
from .outcome import Callback, Outcome
from .result import write_outputs
from .run import Run, StudyCallback, open_run
from .scheduler import Asked, Scheduler
from .searching import search


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

    Raises:
        DipsearchError: the request cannot be used, or nothing came of it.
    """
    with operators_of(root / request.name, own):
        return _searched(
            request,
            root=root,
            resume=resume,
            callback=callback,
            started=started,
            cases=cases,
            own=own,
            callbacks=callbacks,
        )


def _searched(
    request: Request,
    *,
    root: Path,
    resume: bool,
    callback: Callback,
    started: float | None,
    cases: Sequence[Case] | None,
    own: OwnParts,
    callbacks: Sequence[StudyCallback],
) -> Outcome:
    run = open_run(
        request,
        root=root,
        resume=resume,
        started=time.monotonic() if started is None else started,
        tell=callback.note,
        cases=cases,
        own=own,
    )
    run.callbacks = callbacks
    for sentence in (note for case in run.cases if case.simulation == "unasked" for note in case.notes[:1]):
        callback.warn(sentence)
    callback.planned(run.plan)
    for note in run.notes:
        callback.note(note)
    if not run.plan.networks and not ranked(run.trials()):
        return _without_networks(run, callback)
    specs = [WorkerSpec(index, device, threads=1) for index, device in enumerate(run.plan.devices)]
    with Pool(run.folder, run.settings, specs, own) as pool, _interruptible(pool) as asked:
        scheduler = Scheduler(run, pool, callback, asked)
        scheduler.phase = "similar patches"
        firsts = _first_answers(scheduler)
        # Workers from elsewhere may join now: the pilots are there.
        announce(run.study, state=SEARCHING, folder=run.folder, until=run.search_until_unix)
        try:
            search(scheduler)
        finally:
            announce(run.study, state=OVER, folder=run.folder, until=None)
        finished = finish(scheduler, firsts)
    outcome = write_outputs(run, finished, interrupted=asked.once, notes=tuple(scheduler.notes))
    callback.finished(outcome)
    if scheduler.raised is not None:
        scheduler.raised.add_note("a callback raised this; the search went on to its end")
        raise CallbackFailed(outcome) from scheduler.raised
    return outcome


class CallbackFailed(Exception):
    """A callback raised what this was raised from; the search came to its end, and ``outcome`` is what it led to."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("a callback failed")
        self.outcome = outcome


def _without_networks(run: Run, callback: Callback) -> Outcome:
    """Deliver what similar patches made: there is no time for anything else."""
    sentence = (
        "there is no time for a network: what similar patches made is delivered; give a larger --budget"
    )
    callback.note(sentence)
    write_first_pictures(dict(zip(run.settings.names, run.cases, strict=True)), folder=run.folder)
    outcome = write_outputs(run, finish_at_once(run), interrupted=False, notes=(sentence,))
    callback.finished(outcome)
    return outcome


def _first_answers(scheduler: Scheduler) -> dict[str, FirstAnswer]:
    """Make the first answers, and show them."""
    run = scheduler.run
    cases = dict(zip(run.settings.names, run.cases, strict=True))
    files = write_first_pictures(cases, folder=run.folder)
    firsts = make_first_answers(scheduler, on_crops=run.plan.crop is not None)
    for sentence in first_words(scheduler, firsts, files=files):
        scheduler.callback.note(sentence)
    return firsts


@contextmanager
def _interruptible(pool: Pool) -> Iterator[Asked]:
    """Ctrl-C once: fits end at their next check point; twice: everything ends now."""
    asked = Asked()

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
