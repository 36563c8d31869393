"""Searching: candidates are handed out one at a time until the time, the number or the patience of the user ends.

The parent process keeps the time and the counts, so a deadline, a number of trials, Ctrl-C and a dying worker
are each handled in one place.
"""

from __future__ import annotations

from ..execution.messages import SearchJob
from ..trials.objective import Limits
from .scheduler import MOST_FAILURES, Foreman


def search(foreman: Foreman) -> None:
    """Hand out candidates, and wait for the last of them."""
    foreman.phase = "searching"
    foreman.handed_out = foreman.session.finished()

    def next_job() -> SearchJob | None:
        if not _may_start(foreman):
            return None
        foreman.handed_out += 1
        return SearchJob(_limits(foreman))

    foreman.work(next_job)


def _may_start(foreman: Foreman) -> bool:
    plan, now = foreman.session.plan, foreman.session.seconds
    if foreman.asked.once or foreman.failures >= MOST_FAILURES:
        return False
    if plan.trials is not None and foreman.handed_out >= plan.trials:
        return False
    if plan.search_until is None or plan.candidate_seconds is None:
        return True
    # The first candidates start in any case: a small budget gets a rough picture rather than none.
    first = foreman.handed_out < len(plan.devices)
    return plan.search_until - now >= (0 if first else plan.least_seconds)


def _limits(foreman: Foreman) -> Limits:
    plan, settings = foreman.session.plan, foreman.session.settings
    return Limits(
        max_steps=plan.max_steps,
        seconds=plan.candidate_seconds,
        until=foreman.session.search_until_unix,
        patience=plan.patience,
        engine=settings.engine,
        precision=settings.precision,
    )
