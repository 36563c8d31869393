"""What searching brought over the best known network, in words and as the course of the best so far.

Beside it stands what such searches came to on recorded pictures, in the seconds and the dB of this study.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..delivery.search_gain import KNOWN
from ..library import preset
from ..library.expected_course import course_network, expected_course
from ..run import StudyRecord
from .tables import history_rows
from .timeline import spans
from .wording import signed

EXPECTED = "expected of such searches"
"""What the course that searches elsewhere had is called."""


@dataclass(frozen=True)
class AnytimeRow:
    """What a search would have had at a moment.

    Args:
        at: seconds since it began.
        candidates: that had come to a score by then.
        best: estimated PSNR in dB of the best of them.
        known: that of the best known network; ``None`` before there is one.
    """

    at: float
    candidates: int
    best: float
    known: float | None


def anytime_rows(record: StudyRecord) -> tuple[AnytimeRow, ...]:
    """How the best so far grew, with and without what the search itself made."""
    origins = {trial.number: trial.operator for trial in record.trials}
    rows: list[AnytimeRow] = []
    known: float | None = None
    seen: set[int] = set()
    for row in history_rows(record):
        seen.add(row.number)
        if origins.get(row.number) == KNOWN:
            known = row.estimated_psnr if known is None else max(known, row.estimated_psnr)
        rows.append(AnytimeRow(row.at, len(seen), row.best, known))
    return tuple(rows)


def gain_words(record: StudyRecord) -> str:
    """What searching brought, also where it is nothing; empty where that is not recorded."""
    found = (record.result or {}).get("search_gain")
    if found is None:
        return ""
    known, made, gain = found.get("known"), found.get("made"), found.get("gain")
    if made is None:
        return "Searching brought nothing: no network that the search made itself came to count."
    if known is None:
        return "No known network was compared, so it cannot be said what searching brought."
    if gain is None:
        return ""
    error = found.get("standard_error")
    width = "" if error is None else f" ± {error:.2f}"
    words = f"{signed(gain)}{width} dB"
    names = (
        f"candidate {made}, the best that the search made, against candidate {known}, the best known network"
    )
    if gain <= 0 or (error is not None and gain <= error):
        return f"Searching brought nothing that can be told from chance: {words} ({names}; estimated)."
    return f"Searching brought {words} ({names}; estimated)."


def anytime_words(*, expected: bool) -> str:
    """What the course of the best so far shows.

    Args:
        expected: such searches elsewhere are drawn beside it.
    """
    words = "The lines are the best so far, of all candidates and of the known networks alone."
    if expected:
        words += (
            " The dashed line is what to expect: how searches of other pictures with the same damage rose, moved to "
            "the height of this one's first answer."
        )
    return words


def expectation(record: StudyRecord, *, bar: float) -> list[tuple[float, float]]:
    """Seconds since the search began, and estimated PSNR in dB; empty where nothing like it is recorded.

    Args:
        record: of a study in which the network was fitted whose iterations are counted.
        bar: estimated PSNR in dB of the first answer.
    """
    working = spans(record)
    workers, each = (record.result or {}).get("workers"), _seconds_per_step(record)
    if not working or not isinstance(workers, int) or workers < 1 or each is None:
        return []
    begun, until = min(span.start for span in working), max(span.end for span in working)
    course = [
        (begun + iterations * each / workers, bar + gain)
        for iterations, gain in expected_course(record.request.options.task)
    ]
    return [point for point in course if point[0] <= until]


def _seconds_per_step(record: StudyRecord) -> float | None:
    """Of the network whose iterations are counted; ``None`` where it was not fitted."""
    known = preset(course_network())
    for trial in record.trials:
        if trial.digest == known.digest and trial.seconds and trial.steps:
            return trial.seconds / trial.steps
    return None
