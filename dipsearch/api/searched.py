"""``search`` from Python."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, CmaEsSampler
from torch import nn

from ..errors import InputError
from ..execution.executor import MakeExecutor
from ..fitting import Average, EngineWord, Precision, StoppingRule, Waiting
from ..fitting.precision import DEFAULT
from ..network import Propose
from ..problem import Problem, TaskOptions
from ..problem.task_options import Task
from ..request_words import ORDERS, SAMPLERS, OrderWord, SamplerWord, StartWord
from ..run import run_search
from ..run.outcome import Outcome
from ..run.run import StudyCallback
from ..run.search_run import CallbackFailed
from ..trials.own_parts import Metric
from ..trials.request import DEFAULT_BUDGET_SECONDS, Request
from .asked import (
    cases_of,
    own_operators,
    problems_of,
    refuse_other_judges,
    refuse_other_means,
    refuse_other_start,
    seconds_of,
    whole_number,
)
from .found import Result
from .kept import Kept
from .progress_bar import callback_for

if TYPE_CHECKING:
    from distributed import Client
    from distributed.deploy.cluster import Cluster

NAME = "study"


def search(
    problem: Problem | Sequence[Problem],
    *,
    budget: str | float | timedelta | None = None,
    trials: int | None = None,
    space: str | Path = "skip",
    network: Propose | None = None,
    sampler: SamplerWord | BaseSampler = "pilot",
    pruner: BasePruner | None = None,
    metric: Metric | None = None,
    rule: StoppingRule[Waiting] | None = None,
    average: Average[Any] | None = None,
    callbacks: Sequence[StudyCallback] = (),
    steps: int | None = None,
    workers: int | None = None,
    device: str = "auto",
    executor: str | Client | Cluster | MakeExecutor | None = None,
    seed: int = 0,
    engine: EngineWord = "auto",
    precision: Precision = DEFAULT,
    start: StartWord = "auto",
    order: OrderWord = "auto",
    progress: bool | Literal["notes"] = False,
) -> Result:
    """Search the network that restores a measurement best, and restore it; no reference is needed.

    Ctrl-C, or the stop button of a notebook, ends the search, and what there is is delivered. Workers are processes of
    their own; a script needs no ``if __name__ == "__main__"`` for them. On Linux the process that they are forked from
    stays until this one ends, so that the next search begins sooner.

    Args:
        problem: what was measured; several: one architecture for all of them.
        budget: wall time for everything: "4m", seconds, or a ``timedelta``; ten minutes without it and ``trials``.
        trials: candidates to be fitted; alone, or whichever comes first. One that ``network`` prunes does not count.
        space: a shipped search space's name, or a file.
        network: a function from an Optuna trial to a genome, a ``torch.nn.Module``, a module with its z, or an
            ``OwnNetwork``, instead of a space.
        sampler: "pilot", "genetic", "tpe", "random", or one of Optuna's; with ``network`` "tpe", "random" or one of
            Optuna's, and "tpe" by default.
        pruner: one of Optuna's; it sees the estimated PSNR every 50 iterations.
        metric: what candidates are ranked by; see ``Metric``. Fits are stopped by the split's own score.
        rule: when to stop each fit and what it delivers; ``None``: the minimum of the split's score. Fits are kept
            between slices, so its memory is a ``Waiting``.
        average: of the outputs of each fit; ``None``: the exponential one that its network says.
        callbacks: called with the study and the trial whenever a candidate ended, as in Optuna; ``study.stop()`` ends
            the search. What one raises is raised again at the end, with the result as its attribute ``result``; what
            a sampler or a pruner raises ends the search, and is raised then, too.
        steps: iterations of a fit at the most.
        workers: processes; ``None``: one for each core, or for each GPU.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        executor: where the fits are made: ``None``: processes of this machine; the address of a Dask scheduler,
            "local:4", a cluster of Dask's, or a ``distributed.Client``; or a function that makes an ``Executor`` of the
            study's folder and of the parts of one's own.
        seed: of everything random.
        engine: "auto", "eager" or "cuda_graph".
        precision: of the convolutions: "tf32" or "fp32" on CUDA, "bf16" there and on processors with AMX.
        start: what known networks begin from: "warm": learnt weights where there are some for them, "cold": random
            ones, "auto": warm for the tasks where that was measured to be no worse.
        order: in which known networks are tried: "fixed", which is what "auto" is, or "similar": by how they did on
            similar measurements, which was better for enlarging and worse with noise (BENCHMARKS.md, "Pre-selection").
        progress: show a bar; "notes": also what was found out on the way.

    Raises:
        InputError: something about it cannot be used.
        StudyError: nothing came of it.
    """
    started = time.monotonic()
    problems = problems_of(problem)
    cases = [
        replace(case, notes=(*case.notes, *(note for note in (case.problem.doubt,) if note)))
        for case in cases_of(problems)
    ]
    _refuse_other_parts(network=network, sampler=sampler, pruner=pruner, metric=metric, callbacks=callbacks)
    refuse_other_means(seed=seed, engine=engine, precision=precision, device=device, workers=workers)
    refuse_other_start(start)
    refuse_other_judges(rule=rule, average=average)
    if rule is not None and not isinstance(memory := rule.init(), Waiting):
        raise InputError(
            f"the memory of the stopping rule is {type(memory).__name__}",
            "a search keeps fits between slices, and with them a dipsearch.Waiting",
            "keep what the rule remembers in its fields, or use dipsearch.fit",
        )
    if order not in ORDERS:
        raise InputError(f"order is {order!r}", f"it is {', '.join(ORDERS)}", "choose one of these")
    seconds = seconds_of(budget)
    if network is not None and sampler == "pilot":
        sampler = "tpe"  # the pilot is a genome
    request = Request(
        sources=tuple(case.source for case in cases),
        options=_options(problems[0]),
        name=NAME,
        space=str(space),
        sampler=sampler if isinstance(sampler, str) else "random",
        budget_seconds=DEFAULT_BUDGET_SECONDS if seconds is None and trials is None else seconds,
        trials=None if trials is None else whole_number("trials", trials, least=1),
        steps=None if steps is None else whole_number("steps", steps, least=1),
        workers=None if workers is None else int(workers),
        device=str(device),
        seed=int(seed),
        engine=engine,
        precision=precision,
        start=start,
        order=order,
    )
    own = replace(
        own_operators(cases),
        propose=network,
        sampler=None if isinstance(sampler, str) else sampler,
        pruner=pruner,
        metric=metric,
        rule=rule,
        average=average,
    )
    kept = Kept()
    try:
        with callback_for(progress, seconds=request.budget_seconds) as callback:
            outcome = run_search(
                request,
                root=Path(kept.name),
                resume=False,
                callback=callback,
                started=started,
                cases=cases,
                own=own,
                callbacks=callbacks,
                cluster=executor,
            )
    except CallbackFailed as failed:
        error = cast(Exception, failed.__cause__)
        error.result = _result(problems, failed.outcome, kept)  # type: ignore[attr-defined]
        raise error from None
    except BaseException:
        kept.cleanup()
        raise
    return _result(problems, outcome, kept)


def _result(problems: Sequence[Problem], outcome: Outcome, kept: Kept) -> Result:
    return Result(tuple(problems), outcome.images, outcome.result, outcome.folder, _kept=kept)


def _refuse_other_parts(
    *, network: object, sampler: object, pruner: object, metric: object, callbacks: object
) -> None:
    """Refuse a part of one's own that is something else, before any work begins."""
    if isinstance(sampler, str) and sampler in SAMPLERS:
        pass
    elif not isinstance(sampler, BaseSampler):
        raise InputError(
            f"the sampler is {sampler!r}",
            f"there are {', '.join(SAMPLERS)}, and Optuna's",
            "choose one of these",
        )
    if (
        isinstance(sampler, CmaEsSampler) and find_spec("cmaes") is None
    ):  # Optuna asks for it when it first samples
        raise InputError(
            "the sampler is Optuna's CmaEsSampler",
            "it needs the package cmaes, which is not installed",
            "pip install cmaes",
        )
    if network is not None and sampler == "genetic":
        raise InputError(
            "the sampler is 'genetic', and networks come from a function of one's own",
            "it breeds the genomes of a search space",
            'give "tpe", "random" or one of Optuna\'s',
        )
    if pruner is not None and not isinstance(pruner, BasePruner):
        raise InputError(
            f"the pruner is {pruner!r}",
            "it is one of Optuna's",
            "give for example optuna.pruners.NopPruner()",
        )
    if not isinstance(callbacks, Sequence) or not all(callable(each) for each in callbacks):
        raise InputError(
            f"callbacks is {callbacks!r}",
            "it is a list of functions of a study and a trial",
            "give [function]",
        )
    for name, part, rule in (
        ("network", network, "it is a function from an Optuna trial to a network"),
        ("metric", metric, "it is a function of three tensors"),
    ):
        if isinstance(part, nn.Module) or not (part is None or callable(part)):
            raise InputError(
                f"{name} is {type(part).__name__}", rule, "give a function, or use dipsearch.fit"
            )


def _options(problem: Problem) -> TaskOptions:
    """The task in the words of a request, which says no more of the operator than its name."""
    task = problem.task if problem.task in ("denoise", "inpaint", "sr") else "invert"
    factor = getattr(problem.operator, "factor", 4)
    return TaskOptions(cast(Task, task), factor=int(factor) if task == "sr" else 4)
