"""``restore`` from Python."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast

from ..delivery.delivering import Delivery
from ..delivery.picture_outputs import answer_rows
from ..errors import InputError
from ..fitting import EngineWord, Precision
from ..fitting.compute import Compute
from ..fitting.precision import DEFAULT
from ..library import Architecture
from ..network import Genome
from ..problem import Problem, unique_names
from ..request_words import StartWord
from ..run.devices import choose_devices
from ..run.one_by_one import Turn
from ..run.restore_run import genomes_of
from ..run.restorer import Restorer
from .asked import cases_of, own_operators, problems_of, refuse_other_means, refuse_other_start, seconds_of
from .found import Result
from .progress_bar import callback_for


def restore(
    problem: Problem | Sequence[Problem],
    found: Result | Architecture | Genome | Sequence[Genome] | str | Path,
    *,
    budget: str | float | timedelta | None = None,
    workers: int | None = None,
    device: str = "auto",
    seed: int = 0,
    engine: EngineWord = "auto",
    precision: Precision = DEFAULT,
    start: StartWord = "auto",
    progress: bool | Literal["notes"] = False,
) -> Result:
    """Restore a measurement with what an earlier search found; every fit stops by itself.

    Args:
        problem: what was measured, or several.
        found: the result of a search, an architecture, genomes, the folder of a study, an ``architecture.yaml``, or the
            name of a published network.
        budget: wall time for everything; ``None``: every fit ends by itself.
        workers, device, seed, engine, precision, start, progress: as in ``search``.

    Raises:
        DipsearchError: something cannot be used.
    """
    started = time.monotonic()
    problems = problems_of(problem)
    refuse_other_means(seed=seed, engine=engine, precision=precision, device=device, workers=workers)
    refuse_other_start(start)
    cases, genomes, seconds = cases_of(problems), _genomes(found), seconds_of(budget)
    devices = choose_devices(str(device), workers=workers)[: max(1, len(genomes) * len(cases))]
    own, compute = own_operators(cases), Compute(engine, precision)
    with (
        callback_for(progress, seconds=seconds) as callback,
        Restorer(genomes, devices, int(seed), callback, compute, own, start) as restorer,
    ):
        outcomes = restorer.restore(
            cases, unique_names([case.name for case in cases]), Turn(started, seconds, seconds)
        )
    pictures = [
        {"answers": answer_rows(choice, None), "stack": None if delivery is None else _stack(delivery)}
        for choice, delivery in outcomes
    ]
    return Result(
        tuple(problems),
        tuple(choice.answer.image for choice, _ in outcomes),
        {"answers": pictures[0]["answers"], "pictures": pictures, "seconds": time.monotonic() - started},
        networks=tuple(genomes),
        fitted=restorer.trials,
    )


def _stack(delivery: Delivery) -> dict[str, Any]:
    """Who was averaged, as ``result.json`` of a search has it."""
    return {"members": list(delivery.ensemble.members), "weights": list(delivery.ensemble.weights)}


def _genomes(found: Result | Architecture | Genome | Sequence[Genome] | str | Path) -> list[Genome]:
    genomes = _listed(found)
    if not genomes or not all(isinstance(genome, Genome) for genome in genomes):
        raise InputError(
            f"the {type(found).__name__} that was given has {'no' if not genomes else 'something else than a'} genome",
            "a restoration takes a result, an architecture, genomes, or the name of a file or a published network",
            "fit one's own networks with dipsearch.fit, or give for example 'dipsearch_nearest_48'",
        )
    return genomes


def _listed(found: object) -> list[Genome]:
    if isinstance(found, Result):
        return found.genomes()
    if isinstance(found, Architecture):
        return [found.genome]
    if isinstance(found, Genome):
        return [found]
    if isinstance(found, str | Path):
        return genomes_of(found)
    return list(found) if isinstance(found, Sequence) else [cast(Genome, found)]
