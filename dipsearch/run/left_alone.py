"""Pictures that are left alone, since there is nothing to restore: they are delivered at once, beside the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..delivery.answers import Choice, unchanged
from ..delivery.delivering import Delivery
from ..problem import Case

Outcomes = list[tuple[Choice, Delivery | None]]


def with_those_left_alone(
    cases: Sequence[Case], restored: Callable[[list[Case]], Outcomes], *, started: float
) -> Outcomes:
    """What is delivered of all pictures.

    Args:
        cases: the pictures.
        restored: restores some of them; not called where that is none.
        started: ``time.monotonic()`` of the start.
    """
    at_work = [case for case in cases if not case.left_alone]
    others = iter(restored(at_work) if at_work else ())
    return [
        (unchanged(case.problem, seconds=time.monotonic() - started), None)
        if case.left_alone
        else next(others)
        for case in cases
    ]
