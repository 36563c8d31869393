"""The slices of a study for people: who was advanced when, how far, and why.

The log is read as it is; lines that cannot be meant are left out, so that a damaged one costs only itself. A study of
an older version has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
