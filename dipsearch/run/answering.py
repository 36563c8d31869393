"""Answering: similar patches restore every picture before anything is planned, while workers load their libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..delivery.first_answers import INTERRUPTED_SECONDS, fitted_task
from ..errors import ResourceError
from ..execution.at_once import answer_at_once
from ..execution.timed_answer import threads_for
from ..planning.budget import FINISHING, FIRST_SHARE, SLACK
from ..problem import Case
from ..trials.first_files import KeptFirst, read_first
from ..trials.problem_files import WHOLE, problem_path, write_problem
from ..trials.request import Request
from .devices import most_threads
from .head_start import HeadStart

LEAST_BUDGET = 7.0
"""Seconds that a shorter budget is taken for: beside other work starting PyTorch and writing the page take five."""


def go_ahead(
    ahead: HeadStart,
    folder: Path,
    request: Request,
    *,
    names: Sequence[str],
    cases: Sequence[Case],
    devices: tuple[str, ...],
    resume: bool,
) -> None:
    """Let workers begin while this process answers and plans; on a CPU with the answers from the fitted parts.

    On a GPU they come after the measurement of its speed, which they would disturb.
    """
    besides = 1 if devices[0] != "cpu" else max(threads_for(case.problem, most_threads()) for case in cases)
    ahead.begin(devices, besides=besides)
    if devices[0] == "cpu" and not resume:
        for name, case in zip(names, cases, strict=True):
            if ahead.free:
                try:
                    write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
                except ResourceError:
                    return  # it is raised when all that workers need is written; until then a picture is made
                ahead.give(fitted_task(name, seed=request.seed))


def first_answers(
    folder: Path,
    names: Sequence[str],
    cases: Sequence[Case],
    *,
    device: str,
    until: float,
    tell: Callable[[str], None],
) -> dict[str, KeptFirst]:
    """What similar patches make of each picture; what is there already is replaced by nothing less thorough.

    What was made in haste is made again, unless there is only time for a quick method now.

    Args:
        until: when they have to be there, of ``time.monotonic()``.
    """
    found = {}
    for index, (name, case) in enumerate(zip(names, cases, strict=True)):
        before = read_first(folder, name)
        left = (until - time.monotonic()) / (len(cases) - index)
        there = before
        if before is None or before.made != "as usual":
            quick = before is None or before.made == "by a quick method"
            there = answer_at_once(
                case, device=device, threads=most_threads(), tell=tell, left=left, may_be_quick=quick
            )
        kept = [one for one in (there, before) if one is not None]
        if kept:
            found[name] = max(kept, key=lambda one: one.rank)
    return found


def first_until(request: Request, *, started: float, slowness: float, hurry: bool = False) -> float:
    """When the first answers have to be there, of ``time.monotonic()``, for a budget to be kept.

    Args:
        request: what is asked for.
        started: ``time.monotonic()`` of the start.
        slowness: see ``Load``.
        hurry: somebody asked to finish.
    """
    now = time.monotonic()
    if hurry:
        return min(now + INTERRUPTED_SECONDS, first_until(request, started=started, slowness=slowness))
    if request.budget_seconds is None:
        return float("inf")
    budget = max(request.budget_seconds, LEAST_BUDGET)
    left = started + budget * (1 - SLACK) - FINISHING * slowness - now
    return now + FIRST_SHARE * max(0.0, left)
