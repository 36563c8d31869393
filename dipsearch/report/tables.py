"""A study as plain rows: what the page draws, the console prints and programs can check.

Data only; nothing here knows of Plotly, HTML or a terminal. A row holds numbers, and the words beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..delivery.search_gain import KNOWN
from ..library import presets_for, starters_for
from ..run import StudyRecord, Trial
from .timeline import Share, shares_of, slices_of, start_of
from .wording import NOTHING, RESTING, clause, decibels, duration

NUMERIC = frozenset({"rank", "candidate", "score", "PSNR", "stop", "time"})
"""Columns of ``candidate_cells`` that hold numbers."""

_ORDER = {"complete": 0, "resting": 0, "pruned": 1, "running": 2, "waiting": 3, "failed": 4}


@dataclass(frozen=True)
class CandidateRow:
    """One candidate of a study.

    Args:
        rank: 1 for the best; ``None`` unless the candidate counts, being complete, or resting after its first look.
        number: the trial's, from 0.
        state: complete, resting, pruned, failed, running or waiting.
        estimated_psnr: estimated PSNR in dB, made without a reference.
        psnr: against the reference, in dB; ``None`` without one.
        step: the iteration at which the fit was stopped.
        seconds: wall time of the fit.
        at: seconds from the study's first start to this candidate's end, or to that of its newest slice.
        shape: the network in a few words.
        origin: how the candidate came to be: a known network's name, or what was done to its parents.
        known: one of the networks that were known before.
        remark: why it ended, was pruned or failed.
        digest: of the genome.
        chosen: the search's winner, which is not always the best by the score.
        share: what it got in slices; ``None`` where that was not logged.
        at_least: where scores as good as this only order: the PSNR in dB that is sure; else ``None``.
    """

    rank: int | None
    number: int
    state: str
    estimated_psnr: float | None
    psnr: float | None
    step: int | None
    seconds: float | None
    at: float | None
    shape: str
    origin: str
    known: bool
    remark: str
    digest: str
    chosen: bool = False
    share: Share | None = None
    at_least: float | None = None

    @property
    def level(self) -> str:
        """The estimated PSNR in words: ``27.10 dB``; ``37.21 dB or more``."""
        return decibels(self.estimated_psnr) if self.at_least is None else f"{self.at_least:.2f} dB or more"

    @property
    def counts(self) -> bool:
        """Whether it is compared with the others."""
        return self.rank is not None


@dataclass(frozen=True)
class HistoryRow:
    """The best score of a study when a candidate had come to ``score``; ``at`` in seconds, scores in dB."""

    number: int
    at: float
    estimated_psnr: float
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
        estimated_psnr: estimated PSNR; on measurements that selection never saw unless ``split`` is "first".
        standard_error: of its difference to the best one.
        split: what it was scored on: "first", "second" or "whole picture".
    """

    number: int
    estimated_psnr: float
    standard_error: float | None
    split: str = "second"


@dataclass(frozen=True)
class ReasonRow:
    """Why candidates were not fitted to their end: the state, the reason, and whom it befell."""

    state: str
    reason: str
    numbers: tuple[int, ...]


def candidate_rows(record: StudyRecord) -> tuple[CandidateRow, ...]:
    """All candidates: those that count by score, best first; then pruned, running, waiting and failed ones.

    What a study that has delivered never began is left out.
    """
    start, known, shares = start_of(record), _known(record.request.options.task), shares_of(record)
    best_first = sorted(
        (e for e in record.trials if e.state != "waiting" or record.result is None),
        key=lambda e: (
            _ORDER[e.state if e.looked_at else "running"],
            -(e.estimated_psnr if e.estimated_psnr is not None else -1e9),
            e.number,
        ),
    )
    winner, bounds = record.winner(), _bounds(record)
    return tuple(
        _row(
            trial,
            rank,
            start=start,
            known=known,
            chosen=trial is winner,
            share=shares.get(trial.number),
            at_least=_bound(trial, bounds),
        )
        for rank, trial in enumerate(best_first, start=1)
    )


def _bounds(record: StudyRecord) -> dict[float, float]:
    """The bounds of finalists whose errors are too small to be told, by their scores in the search."""
    entries = (record.result or {}).get("finalists") or ()
    found = {entry.get("number"): entry.get("at_least") for entry in entries}
    scores = {trial.number: trial.estimated_psnr for trial in record.trials}
    return {
        score: bound
        for number, bound in found.items()
        if bound is not None and (score := scores.get(number)) is not None
    }


