"""What was asked from Python, in the words of the command line: budgets, networks, problems as cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from numbers import Integral, Real
from typing import Any, get_args

import numpy as np
import torch

from ..durations import seconds_in
from ..errors import InputError, ResourceError
from ..fitting import EngineWord, Precision
from ..fitting.own_draws import SEEDS
from ..problem import Case, Problem, case_of
from ..problem.operators import Identity, factors_of, name_of
from ..problem.operators.registry import GIVEN
from ..request_words import STARTS
from ..run.devices import count_gpus
from ..trials.own_parts import OwnParts
from ..trials.request import ARRAY

DEVICES = ("auto", "cpu", "cuda", "mps")

MOST_SECONDS = 366 * 86400.0

TAKEN_AS_MASK = "the operator keeps some values and drops the others, so it is taken as a mask"

TAKEN_AS_IDENTITY = "the operator returns the image as it is, so it is taken as the identity"

ONE_CHANNEL = "all channels are the same, so they are restored as one and handed back as they were"


def seconds_of(budget: str | float | timedelta | np.timedelta64 | None) -> float | None:
    """A budget as seconds: "4m", "1h30m", 90, or a ``timedelta``, NumPy's too; ``None`` stays.

    Raises:
        InputError: it is none of these, or not above 0.
    """
    if budget is None:
        return None
    found: float | None = None
    if isinstance(budget, np.timedelta64):  # which counts as a number
        budget = budget.astype("timedelta64[us]").item()  # None where it is none
    if isinstance(budget, timedelta):
        found = budget.total_seconds()
    elif isinstance(budget, str):
        found = seconds_in(budget)
    elif isinstance(budget, Real) and not isinstance(budget, bool):
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
        case_of(
            # What was measured, files and answers lie on the CPU, wherever it is fitted.
            problem if problem.y.device.type == "cpu" else problem.to("cpu"),
            name=name,
            source=f"{ARRAY}{name}",
            notes=_notes(problem),
        )
        for name, problem in zip(names, problems, strict=True)
    ]


def _notes(problem: Problem) -> tuple[str, ...]:
    """What was found out about a problem, in sentences."""
    alike = ONE_CHANNEL if problem.form.channels > 1 else ""
    taken = TAKEN_AS_IDENTITY if isinstance(problem.operator, Identity) else TAKEN_AS_MASK
    taken = taken if getattr(problem.operator, "recognised", False) else ""
    return tuple(note for note in (taken, alike) if note)


def own_operators(cases: Sequence[Case]) -> OwnParts:
    """The operators that a file does not hold, and the classes of one's own that it names."""
    given = {case.name: case.problem.operator for case in cases}
    return OwnParts(
        operators={name: operator for name, operator in given.items() if name_of(operator) == GIVEN},
        registered={
            name_of(part): type(part)
            for operator in given.values()
            for part in factors_of(operator)
            if name_of(part) != GIVEN and not type(part).__module__.startswith("dipsearch.")
        },
    )


def whole_number(name: str, value: object, *, least: int) -> int:
    """A whole number from ``least`` on.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise InputError(f"{name} is {value!r}", f"it is a whole number from {least} on", "correct it")
    return int(value)


def problems_of(given: Problem | Sequence[Problem]) -> list[Problem]:
    """One problem, or several.

    Raises:
        InputError: it is something else.
    """
    if isinstance(given, Problem):
        return [given]
    if not isinstance(given, Sequence):
        raise InputError(
            f"the problem is {type(given).__name__}",
            "it is a dipsearch.Problem, or a list of them",
            "write dipsearch.Problem(y, A, noise=...)",
        )
    return list(given)


def refuse_other_start(start: object) -> None:
    """Refuse a word that says nothing of what networks begin from.

    Raises:
        InputError: it is none of those that there are.
    """
    if start not in STARTS:
        raise InputError(f"start is {start!r}", f"it is {', '.join(STARTS)}", "choose one of these")


def refuse_other_judges(*, rule: object, average: object) -> None:
    """Refuse what is no stopping rule, or no average of outputs; a class is neither.

    Raises:
        InputError: one of them.
    """
    for name, given, methods, protocol, example in (
        (
            "stopping rule",
            rule,
            ("init", "update", "finish"),
            "StoppingRule",
            "ValidationMinimum(patience=500)",
        ),
        ("average", average, ("init", "update", "read"), "Average", "ExponentialAverage(0.99)"),
    ):
        has_all = all(callable(getattr(given, method, None)) for method in methods)
        if given is not None and (isinstance(given, type) or not has_all):
            raise InputError(
                f"the {name} is {given!r}",
                f"it is an object with {methods[0]}, {methods[1]} and {methods[2]}, as dipsearch.{protocol} says",
                f"give for example dipsearch.{example}",
            )


def refuse_other_means(
    *, seed: object, engine: object, precision: object, device: object, workers: object = None
) -> None:
    """Refuse what says how the work is done where it cannot be used.

    Raises:
        InputError: a number or a word that there is not.
        ResourceError: a device that this machine does not have.
    """
    if whole_number("seed", seed, least=0) >= SEEDS:
        raise InputError(f"seed is {seed!r}", "it is below 2 to the power of 64", "give a smaller one")
    if workers is not None:
        whole_number("workers", workers, least=1)
    for name, word, known in (("engine", engine, EngineWord), ("precision", precision, Precision)):
        if word not in get_args(known):
            raise InputError(
                f"{name} is {word!r}", f"it is {', '.join(get_args(known))}", "choose one of these"
            )
    kind = str(device).partition(":")[0]
    if not isinstance(device, str | torch.device) or kind not in DEVICES:
        raise InputError(
            f"the device is {device!r}",
            f"it is {', '.join(DEVICES)}, or for example cuda:1",
            "choose one of these",
        )
    there, trouble = count_gpus() if kind == "cuda" else (1, "")
    if not there or (kind == "mps" and not torch.backends.mps.is_available()):
        said = trouble or "this machine has none"
        raise ResourceError(f"the device is {str(device)!r}", said, 'give device="cpu"')
