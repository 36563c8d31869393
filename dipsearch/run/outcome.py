"""What a search tells the outside: a callback hears it while it runs, an outcome is what it ended with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ..planning.plan import Plan
from ..problem import Case
from ..trials.trial import Trial


@dataclass(frozen=True)
class WorkerState:
    """What one worker is doing.

    Args:
        index: the worker's number.
        label: "candidate 7", "refit of 3", …; ``None`` while it waits.
        digest: the genome's.
        step: iterations done.
        max_steps: iterations at the most.
        estimated_psnr: estimated PSNR in dB at the newest check point.
        steps_per_second: as measured last; ``None`` before that.
        why: the policy's words for advancing just this one; empty where there was no choice.
    """

    index: int
    label: str | None = None
    digest: str | None = None
    step: int = 0
    max_steps: int = 0
    estimated_psnr: float | None = None
    steps_per_second: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The state of a running search.

    Args:
        phase: "similar patches", "searching", "delivering", "polishing", "sampling" or "restoring".
        seconds: since the start.
        seconds_left: of the budget; ``None`` without one.
        workers: what each does.
        complete: candidates that were fitted to their end.
        pruned: candidates that were given up early.
        failed: candidates that could not be fitted.
        best: the best candidate so far.
        resting: candidates that had their first look and may be gone on with.
        bar: estimated PSNR in dB of what similar patches made alone; ``None`` before it is known.
        better: where a squared error of one of the two is within its own standard error, so that dB mean nothing:
            whether those of the best candidate sum to less; ``None`` elsewhere.
    """

    phase: str
    seconds: float
    seconds_left: float | None
    workers: tuple[WorkerState, ...]
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    best: Trial | None = None
    resting: int = 0
    bar: float | None = None
    better: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """What a search ended with.

    Args:
        folder: the study's.
        result: the content of ``result.json``.
        interrupted: whether somebody asked it to finish early.
        images: the restored pictures, each (1, C, H, W).
        cases: what they were made from, which takes seconds to read again.
    """

    folder: Path
    result: dict[str, Any]
    interrupted: bool
    images: tuple[Tensor, ...] = ()
    cases: tuple[Case, ...] = ()


class Callback(Protocol):
    """Hears what happens, in the parent process."""

    def planned(self, plan: Plan) -> None:
        """The plan, before the work."""

    def note(self, sentence: str) -> None:
        """Something worth a line."""

    def detail(self, sentence: str) -> None:
        """Something for those who want the numbers behind it."""

    def warn(self, sentence: str) -> None:
        """Something that nobody must overlook, however quiet it is to be."""

    def progress(self, snapshot: Snapshot) -> None:
        """The state, about twice a second."""

    def evaluated(self, trial: Trial) -> None:
        """A candidate ended."""

    def finished(self, outcome: Outcome) -> None:
        """Everything is written."""


class Silent:
    """Hears everything and says nothing."""

    def planned(self, heard: object) -> None:
        """Say nothing."""

    note = detail = warn = progress = evaluated = finished = planned