def _bound(trial: Trial, bounds: Mapping[float, float]) -> float | None:
    """That of the finalist next below: what is better than an error that cannot be told cannot be told either."""
    below = [score for score in bounds if trial.estimated_psnr is not None and score <= trial.estimated_psnr]
    return bounds[max(below)] if below else None


def history_rows(record: StudyRecord) -> tuple[HistoryRow, ...]:
    """How the best score so far grew: what every candidate that counts has come to, when it was left or finished.

    Where slices were logged, those are there, too, after which one was the best of all.
    """
    start, last = start_of(record), {number: share.ended for number, share in shares_of(record).items()}
    counting = {e.number: e for e in record.ranked()}
    reached = [
        (row.ended, row.candidate, row.estimated_psnr, row.ended == last[row.candidate])
        for row in slices_of(record)
        if row.candidate in counting and row.estimated_psnr is not None
    ]
    reached += [
        (e.finished, e.number, e.estimated_psnr, True)
        for e in counting.values()
        if e.number not in last and e.estimated_psnr is not None and e.finished is not None
    ]
    rows: list[HistoryRow] = []
    for at, number, estimate, final in sorted(reached):
        best = max(estimate, rows[-1].best) if rows else estimate
        if final or not rows or best > rows[-1].best:
            rows.append(HistoryRow(number=number, at=at - start, estimated_psnr=estimate, best=best))
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
    """How many candidates are in which state, in words; of what a study that has delivered never began nothing."""
    hidden = () if record.result is None else ("waiting",)  # of one that has delivered nobody waits
    found = (f"{n} {state}" for state, n in counts(record).items() if n and state not in hidden)
    return clause(*found) or ("no candidate yet" if record.result is None else "no candidate was begun")


def counts(record: StudyRecord) -> dict[str, int]:
    """How many candidates are in each state; every state is there, also with 0."""
    found = dict.fromkeys(_ORDER, 0)
    for trial in record.trials:
        found[trial.state] += 1
    return found


def agreement(record: StudyRecord) -> Agreement | None:
    """Kendall's τ between score and PSNR over the candidates that count; ``None`` with fewer than three.

    Source: Kendall (1945), the treatment of ties in ranking problems.
    """
    pairs = [(e.estimated_psnr, e.psnr) for e in record.ranked() if e.psnr is not None]
    if len(pairs) < 3:
        return None
    from scipy.stats import kendalltau

    tau = float(kendalltau([estimate for estimate, _ in pairs], [psnr for _, psnr in pairs]).statistic)
    return Agreement(kendall=tau, candidates=len(pairs)) if tau == tau else None


def candidate_cells(rows: Sequence[CandidateRow]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Candidates as text: headings, and a line of cells for each; a column without content is left out."""
    columns = {
        "rank": [str(row.rank or "") for row in rows],
        "candidate": [str(row.number) for row in rows],
        "score": [row.level for row in rows],
        "PSNR": [decibels(row.psnr) for row in rows],
        "stop": [str(row.step) if row.step is not None else NOTHING for row in rows],
        "time": [duration(row.seconds) for row in rows],
        "state": [row.state for row in rows],
        "advanced": [row.share.words if row.share else "" for row in rows],
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
    known: Mapping[str, str],
    chosen: bool,
    share: Share | None,
    at_least: float | None,
) -> CandidateRow:
    genome, digest = trial.genome, trial.digest or ""
    name = known.get(digest, "")
    origin = name or trial.operator or ""
    parents = " and ".join(str(parent) for parent in trial.parents)
    end = trial.finished if share is None else share.ended
    return CandidateRow(
        rank=rank if trial.counts else None,
        number=trial.number,
        state=trial.state,
        estimated_psnr=trial.estimated_psnr,
        psnr=trial.psnr,
        step=trial.step,
        seconds=trial.seconds,
        at=None if end is None else end - start,
        shape=genome.label if genome is not None else "",
        origin=f"{origin} of {parents}" if parents else origin,
        known=bool(name) or trial.operator == KNOWN,
        remark=remark_of(trial),
        digest=digest,
        chosen=chosen,
        share=share,
        at_least=at_least,
    )


def remark_of(trial: Trial) -> str:
    """Why a candidate ended, was given up or rests."""
    return trial.reason or trial.ended or (RESTING if trial.state == "resting" else "")


def _known(task: str) -> dict[str, str]:
    """The name of each network of the library, by digest."""
    return {genome.digest: name for name, genome in (*starters_for(task), *presets_for(task))}
