"""Engines: which of them makes the steps of a fit."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..network import Network
from ..problem import Problem, Split
from .average import Average
from .compute import Compute
from .cuda_graph import recorded
from .engine import EagerEngine, Engine
from .precision import less_precise
from .saved_step import StepState
from .step import Step


def make_engine(
    compute: Compute,
    genome: Network,
    problem: Problem,
    *,
    split: Split,
    seed: int,
    start: StepState | None = None,
    fluctuation: bool = False,
    pilot: Tensor | None = None,
    average: Average[Any] | None = None,
) -> Engine:
    """The engine that was asked for: "auto" takes the fastest one that the problem's device has.

    Asking for "cuda_graph" where it cannot be had gives the eager engine and the reason in words. The other
    arguments are those of `Step`.
    """
    step = Step(
        genome,
        problem,
        split=split,
        seed=seed,
        start=start,
        compute=compute,
        fluctuation=fluctuation,
        pilot=pilot,
        average=average,
    )
    reason = less_precise(compute.precision, step.device)
    if compute.engine == "eager":
        return EagerEngine(step, problem, split=split, reason=reason)
    if step.device.type == "cuda":
        return recorded(step, problem, split=split, reason=reason)
    if compute.engine == "cuda_graph":
        no_graphs = f"CUDA graphs need a CUDA device, and this is {step.device.type}"
        reason = f"{no_graphs}; {reason}" if reason else no_graphs
    return EagerEngine(step, problem, split=split, reason=reason)
