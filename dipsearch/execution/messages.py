"""What the parent process and its workers say to one another: jobs one way, news the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..fitting import StoppingRule
from ..network import Genome
from ..trials.objective import Limits


@dataclass(frozen=True)
class SearchJob:
    """Take the next candidate from the study, fit it, and tell the study."""

    limits: Limits


@dataclass(frozen=True)
class FitJob:
    """Fit one genome to one problem of the study's folder and write the result to ``out``.

    Args:
        label: what the live display calls it.
        genome: the candidate.
        problem: the problem file.
        everything: fit all of y; otherwise y is split as in the search.
        seed: of the fit, and of the split.
        limits: as for a candidate.
        rule: when to stop; ``None``: the minimum of the validation score.
        out: the ``.npz`` file for ``x`` (what was judged), ``full`` (what is delivered), the curves ``step``, ``loss``
            and ``score``, and ``ended``, the name of the reason.
        split_seed: of the split, where it has its own; ``None``: ``seed``.
        pilot: the file of a pilot that was computed from the fitted part of this very split, for networks that have one
            in their input; ``None``: the one beside the problem, for the split that it was computed from and for fits
            to everything. Those take the restoration from all of y where the file has one.
    """

    label: str
    genome: Genome
    problem: Path
    everything: bool
    seed: int
    limits: Limits
    out: Path
    rule: StoppingRule | None = None
    split_seed: int | None = None
    pilot: Path | None = None


@dataclass(frozen=True)
class PatchJob:
    """Restore a problem with groups of similar patches and write it to ``out`` as ``x``.

    Args:
        label: what the live display calls it.
        problem: the problem file.
        out: the ``.npz`` file.
        split_seed: restore from the fitted part of this split alone; ``None``: from all of y.
        pilot: a file with a restoration ``x`` to be polished; ``None``: without one.
    """

    label: str
    problem: Path
    out: Path
    split_seed: int | None = None
    pilot: Path | None = None


Job = SearchJob | FitJob | PatchJob


@dataclass(frozen=True)
class Progress:
    """A fit's newest check point."""

    worker: int
    label: str
    digest: str
    step: int
    max_steps: int
    score: float
    steps_per_second: float


@dataclass(frozen=True)
class Done:
    """A job ended. ``outcome`` holds plain values: for a candidate its number and state."""

    worker: int
    job: Job
    outcome: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """A job could not be done, for ``reason``; ``fatal`` when the whole process is gone."""

    worker: int
    job: Job | None
    reason: str
    fatal: bool = False


Message = Progress | Done | Broken
