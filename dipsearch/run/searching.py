"""Searching: candidates are handed out one at a time until the time, the number or the patience of the user ends.

The parent process keeps the time and the counts, so a deadline, a number of trials, Ctrl-C and a dying worker
are each handled in one place.
"""

from __future__ import annotations

from ..execution.messages import SearchJob
from ..trials.objective import Limits
from .scheduler import MOST_FAILURES, Scheduler


def search(scheduler: Scheduler) -> None:
    """Hand out candidates, and wait for the last of them."""
    scheduler.phase = "searching"
    scheduler.handed_out = scheduler.run.finished()

    def next_job() -> SearchJob | None:
        if not _may_start(scheduler):
            return None
        scheduler.handed_out += 1
        return SearchJob(_limits(scheduler))

    scheduler.work(next_job)


def _may_start(scheduler: Scheduler) -> bool:
    plan, now = scheduler.run.plan, scheduler.run.seconds
    if scheduler.stopped or scheduler.asked.once or scheduler.failures >= MOST_FAILURES:
        return False
    if plan.trials is not None and scheduler.handed_out >= plan.trials:
        return False
    if plan.search_until is None or plan.candidate_seconds is None:
        return True
    # The first candidates start in any case: a small budget gets a rough picture rather than none.
    first = scheduler.handed_out < len(plan.devices)
    return plan.search_until - now >= (0 if first else plan.least_seconds)


def _limits(scheduler: Scheduler) -> Limits:
    plan, settings = scheduler.run.plan, scheduler.run.settings
    return Limits(
        max_steps=plan.max_steps,
        seconds=plan.candidate_seconds,
        until=scheduler.run.search_until_unix,
        patience=plan.patience,
        compute=settings.compute,
    )
