"""Engines: which of them makes the steps of a fit."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ..network import Network
from ..problem import Problem, Split
from .cuda_graph import recorded
from .engine import EagerEngine, Engine
from .precision import DEFAULT, Precision
from .step import Step, Weights

EngineWord = Literal["auto", "eager", "cuda_graph"]


def make_engine(
    word: EngineWord,
    genome: Network,
    problem: Problem,
    *,
    split: Split,
    seed: int,
    start: Weights | None = None,
    precision: Precision = DEFAULT,
    lean: bool = False,
    fluctuation: bool = False,
    pilot: Tensor | None = None,
) -> Engine:
    """The engine for a word: "auto" takes the fastest one that the problem's device has.

    Asking for "cuda_graph" where it cannot be had gives the eager engine and the reason in words. The other
    arguments are those of `Step`.
    """
    step = Step(
        genome,
        problem,
        split=split,
        seed=seed,
        start=start,
        precision=precision,
        lean=lean,
        fluctuation=fluctuation,
        pilot=pilot,
    )
    if word == "eager":
        return EagerEngine(step, problem, split=split)
    if step.device.type == "cuda":
        return recorded(step, problem, split=split)
    reason = "" if word == "auto" else f"CUDA graphs need a CUDA device, and this is {step.device.type}"
    return EagerEngine(step, problem, split=split, reason=reason)
