"""The studies in a folder: which there are, how each stands, and which folder a name in an address means.

A name reaches a folder only when it is the name of a study directly in the root; nothing is ever joined to a
path that came from outside.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from ..errors import DipsearchError, FormatError
from ..plain_files import inside, inside_or_none
from ..run import Request, StudyRecord, read_request, read_study
from ..run.result_file import RESULT_FILE, read_result
from ..run.slice_log import LOG
from ..trials.claim import REQUEST_FILE
from ..trials.holder import read_holder
from ..trials.journal import JOURNAL
from ..visible import one_line, visible
from .timeline import Span, newest, slices_of, span_of, spans, start_of

QUIET_SECONDS, QUIET_SHARE = 300.0, 0.2
"""The books grow with every slice: a study has stopped where they have not for so long, or this share of the budget."""


@dataclass(frozen=True)
class StudyRow:
    """One study of a list.

    Args:
        name: of its folder.
        state: running, finished, finished early, stopped, waiting, or cannot be read.
        task: what it restores, and the picture.
        delivered_psnr: in dB, where there is a reference and a result.
        changed: Unix seconds of the latest change.
        remark: why it, or its result, cannot be read.
    """

    name: str
    state: str
    task: str
    delivered_psnr: float | None
    changed: float
    remark: str = ""


@dataclass(frozen=True)
class Pulse:
    """How a running study stands.

    Args:
        state: as in the list of studies.
        seconds: since its first candidate was started, until now or its end.
        seconds_left: of its budget; ``None`` without one, or when it is over.
        working: the newest slice of every worker; without a log of slices, the candidates that are being fitted.
    """

    state: str
    seconds: float
    seconds_left: float | None
    working: tuple[Span, ...]


def find_studies(root: Path) -> dict[str, Path]:
    """The folders of the studies directly in ``root``, by name; those that are links and lead out of it are left out.

    Where the request is a link it is not followed here: the study is listed, and says that it cannot be read.
    """
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return {
        folder.name: folder
        for folder in folders
        if inside_or_none(root, folder.name) is not None and os.path.lexists(folder / REQUEST_FILE)
    }


def study_rows(folders: dict[str, Path], *, now: float | None = None) -> tuple[StudyRow, ...]:
    """How each study stands, the latest change first; one that is damaged says so. Only small files are read."""
    moment = time.time() if now is None else now
    rows = (_row(name, folder, moment) for name, folder in folders.items())
    return tuple(sorted(rows, key=lambda row: (-row.changed, row.name)))


def pulse(record: StudyRecord, *, now: float | None = None) -> Pulse:
    """How a study stands at the moment ``now`` (Unix seconds)."""
    moment = time.time() if now is None else now
    budget = record.request.budget_seconds
    state = state_of(record.folder, now=moment, budget=budget)
    started = start_of(record) or moment
    ends = [e.finished for e in record.trials if e.finished is not None]
    ended = max([*ends, *(row.ended for row in slices_of(record))], default=started)
    running = state == "running"
    if running and (since := _taken_since(record.folder)) is not None:
        started = max(started, since)  # it was resumed, with a budget of its own
    seconds = (moment if running else ended) - started
    left = max(0.0, budget - seconds) if running and budget is not None else None
    return Pulse(state, seconds, left, _working(record, now=moment, budget=budget) if running else ())


def _taken_since(folder: Path) -> float | None:
    """Unix seconds since when whoever works on a study has had it; ``None``: nobody says so."""
    holder = read_holder(folder)
    try:
        return None if holder is None else datetime.fromisoformat(holder.since).timestamp()
    except ValueError:  # written by somebody else
        return None


def state_of(folder: Path, *, now: float, budget: float | None = None) -> str:
    """How the study in a folder stands, from its result, from who holds it, and from when its books grew last.

    Args:
        folder: the study's.
        now: Unix seconds.
        budget: of the study, in seconds; the slices of a long one are long, and so is its delivery.
    """
    result = folder / RESULT_FILE
    changed = _changed(folder)
    holder = read_holder(folder)
    fresh = now - changed < _quiet(budget) and (holder is None or holder.may_live)
    resumed = result.exists() and changed > result.stat().st_mtime + 5 and fresh
    if result.exists() and not resumed:
        return "finished early" if (_result(folder) or {}).get("interrupted") else "finished"
    if not any((folder / name).exists() for name in (JOURNAL, LOG)):
        return "waiting"
    return "running" if fresh else "stopped"


class Watched:
    """A study that is looked at again and again, also by several at once: read only when something in it has changed.

    Args:
        folder: the study's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: tuple[tuple[str, int, int, int], ...] = ()
        self._record: StudyRecord | None = None
        self._reading = Lock()

    def read(self) -> StudyRecord:
        """The study as it is now.

        Raises:
            FormatError: it has gone, or its request cannot be read.
        """
        with self._reading:
            seen = self._signature()
            if self._record is None or seen != self._seen:
                before = {(name, inode) for name, _, _, inode in self._seen}
                # Another study of this name begins with another journal, and nothing of the old one is true of it.
                same = all((name, inode) in before for name, _, _, inode in seen if name.endswith(JOURNAL))
                self._record = read_study(self.folder, earlier=self._record if same else None)
                self._seen = seen
            return self._record

    def _signature(self) -> tuple[tuple[str, int, int, int], ...]:
        if not (self.folder / JOURNAL).exists():
            # A database, or nothing yet: nothing tells that it changed.
            return (("now", time.time_ns(), 0, 0),)
        files = [self.folder / name for name in (REQUEST_FILE, JOURNAL, LOG, RESULT_FILE)]
        files += sorted(self.folder.glob("best/first.*")) + sorted(self.folder.glob("best/*/first.*"))
        there = [(str(file), file.stat()) for file in files if file.exists()]
        return tuple((name, now.st_mtime_ns, now.st_size, now.st_ino) for name, now in there)


