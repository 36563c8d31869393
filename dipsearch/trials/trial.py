"""One candidate as a study remembers it, read from Optuna's trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

from ..network import Genome

State = Literal["complete", "pruned", "failed", "running", "resting", "waiting"]
"""``resting``: it had its first look and counts among the others, and may be gone on with."""

_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Trial:
    """A candidate, what it scored, and where it came from.

    Args:
        number: of the trial, from 0.
        state: how far it came.
        genome: the candidate; ``None`` while it was not proposed yet.
        digest: the genome's.
        score: estimated PSNR in dB without a reference, the mean over the images; higher is better.
        step: the chosen iteration (of the first image).
        steps: iterations made.
        ended: why its fit ended, a sentence.
        seconds: wall time of its fits.
        reason: why it failed or was pruned.
        parents: numbers of the candidates it was bred from.
        operator: how it came to be ("published", "crossover", …).
        changed: genes that differ from the first parent.
        worker: which worker fitted it.
        started: Unix seconds.
        finished: Unix seconds.
        engine: what made the steps of its fits.
        engine_note: why it was not the engine that was asked for.
        precision: of its convolutions.
        psnr: against the reference, in dB; filled in for people only, never while searching.
        params: what was suggested for it, as Optuna has it.
    """

    number: int
    state: State
    genome: Genome | None = None
    digest: str | None = None
    score: float | None = None
    step: int | None = None
    steps: int | None = None
    ended: str | None = None
    seconds: float | None = None
    reason: str | None = None
    parents: tuple[int, ...] = ()
    operator: str | None = None
    changed: tuple[str, ...] = ()
    worker: int | None = None
    started: float | None = None
    finished: float | None = None
    engine: str | None = None
    engine_note: str | None = None
    precision: str | None = None
    psnr: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def trial_of(trial: FrozenTrial, *, genome: Genome | None = None) -> Trial:
    """Read a candidate from Optuna's record of it.

    Args:
        trial: Optuna's record.
        genome: its own, where that was read before: it takes longest, and never changes.
    """
    # Of a candidate under way, what its latest slice has led to.
    notes: dict[str, Any] = {**trial.user_attrs.get("fit", {}), **trial.user_attrs}
    state = _STATES[trial.state]
    if state == "running" and notes.get("usable"):
        state = "resting"
    if genome is None and "genome" in notes:
        genome = Genome.from_nested(notes["genome"])
    return Trial(
        number=trial.number,
        state=state,
        genome=genome,
        digest=genome.digest if genome else None,
        score=notes.get("score"),
        step=notes.get("step"),
        steps=notes.get("steps"),
        ended=notes.get("ended"),
        seconds=notes.get("seconds"),
        reason=notes.get("reason"),
        parents=tuple(notes.get("parents", ())),
        operator=notes.get("operator"),
        changed=tuple(notes.get("changed", ())),
        worker=notes.get("worker"),
        started=trial.datetime_start.timestamp() if trial.datetime_start else None,
        finished=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
        engine=notes.get("engine"),
        engine_note=notes.get("engine_note"),
        precision=notes.get("precision"),
        params=dict(trial.params),
    )


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """The candidates that count, best score first; equal scores in the order of their numbers."""
    complete = [e for e in trials if e.state in ("complete", "resting") and e.score is not None]
    return sorted(complete, key=lambda e: (-(e.score or 0.0), e.number))
