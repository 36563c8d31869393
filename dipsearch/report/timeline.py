"""Who did what when: each worker's slices as spans of time, and whole fits of which no slice is logged.

The log is read as it is; lines that cannot be meant are left out, so that a damaged one costs only itself. A fit
whose first slice has not ended is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from ..errors import FormatError
from ..run import StudyRecord
from ..run.slice_log import LOG, SliceRow, read_slices
from .wording import clause, plural


@dataclass(frozen=True)
class Share:
    """What one candidate got.

    Args:
        slices: how many in which it was advanced.
        steps: iterations that it had come to after the newest one.
        ended: Unix seconds at which that one ended.
        why: the policy's words for it.
    """

    slices: int
    steps: int
    ended: float
    why: str

    @property
    def words(self) -> str:
        """``5 slices, 300 iterations, the last one: it improves fastest``."""
        why = f"the last one: {self.why}" if self.why else None
        return clause(plural(self.slices, "slice"), plural(self.steps, "iteration"), why)


def slices_of(record: StudyRecord) -> Sequence[SliceRow]:
    """The slices of a study in the order in which they ended; none where there is no log that can be read."""
    try:
        now = (record.folder / LOG).stat()
    except OSError:
        return ()
    return _read(record.folder, now.st_mtime_ns, now.st_size)


def shares_of(record: StudyRecord) -> dict[int, Share]:
    """What each candidate got, by its number."""
    found: dict[int, Share] = {}
    for row in _advancing(record):
        before = found[row.candidate].slices if row.candidate in found else 0
        found[row.candidate] = Share(before + 1, row.after, row.ended, row.why)
    return found


def newest(record: StudyRecord, *, since: float) -> Sequence[SliceRow]:
    """The newest slice of every worker, by its number, of those that ended after ``since`` (Unix seconds)."""
    last = {row.worker: row for row in _advancing(record)}
    return [last[worker] for worker in sorted(last) if last[worker].ended > since]


def because(why: str) -> str:
    """The policy's words inside of a sentence: ``because it improves fastest``, or ``first look`` as it is."""
    return f"because {why}" if why.startswith(("it ", "a ")) else why


def _advancing(record: StudyRecord) -> Iterator[SliceRow]:
    """The slices in which somebody was advanced; in the others only files were written."""
    return (row for row in slices_of(record) if row.after > row.before)


@lru_cache(maxsize=16)  # the tables, the figures and everybody who looks at the same page ask for the same
def _read(folder: Path, changed: int, size: int) -> Sequence[SliceRow]:
    try:
        return sorted(read_slices(folder), key=lambda row: row.ended)
    except FormatError:  # something else in the place of the file
        return ()


MANY = 1000
"""Above so many slices, neighbours of the same candidate become one span."""

MOST = 3000
"""Spans at the most: what is shorter than a pixel is told together."""

PAUSE = 5.0
"""Seconds without a slice after which a worker has paused."""


@dataclass(frozen=True)
class Span:
    """The time that one candidate took on one worker; seconds from the start of the study.

    Args:
        worker: its number; ``None`` when it was not recorded.
        number: the candidate's.
        state: complete, pruned, failed, resting or running.
        start: when its fit, or the slice, began.
        end: when it ended; for one that runs, the latest time that the study knows of.
        before, after: iterations of the candidate; ``None`` where only the whole fit is known.
        why: the policy's words.
        estimated_psnr: estimated PSNR in dB afterwards.
        slices: how many are told together; 0 for a whole fit.
        others: how many other candidates were advanced meanwhile, for too short a time to be seen.
    """

    worker: int | None
    number: int
    state: str
    start: float
    end: float
    before: int | None = None
    after: int | None = None
    why: str = ""
    estimated_psnr: float | None = None
    slices: int = 0
    others: int = 0


def spans(record: StudyRecord, *, now: float | None = None) -> tuple[Span, ...]:
    """Every slice in the order of beginning, and every fit whose slices were not logged.

    Args:
        record: the study.
        now: Unix seconds at which running fits without a log are looked at; ``None``: the latest end of any other.
    """
    log = slices_of(record)
    begin = start_of(record)
    logged = {row.candidate for row in log}
    states = {e.number: e.state for e in record.trials}
    sliced = [span_of(row, state=states.get(row.candidate, "running"), begin=begin) for row in log]
    if len(sliced) > MANY:
        sliced = _merged(sliced)
    if len(sliced) > MOST:
        sliced = _coarse(sliced)
    whole = _whole_fits(record, begin=begin, now=now, without=logged)
    return tuple(sorted([*sliced, *whole], key=lambda span: (span.start, span.number)))


def start_of(record: StudyRecord) -> float:
    """Unix seconds at which the first candidate was begun."""
    first = [row.began for row in slices_of(record)]
    return min([*first, *(e.started for e in record.trials if e.started is not None)], default=0.0)


def span_of(row: SliceRow, *, state: str, begin: float) -> Span:
    """One slice as a span."""
    return Span(
        None if row.worker < 0 else row.worker,
        row.candidate,
        state,
        row.began - begin,
        row.ended - begin,
        row.before,
        row.after,
        row.why,
        row.estimated_psnr,
        1,
    )


def _whole_fits(
    record: StudyRecord, *, begin: float, now: float | None, without: set[int]
) -> tuple[Span, ...]:
    started = [e for e in record.trials if e.started is not None and e.number not in without]
    known = [e.finished for e in started if e.finished is not None]
    latest = now if now is not None else max([*known, *(e.started or 0.0 for e in started)], default=begin)
    return tuple(
        Span(
            worker=e.worker,
            number=e.number,
            state=e.state,
            start=(e.started or 0.0) - begin,
            end=max(e.finished if e.finished is not None else latest, e.started or 0.0) - begin,
        )
        for e in started
    )


def _merged(found: Iterable[Span]) -> list[Span]:
    """Neighbouring slices of the same candidate on the same worker as one, unless the search paused between them."""
    groups: list[list[Span]] = []
    for _, mine in _by_worker(found):
        last: Span | None = None
        for span in mine:
            if last is not None and last.number == span.number and span.start - last.end < PAUSE:
                groups[-1].append(span)
            else:
                groups.append([span])
            last = span
    return [
        replace(group[-1], start=group[0].start, before=group[0].before, slices=len(group))
        for group in groups
    ]


def _coarse(found: Sequence[Span]) -> list[Span]:
    """Of what a worker did within one of ``MOST`` moments, the candidate that took most of it."""
    workers = len({span.worker for span in found})
    moment = max(span.end for span in found) * workers / MOST or 1.0
    kept: list[Span] = []
    for _, mine in _by_worker(found):
        for _, group in groupby(mine, key=lambda span: int(span.start / moment)):
            together = list(group)
            longest = max(together, key=lambda span: span.end - span.start)
            others = len({span.number for span in together} - {longest.number})
            kept.append(replace(longest, start=together[0].start, end=together[-1].end, others=others))
    return kept


def _by_worker(found: Iterable[Span]) -> Iterable[tuple[int, Iterable[Span]]]:
    def worker(span: Span) -> int:
        return -1 if span.worker is None else span.worker

    return groupby(sorted(found, key=lambda span: (worker(span), span.start)), key=worker)