def _row(name: str, folder: Path, now: float) -> StudyRow:
    try:
        request = read_request(inside(folder, REQUEST_FILE))
        state = state_of(folder, now=now, budget=request.budget_seconds)
        result, remark = None, ""
        try:
            result = read_result(folder)
        except FormatError as error:
            remark = one_line(str(error))
        psnr = (result or {}).get("delivered_psnr")
        return StudyRow(name, state, visible(_task(request)), psnr, _changed(folder), remark)
    except Exception as error:  # whatever is in its files: the other studies are shown
        words = str(error) if isinstance(error, DipsearchError) else f"{type(error).__name__}: {error}"
        return StudyRow(name, "cannot be read", "", None, _changed(folder), one_line(words))


def _result(folder: Path) -> dict[str, Any] | None:
    """``None`` also for a damaged one: the study's own page says so."""
    try:
        return read_result(folder)
    except FormatError:
        return None


def _working(record: StudyRecord, *, now: float, budget: float | None) -> tuple[Span, ...]:
    if not slices_of(record):
        return tuple(span for span in spans(record, now=now) if span.state == "running")
    begin, states = start_of(record), {e.number: e.state for e in record.trials}
    return tuple(
        span_of(row, state=states.get(row.candidate, "running"), begin=begin)
        for row in newest(record, since=now - _quiet(budget))
    )


def _quiet(budget: float | None) -> float:
    return max(QUIET_SECONDS, QUIET_SHARE * (budget or 0.0))


def _task(request: Request) -> str:
    first = Path(request.sources[0]).name if request.sources else ""
    more = f" and {len(request.sources) - 1} more" if len(request.sources) > 1 else ""
    return f"{request.options.task} {first}{more}"


def _changed(folder: Path) -> float:
    """Unix seconds of the newest entry in a study's books; 0 where it has just gone."""
    for names in ((JOURNAL, LOG), (REQUEST_FILE,)):
        times = []
        for name in names:
            with suppress(OSError):
                times.append((folder / name).lstat().st_mtime)
        if times:
            return max(times)
    return 0.0
