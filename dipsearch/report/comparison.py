"""Several studies as plain rows: what each had reached after the same time, and what a kind of study reaches.

Studies that differ in nothing but the seed are one group; the groups are what is compared. Equal budget means
equal wall time: a curve ends where the shortest study of its group ended.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..delivery.answer_words import delivered_estimate
from ..run import Request, StudyRecord
from .tables import counts, history_rows
from .timeline import start_of

_POINTS = 120


@dataclass(frozen=True)
class Progress:
    """The best score of one study over its time.

    Args:
        name: of the study.
        at: seconds from its start at which a candidate was finished, or a slice of it, rising.
        estimated_psnr: estimated PSNR in dB of the best candidate until then.
        psnr: that same candidate's PSNR against the reference; ``None`` without one.
        end: seconds at which the study ended, as far as is known.
    """

    name: str
    at: tuple[float, ...]
    estimated_psnr: tuple[float, ...]
    psnr: tuple[float | None, ...]
    end: float


@dataclass(frozen=True)
class Band:
    """A group of studies over time: the median and the quartiles of a value in dB.

    Args:
        label: what the studies of the group have in common and others do not.
        studies: their names.
        at: seconds.
        median: at these times.
        low: the first quartile.
        high: the third quartile.
    """

    label: str
    studies: tuple[str, ...]
    at: tuple[float, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class ComparedRow:
    """One study of a comparison; scores in dB, time in seconds."""

    name: str
    group: str
    seed: int
    complete: int
    failed: int
    seconds: float
    estimated_psnr: float | None
    delivered_estimate: float | None
    delivered_psnr: float | None


def progress(record: StudyRecord) -> Progress:
    """The best score of a study over its time, from the candidates that count."""
    start, rows = start_of(record), history_rows(record)
    psnr = {e.number: e.psnr for e in record.trials}
    psnrs: list[float | None] = []
    for before, row in zip((None, *rows), rows, strict=False):
        better = before is None or row.best > before.best
        psnrs.append(psnr[row.number] if better else psnrs[-1])
    last = max((e.finished - start for e in record.trials if e.finished is not None), default=0.0)
    at, estimates = tuple(row.at for row in rows), tuple(row.best for row in rows)
    return Progress(record.request.name, at, estimates, tuple(psnrs), max((last, *at[-1:])))


def groups(records: Sequence[StudyRecord]) -> dict[str, tuple[StudyRecord, ...]]:
    """Studies by what distinguishes them, seeds aside; the label names only what differs between groups."""
    traits = [_traits(record.request) for record in records]
    differing = [name for name in traits[0] if len({trait[name] for trait in traits}) > 1] if traits else []
    found: dict[str, list[StudyRecord]] = {}
    for record, trait in zip(records, traits, strict=True):
        label = ", ".join(trait[name] for name in differing) or "all studies"
        found.setdefault(label, []).append(record)
    return {label: tuple(members) for label, members in found.items()}


def bands(grouped: Mapping[str, Sequence[StudyRecord]], *, value: str = "estimated_psnr") -> tuple[Band, ...]:
    """The median and the quartiles of each group over the time that all of its studies had.

    Args:
        grouped: studies by label.
        value: "estimated_psnr", or "psnr" where references exist.
    """
    found = (_band(label, [progress(record) for record in group], value) for label, group in grouped.items())
    return tuple(band for band in found if band is not None)


def compared_rows(grouped: Mapping[str, Sequence[StudyRecord]]) -> tuple[ComparedRow, ...]:
    """One row for every study, group by group."""
    rows = []
    for label, group in grouped.items():
        for record in group:
            found, best, result = counts(record), record.ranked()[:1], record.result or {}
            rows.append(
                ComparedRow(
                    name=record.request.name,
                    group=label,
                    seed=record.request.seed,
                    complete=sum(trial.counts for trial in record.trials),
                    failed=found["failed"],
                    seconds=float(result.get("seconds") or progress(record).end),
                    estimated_psnr=best[0].estimated_psnr if best else None,
                    delivered_estimate=delivered_estimate(result),
                    delivered_psnr=result.get("delivered_psnr"),
                )
            )
    return tuple(rows)


def cautions(records: Sequence[StudyRecord]) -> tuple[str, ...]:
    """What keeps the studies from being compared fairly, in sentences."""
    found = []
    if len({(record.request.options.task, record.request.sources) for record in records}) > 1:
        found.append(
            "These studies differ in their pictures or tasks: decibels of one say little about another."
        )
    if len({record.request.device for record in records}) > 1 or len({_workers(r) for r in records}) > 1:
        found.append(
            "They ran with different numbers of workers or on different devices, so equal time is not equal work."
        )
    if unfinished := [record.request.name for record in records if record.result is None]:
        found.append(f"Not delivered: {', '.join(unfinished)}.")
    return tuple(found)


def _band(label: str, courses: Sequence[Progress], value: str) -> Band | None:
    usable = [course for course in courses if course.at and None not in _values(course, value)]
    if not usable:
        return None
    # Before every study of the group has a first candidate there is no median of all of them.
    begin, end = max(course.at[0] for course in usable), min(course.end for course in usable)
    if begin > end:
        return None
    times = sorted({*np.linspace(begin, end, _POINTS).tolist(), *_steps(usable, begin, end)})
    table = np.array(
        [[_values(course, value)[bisect_right(course.at, t) - 1] for t in times] for course in usable],
        dtype=float,
    )
    low, median, high = np.quantile(table, (0.25, 0.5, 0.75), axis=0)
    return Band(
        label,
        tuple(course.name for course in usable),
        tuple(round(t, 2) for t in times),
        *(tuple(round(float(v), 4) for v in row) for row in (median, low, high)),
    )


def _steps(courses: Sequence[Progress], begin: float, end: float) -> list[float]:
    """The times of all finished candidates, when they are few enough to be drawn exactly."""
    times = [t for course in courses for t in course.at if begin <= t <= end]
    return times if len(times) <= 2 * _POINTS else []


def _values(course: Progress, value: str) -> tuple[float | None, ...]:
    return course.psnr if value == "psnr" else course.estimated_psnr


def _traits(request: Request) -> dict[str, str]:
    pictures = [Path(source).stem for source in request.sources]
    return {
        "task": request.options.task,
        "picture": pictures[0] if len(pictures) == 1 else f"{len(pictures)} pictures from {pictures[0]}",
        "sampler": request.sampler,
        "space": f"space {Path(request.space).stem}",
        "start": f"{request.start} start",
        "order": f"order {request.order}",
        "precision": request.precision,
        "budget": "no budget" if request.budget_seconds is None else f"{request.budget_seconds:g} s",
        "trials": "" if request.trials is None else f"{request.trials} candidates",
        "steps": "" if request.steps is None else f"{request.steps} iterations",
        "damage": ", ".join(
            f"{name} {value}"
            for name, value in request.options.to_dict().items()
            if name not in ("task", "mask", "reference")
            and value not in (None, False)
            # Every task has the factor 4 that only one knows.
            and (name != "factor" or request.options.task == "sr")
        ),
    }


def _workers(record: StudyRecord) -> object:
    return (record.result or {}).get("workers", record.request.workers)
