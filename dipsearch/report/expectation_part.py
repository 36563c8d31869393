"""What such searches came to on recorded pictures, in the seconds and the dB of one study."""

from __future__ import annotations

from ..library import preset
from ..library.expected_course import course_network, expected_course
from ..run import StudyRecord
from .timeline import spans


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
