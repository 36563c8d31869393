"""The course of single fits as plain rows: the score along the way, and where each fit was stopped.

The outputs that were kept along the way are compared with the reference here, for people; the fits
themselves never were.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import FormatError
from ..problem import psnr as true_psnr
from ..run import StudyRecord, Trial, read_curves, read_trajectory
from .members import candidate_output
from .tables import remark_of

_POINTS = 300  # of one curve: more cannot be told apart on a screen
_POINTS_ALTOGETHER = 60_000  # of all curves: the page has to open at once
_FEWEST = 16
LOOKED_AT = 60
"""Candidates whose outputs along the way are compared with the reference: they are large, and slow to read."""


@dataclass(frozen=True)
class Course:
    """The true PSNR of a fit's averaged output, in dB, at some iterations, that of the stop among them where its
    output can be read."""

    step: tuple[int, ...]
    psnr: tuple[float, ...]

    @property
    def peak(self) -> tuple[int, float]:
        """The iteration with the highest PSNR, and that PSNR."""
        best = max(range(len(self.psnr)), key=self.psnr.__getitem__)
        return self.step[best], self.psnr[best]

    def at(self, step: int) -> float | None:
        """The PSNR at an iteration, on a straight line between those that are known; ``None`` beyond them."""
        if not self.step[0] <= step <= self.step[-1]:
            return None
        return float(np.interp(step, self.step, self.psnr))


@dataclass(frozen=True)
class CurveRow:
    """The course of one fit, of the study's first picture.

    Args:
        number: the candidate's.
        label: how the curve is called.
        step: iterations of the check points.
        estimated_psnr: estimated PSNR in dB there.
        course: the true PSNR along the fit; ``None`` when it was not recorded.
        stop: the iteration that was chosen.
        at_stop: the score there, in dB.
        fitted: the training loss at the check points in dB, as a PSNR on the part that is fitted.
        ended: why the fit ended, a sentence.
        counts: whether it counts; otherwise it was given up early.
    """

    number: int
    label: str
    step: tuple[int, ...]
    estimated_psnr: tuple[float | None, ...]
    course: Course | None
    stop: int
    at_stop: float | None
    fitted: tuple[float | None, ...] = ()
    ended: str = ""
    counts: bool = True


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


def curve_rows(record: StudyRecord, *, top: int | None = None) -> tuple[CurveRow, ...]:
    """The curves of the candidates that count, best first, then of the pruned ones.

    Curves are thinned, the more the more there are; a candidate without a readable file is left out.

    Args:
        record: the study.
        top: only so many; ``None``: all of them.
    """
    pruned = [e for e in record.trials if e.state == "pruned"]
    wanted = [*record.ranked(), *pruned][:top]
    points = max(_FEWEST, min(_POINTS, _POINTS_ALTOGETHER // max(1, len(wanted))))
    rows = (
        _curve_row(record, trial, points=points, compare=place < LOOKED_AT)
        for place, trial in enumerate(wanted)
    )
    return tuple(row for row in rows if row is not None)


def stopping(record: StudyRecord, rows: Sequence[CurveRow]) -> Stopping | None:
    """How much the stop cost the candidates that count; ``None`` where their true course was not recorded.

    Outputs are kept every so many iterations only, so that of a stop before the first of them nothing may be known:
    such a candidate is not looked at.
    """
    ranked = {e.number for e in record.ranked()}
    courses = [(row.course, row.stop) for row in rows if row.course is not None and row.number in ranked]
    reached = [(course, course.at(stop)) for course, stop in courses]
    losses = [max(0.0, course.peak[1] - psnr) for course, psnr in reached if psnr is not None]
    if not losses:
        return None
    return Stopping(mean=sum(losses) / len(losses), worst=max(losses), candidates=len(losses))


def _curve_row(record: StudyRecord, trial: Trial, *, points: int, compare: bool) -> CurveRow | None:
    try:
        curves = read_curves(record.folder, trial.number)
    except (FormatError, KeyError):
        return None
    steps = [int(step) for step in curves["step"]]
    if not steps:
        return None
    estimates, stop = _decibels_of(curves["validation_mse"]), int(curves["chosen"])
    nearest = _nearest(steps, stop)
    every = max(1, -(-len(steps) // (points - 1)))
    # The stop stays among the points that are kept, so that its mark lies on the curve.
    kept = sorted({*range(0, len(steps), every), nearest})
    course = _course(record, trial.number, stop) if compare else None
    return CurveRow(
        number=trial.number,
        label=f"candidate {trial.number}",
        step=tuple(steps[index] for index in kept),
        estimated_psnr=tuple(estimates[index] for index in kept),
        course=course,
        stop=stop,
        at_stop=estimates[nearest],
        fitted=tuple(_decibels_of(curves["loss"][kept])),
        ended=remark_of(trial),
        counts=trial.counts,
    )


def _nearest(steps: Sequence[int], step: int) -> int:
    return min(range(len(steps)), key=lambda index: abs(steps[index] - step))


def _course(record: StudyRecord, number: int, stop: int) -> Course | None:
    reference = record.pictures[0].reference if record.pictures else None
    if reference is None:
        return None
    try:
        steps, psnr = read_trajectory(
            record.folder, number, reference, data_range=record.pictures[0].data_range
        )
    except (FormatError, KeyError, ValueError):
        return None
    if not len(steps):
        return None
    known = {int(step): round(float(value), 3) for step, value in zip(steps, psnr, strict=True)}
    output = candidate_output(record.folder, number, 0)
    if output is not None and output.shape == reference.shape:
        known[stop] = round(float(true_psnr(output, reference, data_range=record.pictures[0].data_range)), 3)
    return Course(*zip(*sorted(known.items()), strict=True))


def _decibels_of(errors: Iterable[float]) -> tuple[float | None, ...]:
    """Mean squared errors in dB; ``None``, a gap in the curve, where one is not positive and finite."""
    values = (float(error) for error in errors)
    return tuple(round(-10 * math.log10(e), 3) if 0 < e < math.inf else None for e in values)
