"""The course of single fits as plain rows: the score along the way, and where each fit was stopped.

The outputs that were kept along the way are compared with the reference here, for people; the fits
themselves never were.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import FormatError
from ..search import Evaluation, StudyRecord, read_curves, read_trajectory

_POINTS = 300  # more cannot be told apart on a screen, and the page grows


@dataclass(frozen=True)
class Course:
    """The true PSNR of a fit's averaged output, in dB, at some iterations."""

    step: tuple[int, ...]
    psnr: tuple[float, ...]


@dataclass(frozen=True)
class CurveRow:
    """The course of one fit, of the study's first picture.

    Args:
        number: the candidate's.
        label: how the curve is called.
        step: iterations of the check points.
        score: estimated PSNR in dB there.
        course: the true PSNR along the fit; ``None`` when it was not recorded.
        stop: the iteration that was chosen.
        at_stop: the score there, in dB.
    """

    number: int
    label: str
    step: tuple[int, ...]
    score: tuple[float | None, ...]
    course: Course | None
    stop: int
    at_stop: float | None


@dataclass(frozen=True)
class Stopping:
    """How far below its own peak each fit was stopped.

    Args:
        mean: PSNR lost, in dB, on average.
        worst: the most that a candidate lost, in dB.
        candidates: how many were looked at.
    """

    mean: float
    worst: float
    candidates: int


def curve_rows(record: StudyRecord, *, top: int = 5) -> tuple[CurveRow, ...]:
    """The curves of the ``top`` best complete candidates; one without a readable file is left out."""
    rows = (_curve_row(record, evaluation) for evaluation in record.ranked()[:top])
    return tuple(row for row in rows if row is not None)


def stopping(record: StudyRecord) -> Stopping | None:
    """How much the stop cost the complete candidates; ``None`` where their true course was not recorded."""
    losses = []
    for evaluation in record.ranked():
        course = _course(record, evaluation.number)
        if course is not None and evaluation.psnr is not None:
            losses.append(max(0.0, max(course.psnr) - evaluation.psnr))
    if not losses:
        return None
    return Stopping(mean=sum(losses) / len(losses), worst=max(losses), candidates=len(losses))


def _curve_row(record: StudyRecord, evaluation: Evaluation) -> CurveRow | None:
    try:
        curves = read_curves(record.folder, evaluation.number)
    except FormatError:
        return None
    steps = [int(step) for step in curves["step"]]
    if not steps:
        return None
    every = max(1, -(-len(steps) // _POINTS))
    score, stop = _decibels_of(curves["score"]), int(curves["chosen"])
    nearest = min(range(len(steps)), key=lambda index: abs(steps[index] - stop))
    return CurveRow(
        number=evaluation.number,
        label=f"candidate {evaluation.number}",
        step=tuple(steps[::every]),
        score=score[::every],
        course=_course(record, evaluation.number),
        stop=stop,
        at_stop=score[nearest],
    )


def _course(record: StudyRecord, number: int) -> Course | None:
    reference = record.pictures[0].reference if record.pictures else None
    if reference is None:
        return None
    try:
        steps, psnr = read_trajectory(record.folder, number, reference)
    except FormatError:
        return None
    if not len(steps):
        return None
    return Course(step=tuple(int(step) for step in steps), psnr=tuple(float(value) for value in psnr))


def _decibels_of(errors: Iterable[float]) -> tuple[float | None, ...]:
    """Mean squared errors in dB; ``None``, a gap in the curve, where one is not positive and finite."""
    values = (float(error) for error in errors)
    return tuple(-10 * math.log10(error) if 0 < error < math.inf else None for error in values)
