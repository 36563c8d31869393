"""``search`` from Python."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from ..errors import InputError
from ..fitting import EngineWord, Precision
from ..fitting.precision import DEFAULT
from ..network import Propose
from ..problem import Problem, TaskOptions
from ..problem.task_options import Task
from ..run import run_search
from ..run.outcome import Outcome
from ..run.run import StudyCallback
from ..run.search_run import CallbackFailed
from ..trials.own_parts import Metric
from ..trials.request import DEFAULT_BUDGET_SECONDS, SAMPLERS, Request, SamplerWord
from .asked import cases_of, own_operators, seconds_of
from .found import Result
from .progress_bar import listener_for

NAME = "study"


def search(
    problem: Problem | Sequence[Problem],
    *,
    budget: str | float | timedelta | None = None,
    trials: int | None = None,
    space: str | Path = "skip",
    network: Propose | None = None,
    sampler: SamplerWord | BaseSampler = "genetic",
    pruner: BasePruner | None = None,
    metric: Metric | None = None,
    callbacks: Sequence[StudyCallback] = (),
    steps: int | None = None,
    workers: int | None = None,
    device: str = "auto",
    seed: int = 0,
    engine: EngineWord = "auto",
    precision: Precision = DEFAULT,
    progress: bool | Literal["notes"] = False,
) -> Result:
    """Search the network that restores a measurement best, and restore it; no reference is needed.

    Ctrl-C, or the stop button of a notebook, ends the search, and what there is is delivered. Workers are processes of
    their own; a script needs no ``if __name__ == "__main__"`` for them.

    Args:
        problem: what was measured; several: one architecture for all of them.
        budget: wall time for everything: "4m", seconds, or a ``timedelta``; ten minutes without it and ``trials``.
        trials: candidates to be fitted; alone, or whichever comes first.
        space: a shipped search space's name, or a file.
        network: a function from an Optuna trial to a genome, a ``torch.nn.Module``, a module with its z, or an
            ``OwnNetwork``, instead of a space.
        sampler: "genetic", "tpe", "random", or one of Optuna's.
        pruner: one of Optuna's; it sees the estimated PSNR every 50 iterations.
        metric: what candidates are ranked by; see ``Metric``. Fits are stopped by the split's own score.
        callbacks: called with the study and the trial whenever a candidate ended, as in Optuna; ``study.stop()`` ends
            the search. What one raises is raised again at the end, with the result as its attribute ``result``.
        steps: iterations of a fit at the most.
        workers: processes; ``None``: one for each core, or for each GPU.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        seed: of everything random.
        engine: "auto", "eager" or "cuda_graph".
        precision: of the convolutions on CUDA: "tf32", "fp32" or "bf16".
        progress: show a bar; "notes": also what was found out on the way.

    Raises:
        InputError: something about it cannot be used.
        StudyError: nothing came of it.
    """
    started = time.monotonic()
    problems = [problem] if isinstance(problem, Problem) else list(problem)
    cases = cases_of(problems)
    if isinstance(sampler, str) and sampler not in SAMPLERS:
        raise InputError(
            f"the sampler is '{sampler}'",
            f"there are {', '.join(SAMPLERS)}, and Optuna's",
            "choose one of these",
        )
    seconds = seconds_of(budget)
    if trials is not None and (isinstance(trials, bool) or not isinstance(trials, int) or trials < 1):
        raise InputError(f"trials is {trials!r}", "it is a whole number of at least 1", "give for example 20")
    request = Request(
        sources=tuple(case.source for case in cases),
        options=_options(problems[0]),
        name=NAME,
        space=str(space),
        sampler=sampler if isinstance(sampler, str) else "random",
        budget_seconds=DEFAULT_BUDGET_SECONDS if seconds is None and trials is None else seconds,
        trials=trials,
        steps=steps,
        workers=workers,
        device=device,
        seed=seed,
        engine=engine,
        precision=precision,
    )
    own = replace(
        own_operators(cases),
        propose=network,
        sampler=None if isinstance(sampler, str) else sampler,
        pruner=pruner,
        metric=metric,
    )
    kept = tempfile.TemporaryDirectory(prefix="dipsearch-")
    try:
        with listener_for(progress, seconds=request.budget_seconds) as callback:
            outcome = run_search(
                request,
                root=Path(kept.name),
                resume=False,
                callback=callback,
                started=started,
                cases=cases,
                own=own,
                callbacks=callbacks,
            )
    except CallbackFailed as failed:
        error = cast(Exception, failed.__cause__)
        error.result = _result(problems, failed.outcome, kept)  # type: ignore[attr-defined]
        raise error from None
    except BaseException:
        kept.cleanup()
        raise
    return _result(problems, outcome, kept)


def _result(problems: Sequence[Problem], outcome: Outcome, kept: tempfile.TemporaryDirectory[str]) -> Result:
    return Result(tuple(problems), outcome.images, outcome.result, outcome.folder, _kept=kept)


def _options(problem: Problem) -> TaskOptions:
    """The task in the words of a request, which says no more of the operator than its name."""
    task = problem.task if problem.task in ("denoise", "inpaint", "sr") else "invert"
    factor = getattr(problem.operator, "factor", 4)
    return TaskOptions(cast(Task, task), factor=int(factor) if task == "sr" else 4)
