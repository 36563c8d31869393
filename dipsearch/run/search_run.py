"""A search from beginning to end: open the session, search, finish, write."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..delivery.first_answers import FirstAnswer, first_words, make_first_answers, write_first_pictures
from ..execution.pool import Pool, Seat
from ..trials.request import Request
from ..trials.trial import ranked
from .finishing import finish, finish_at_once
from .joining import OVER, SEARCHING, announce
from .outcome import Listener, Outcome
from .result import write_outputs
from .run import Session, open_session
from .scheduler import Asked, Foreman
from .searching import search


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
        request,
        root=root,
        resume=resume,
        started=time.monotonic() if started is None else started,
        tell=listener.note,
    )
    listener.planned(session.plan)
    for note in session.notes:
        listener.note(note)
    if not session.plan.networks and not ranked(session.evaluations()):
        return _without_networks(session, listener)
    seats = [Seat(index, device, threads=1) for index, device in enumerate(session.plan.devices)]
    with Pool(session.folder, session.settings, seats) as pool, _interruptible(pool) as asked:
        foreman = Foreman(session, pool, listener, asked)
        foreman.phase = "similar patches"
        firsts = _first_answers(foreman)
        # Workers from elsewhere may join now: the pilots are there.
        announce(session.study, state=SEARCHING, folder=session.folder, until=session.search_until_unix)
        try:
            search(foreman)
        finally:
            announce(session.study, state=OVER, folder=session.folder, until=None)
        finished = finish(foreman, firsts)
    outcome = write_outputs(session, finished, interrupted=asked.once, notes=tuple(foreman.notes))
    listener.finished(outcome)
    return outcome


def _without_networks(session: Session, listener: Listener) -> Outcome:
    """Deliver what similar patches made: there is no time for anything else."""
    sentence = (
        "there is no time for a network: what similar patches made is delivered; give a larger --budget"
    )
    listener.note(sentence)
    write_first_pictures(dict(zip(session.settings.names, session.cases, strict=True)), folder=session.folder)
    outcome = write_outputs(session, finish_at_once(session), interrupted=False, notes=(sentence,))
    listener.finished(outcome)
    return outcome


def _first_answers(foreman: Foreman) -> dict[str, FirstAnswer]:
    """Make the first answers, and show them."""
    session = foreman.session
    cases = dict(zip(session.settings.names, session.cases, strict=True))
    files = write_first_pictures(cases, folder=session.folder)
    firsts = make_first_answers(foreman, on_crops=session.plan.crop is not None)
    for sentence in first_words(foreman, firsts, files=files):
        foreman.listener.note(sentence)
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
