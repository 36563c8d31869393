"""One candidate as a study remembers it, read from Optuna's trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, ConfigDict, Field

from ..network import Genome
from ..visible import Words
from ..yaml_files import validate

State = Literal["complete", "pruned", "failed", "running", "resting", "waiting"]
"""``resting``: it may be gone on with, and counts among the others if it had its first look."""

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
        estimated_psnr: estimated PSNR in dB without a reference, the mean over the images; higher is better.
        step: the chosen iteration (of the first image).
        steps: iterations made.
        ended: why its fit ended, a sentence.
        seconds: wall time of its fits.
        reason: why it failed, was pruned or rests.
        parents: numbers of the candidates it was bred from.
        operator: how it came to be ("known", "crossover", …).
        changed: genes that differ from the first parent.
        worker: which worker advanced it last.
        started: Unix seconds.
        finished: Unix seconds.
        engine: what made the steps of its fits.
        engine_note: why it was not the engine that was asked for.
        precision: of its convolutions.
        psnr: against the reference, in dB; filled in for people only, never while searching.
        metric: the user's own, higher is better, where candidates are ranked by it.
        start: the preset whose learnt weights it began with; ``None``: random ones.
        params: what was suggested for it, as Optuna has it.
        name: of a network of one's own.
        looked_at: whether one that rests had its first look.
    """

    number: int
    state: State
    genome: Genome | None = None
    digest: str | None = None
    estimated_psnr: float | None = None
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
    metric: float | None = None
    start: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    looked_at: bool = True

    @property
    def counts(self) -> bool:
        """Whether it is compared with the others."""
        return self.state == "complete" or (self.state == "resting" and self.looked_at)

    @property
    def label(self) -> str | None:
        """A few words for a table."""
        return self.name if self.genome is None else self.genome.label

    @property
    def value(self) -> float | None:
        """What it is ranked by: the user's own metric, or else its estimated PSNR in dB; ``None`` where it failed."""
        if self.state == "failed":  # perhaps for what the metric returned, in whose place no dB are to stand
            return None
        return self.estimated_psnr if self.metric is None else self.metric


Count = Annotated[int, Field(ge=0, le=10**12)]


class _Latest(BaseModel):
    """What a journal or a database says of a candidate's latest slice."""

    fit: dict[str, Any] = {}


class _Notes(BaseModel):
    """What a journal or a database says of a candidate, beside what is Optuna's."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    usable: bool = False
    genome: dict[str, Any] | None = None
    score: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    metric: Annotated[float, Field(ge=-1e300, le=1e300)] | None = None
    step: Count | None = None
    steps: Count | None = None
    ended: Words | None = None
    seconds: Annotated[float, Field(ge=0, le=1e12)] | None = None
    reason: Words | None = None
    parents: Annotated[tuple[Count, ...], Field(strict=False)] = ()
    operator: Words | None = None
    changed: Annotated[tuple[Words, ...], Field(strict=False)] = ()
    worker: int | None = None
    engine: Words | None = None
    engine_note: Words | None = None
    precision: Words | None = None
    start: Words | None = None
    name: Words | None = None


def trial_of(trial: FrozenTrial, *, genome: Genome | None = None) -> Trial:
    """Read a candidate from Optuna's record of it.

    Args:
        trial: Optuna's record.
        genome: its own, where that was read before: it takes longest, and never changes.

    Raises:
        InputError: what was noted of it is nothing that a search notes.
    """
    source = f"candidate {trial.number}"
    # Of a candidate under way, what its latest slice has led to.
    latest = validate(_Latest, trial.user_attrs, source=source).fit
    notes = validate(_Notes, {**latest, **trial.user_attrs}, source=source)
    state = _STATES[trial.state]
    if state == "running" and (notes.usable or notes.reason):
        state = "resting"
    if genome is None and notes.genome is not None:
        genome = Genome.from_nested(notes.genome)
    return Trial(
        number=trial.number,
        state=state,
        genome=genome,
        digest=genome.digest if genome else None,
        estimated_psnr=notes.score,
        started=trial.datetime_start.timestamp() if trial.datetime_start else None,
        finished=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
        params=dict(trial.params),
        looked_at=state != "resting" or notes.usable,
        **notes.model_dump(exclude={"usable", "genome", "score"}),
    )


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """The candidates that count, the best first, by the user's metric or else by their scores, then by number."""
    compared = [e for e in trials if e.counts and e.value is not None]
    return sorted(compared, key=lambda e: (-(e.value or 0.0), e.number))


def lost_words(trials: Iterable[Trial], *, of: Iterable[Trial]) -> str:
    """How many candidates failed, and how many were given up, with the first reason of each; empty where none was.

    Args:
        trials: those that are spoken of.
        of: all of the study.
    """
    lost, begun = [*trials], sum(trial.state != "waiting" for trial in of)
    said = []
    for state, what in (("failed", "failed"), ("pruned", "were given up")):
        if some := [trial for trial in lost if trial.state == state]:
            why = next((trial.reason for trial in some if trial.reason), "for an unknown reason")
            said.append(f"{len(some)} of {begun} candidates {what}: {why}")
    return "; ".join(said)
