"""A study as plain rows: what the page draws, the console prints and programs can check.

Data only; nothing here knows of Plotly, HTML or a terminal. A row holds numbers, and the words beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..library import presets_for, starters_for
from ..run import StudyRecord, Trial
from .wording import NOTHING, clause, decibels, duration

NUMERIC = frozenset({"rank", "candidate", "score", "PSNR", "stop", "time"})
"""Columns of ``candidate_cells`` that hold numbers."""

_ORDER = {"complete": 0, "pruned": 1, "running": 2, "waiting": 3, "failed": 4}


@dataclass(frozen=True)
class CandidateRow:
    """One candidate of a study.

    Args:
        rank: 1 for the best; ``None`` unless the candidate is complete.
        number: the trial's, from 0.
        state: complete, pruned, failed, running or waiting.
        score: estimated PSNR in dB, made without a reference.
        psnr: against the reference, in dB; ``None`` without one.
        step: the iteration at which the fit was stopped.
        seconds: wall time of the fit.
        at: seconds from the study's first start to this candidate's end.
        shape: the network in a few words.
        origin: how the candidate came to be: a known network's name, or what was done to its parents.
        published: one of the networks from the literature.
        remark: why it ended, was pruned or failed.
        digest: of the genome.
        chosen: the search's winner, which is not always the best by the score.
    """

    rank: int | None
    number: int
    state: str
    score: float | None
    psnr: float | None
    step: int | None
    seconds: float | None
    at: float | None
    shape: str
    origin: str
    published: bool
    remark: str
    digest: str
    chosen: bool = False


@dataclass(frozen=True)
class HistoryRow:
    """The best score of a study when a candidate was finished; ``at`` in seconds, scores in dB."""

    number: int
    at: float
    score: float
    best: float


@dataclass(frozen=True)
class Agreement:
    """How far the score, which knows no reference, ranks candidates as the reference does.

    Args:
        kendall: Kendall's τ-b between score and PSNR, in [-1, 1].
        candidates: how many were compared.
    """

    kendall: float
    candidates: int


@dataclass(frozen=True)
class FinalistRow:
    """One of the best candidates; both numbers in dB.

    Args:
        number: the candidate's.
        score: estimated PSNR; on measurements that selection never saw unless ``split`` is "first".
        standard_error: of its difference to the best one.
        split: what it was scored on: "first", "second" or "whole picture".
    """

    number: int
    score: float
    standard_error: float | None
    split: str = "second"


@dataclass(frozen=True)
class ReasonRow:
    """Why candidates were not fitted to their end: the state, the reason, and whom it befell."""

    state: str
    reason: str
    numbers: tuple[int, ...]


def candidate_rows(record: StudyRecord) -> tuple[CandidateRow, ...]:
    """All candidates: complete ones by score, best first; then pruned, running, waiting and failed ones.

    What a study that has delivered never began is left out.
    """
    start, known = _start(record.trials), _known(record.request.options.task)
    best_first = sorted(
        (e for e in record.trials if e.state != "waiting" or record.result is None),
        key=lambda e: (_ORDER[e.state], -(e.score if e.score is not None else -1e9), e.number),
    )
    winner = record.winner()
    return tuple(
        _row(trial, rank, start=start, known=known, chosen=trial == winner)
        for rank, trial in enumerate(best_first, start=1)
    )


def history_rows(record: StudyRecord) -> tuple[HistoryRow, ...]:
    """The complete candidates in the order in which they were finished, with the best score so far."""
    start = _start(record.trials)
    finished = sorted(
        (e.finished, e.number, e.score)
        for e in record.trials
        if e.state == "complete" and e.score is not None and e.finished is not None
    )
    rows: list[HistoryRow] = []
    for end, number, score in finished:
        best = max(score, rows[-1].best) if rows else score
        rows.append(HistoryRow(number=number, at=end - start, score=score, best=best))
    return tuple(rows)


def finalist_rows(record: StudyRecord) -> tuple[FinalistRow, ...]:
    """The finalists of ``result.json``, where it has any."""
    entries = (record.result or {}).get("finalists") or ()
    return tuple(
        FinalistRow(
            int(entry["number"]),
            float(entry["score"]),
            entry.get("standard_error"),
            str(entry.get("split", "second")),
        )
        for entry in entries
        if isinstance(entry, Mapping) and "number" in entry and entry.get("score") is not None
    )


def reason_rows(record: StudyRecord) -> tuple[ReasonRow, ...]:
    """Failed and pruned candidates by their reasons: failures first, then the most frequent."""
    found: dict[tuple[str, str], list[int]] = {}
    for e in record.trials:
        if e.state in ("failed", "pruned"):
            reason = e.reason or e.ended or "no reason was recorded"
            found.setdefault((e.state, reason), []).append(e.number)
    rows = (ReasonRow(state, reason, tuple(numbers)) for (state, reason), numbers in found.items())
    return tuple(sorted(rows, key=lambda row: (row.state != "failed", -len(row.numbers), row.reason)))


def state_words(record: StudyRecord) -> str:
    """How many candidates are in which state, in words."""
    names = {} if record.result is None else {"waiting": "not begun"}
    found = (f"{count} {names.get(state, state)}" for state, count in counts(record).items() if count)
    return clause(*found) or "no candidate yet"


def counts(record: StudyRecord) -> dict[str, int]:
    """How many candidates are in each state; every state is there, also with 0."""
    found = dict.fromkeys(_ORDER, 0)
    for trial in record.trials:
        found[trial.state] += 1
    return found


def agreement(record: StudyRecord) -> Agreement | None:
    """Kendall's τ between score and PSNR over the complete candidates; ``None`` with fewer than three.

    Source: Kendall (1945), the treatment of ties in ranking problems.
    """
    pairs = [
        (e.score, e.psnr)
        for e in record.trials
        if e.state == "complete" and e.score is not None and e.psnr is not None
    ]
    if len(pairs) < 3:
        return None
    from scipy.stats import kendalltau

    tau = float(kendalltau([score for score, _ in pairs], [psnr for _, psnr in pairs]).statistic)
    return Agreement(kendall=tau, candidates=len(pairs)) if tau == tau else None


def candidate_cells(rows: Sequence[CandidateRow]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Candidates as text: headings, and a line of cells for each; a column without content is left out."""
    columns = {
        "rank": [str(row.rank or "") for row in rows],
        "candidate": [str(row.number) for row in rows],
        "score": [decibels(row.score) for row in rows],
        "PSNR": [decibels(row.psnr) for row in rows],
        "stop": [str(row.step) if row.step is not None else NOTHING for row in rows],
        "time": [duration(row.seconds) for row in rows],
        "state": [row.state for row in rows],
        "network": [row.shape for row in rows],
        "origin": [row.origin for row in rows],
        "remark": [row.remark for row in rows],
    }
    kept = {heading: cells for heading, cells in columns.items() if set(cells) - {"", NOTHING}}
    return tuple(kept), tuple(zip(*kept.values(), strict=True))


