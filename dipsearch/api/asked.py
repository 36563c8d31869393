"""What was asked from Python, in the words of the command line: budgets, networks, problems as cases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..errors import InputError
from ..problem import Case, Problem
from ..problem.operators import name_of
from ..problem.operators.registry import GIVEN
from ..trials.own_parts import OwnParts
from ..trials.request import ARRAY

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")

MOST_SECONDS = 366 * 86400.0


def seconds_of(budget: str | float | timedelta | None) -> float | None:
    """A budget as seconds: "4m", "1h30m", 90, or a ``timedelta``; ``None`` stays.

    Raises:
        InputError: it is none of these, or not above 0.
    """
    if budget is None:
        return None
    found: float | None = None
    if isinstance(budget, timedelta):
        found = budget.total_seconds()
    elif isinstance(budget, str):
        match = _DURATION.fullmatch(budget.strip())
        if match and any(match.groups()):
            found = sum(
                float(part) * _UNITS[unit] for part, unit in zip(match.groups(), "hms", strict=True) if part
            )
    elif isinstance(budget, int | float) and not isinstance(budget, bool):
        found = float(budget)
    if found is None or not 0 < found <= MOST_SECONDS:
        raise InputError(
            f"the budget is {budget!r}",
            'it is a time above 0: seconds, a timedelta, or a word such as "90s", "4m", "1h30m"',
            'give for example budget="4m"',
        )
    return found


def cases_of(problems: Sequence[Any]) -> list[Case]:
    """Problems as cases without a source and without a reference.

    Raises:
        InputError: one of them is no problem, or there is none.
    """
    for problem in problems:
        if not isinstance(problem, Problem):
            raise InputError(
                f"a problem is {type(problem).__name__}",
                "it is a dipsearch.Problem, or a list of them",
                "write dipsearch.Problem(y, A, noise=...)",
            )
    if not problems:
        raise InputError("no problem was given", "there is at least one", "give a dipsearch.Problem")
    names = ["image"] if len(problems) == 1 else [f"image{index}" for index in range(len(problems))]
    return [
        Case(
            name=name,
            source=f"{ARRAY}{name}",
            problem=problem,
            reference=None,
            bits=32,
            notes=(),
        )
        for name, problem in zip(names, problems, strict=True)
    ]


def own_operators(cases: Sequence[Case]) -> OwnParts:
    """The operators that a file does not hold."""
    return OwnParts(
        operators={
            case.name: case.problem.operator for case in cases if name_of(case.problem.operator) == GIVEN
        }
    )
