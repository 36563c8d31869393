"""Who did what when: each worker's candidates as spans of time."""

from __future__ import annotations

from dataclasses import dataclass

from ..run import StudyRecord


@dataclass(frozen=True)
class Span:
    """The time that one candidate took on one worker; seconds from the start of the study.

    Args:
        worker: its number; ``None`` when it was not recorded.
        number: the candidate's.
        state: complete, pruned, failed or running.
        start: when its fit began.
        end: when it ended; for one that runs, the latest time that the study knows of.
    """

    worker: int | None
    number: int
    state: str
    start: float
    end: float


def spans(record: StudyRecord, *, now: float | None = None) -> tuple[Span, ...]:
    """Every candidate that was started, in the order of starting.

    Args:
        record: the study.
        now: Unix seconds at which running candidates are looked at; ``None``: the latest end of any other.
    """
    started = [e for e in record.trials if e.started is not None]
    begin = min((e.started or 0.0 for e in started), default=0.0)
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
        for e in sorted(started, key=lambda e: (e.started or 0.0, e.number))
    )