def _row(
    trial: Trial,
    rank: int,
    *,
    start: float,
    known: Mapping[str, tuple[str, bool]],
    chosen: bool,
) -> CandidateRow:
    genome, digest = trial.genome, trial.digest or ""
    name, published = known.get(digest, ("", False))
    origin = name or trial.operator or ""
    parents = " and ".join(str(parent) for parent in trial.parents)
    return CandidateRow(
        rank=rank if trial.state == "complete" else None,
        number=trial.number,
        state=trial.state,
        score=trial.score,
        psnr=trial.psnr,
        step=trial.step,
        seconds=trial.seconds,
        at=None if trial.finished is None else trial.finished - start,
        shape=genome.label if genome is not None else "",
        origin=f"{origin} of {parents}" if parents else origin,
        published=published,
        remark=trial.reason or trial.ended or "",
        digest=digest,
        chosen=chosen,
    )


def _known(task: str) -> dict[str, tuple[str, bool]]:
    """By digest: the name of each network of the library, and whether it is from the literature."""
    ours = {genome.digest: (name, False) for name, genome in starters_for(task)}
    return ours | {genome.digest: (name, True) for name, genome in presets_for(task)}


def _start(trials: Sequence[Trial]) -> float:
    return min((e.started for e in trials if e.started is not None), default=0.0)
