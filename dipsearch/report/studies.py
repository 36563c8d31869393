"""The studies in a folder: which there are, how each stands, and which folder a name in an address means.

A name reaches a folder only when it is the name of a study directly in the root; nothing is ever joined to a
path that came from outside.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import DipsearchError
from ..run import Request, StudyRecord, read_request, read_study
from .timeline import Span, spans

STUDY_FILE = "study.yaml"
QUIET_SECONDS = 300.0
"""A journal grows at every check point of every fit; one that has not for so long belongs to a study that stopped."""


@dataclass(frozen=True)
class StudyRow:
    """One study of a list.

    Args:
        name: of its folder.
        state: running, finished, finished early, stopped, waiting, or cannot be read.
        task: what it restores, and the picture.
        delivered_psnr: in dB, where there is a reference and a result.
        changed: Unix seconds of the latest change.
        remark: why it cannot be read.
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
        working: candidates that are being fitted, with their workers.
    """

    state: str
    seconds: float
    seconds_left: float | None
    working: tuple[Span, ...]


def find_studies(root: Path) -> dict[str, Path]:
    """The folders of the studies directly in ``root``, by name; links that lead out of it are left out."""
    inside = root.resolve()
    return {
        file.parent.name: file.parent
        for file in sorted(root.glob(f"*/{STUDY_FILE}"))
        if file.resolve().is_relative_to(inside)
    }


def study_rows(folders: dict[str, Path], *, now: float | None = None) -> tuple[StudyRow, ...]:
    """How each study stands, the latest change first. Only small files are read."""
    moment = time.time() if now is None else now
    rows = (_row(name, folder, moment) for name, folder in folders.items())
    return tuple(sorted(rows, key=lambda row: (-row.changed, row.name)))


def pulse(record: StudyRecord, *, now: float | None = None) -> Pulse:
    """How a study stands at the moment ``now`` (Unix seconds)."""
    moment = time.time() if now is None else now
    state = state_of(record.folder, now=moment)
    started = min((e.started for e in record.trials if e.started is not None), default=moment)
    ended = max((e.finished for e in record.trials if e.finished is not None), default=started)
    running = state == "running"
    seconds = (moment if running else ended) - started
    budget = record.request.budget_seconds
    left = max(0.0, budget - seconds) if running and budget is not None else None
    working = tuple(span for span in spans(record, now=moment) if span.state == "running") if running else ()
    return Pulse(state, seconds, left, working)


def state_of(folder: Path, *, now: float) -> str:
    """How the study in a folder stands, from its result and from when its journal grew last."""
    result = folder / "result.json"
    changed = _changed(folder)
    resumed = result.exists() and changed > result.stat().st_mtime + 5 and now - changed < QUIET_SECONDS
    if result.exists() and not resumed:
        try:
            content = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "finished"
        return "finished early" if isinstance(content, dict) and content.get("interrupted") else "finished"
    if not (folder / "journal.log").exists():
        return "waiting"
    return "running" if now - changed < QUIET_SECONDS else "stopped"


class Watched:
    """A study that is looked at again and again: read only when something in it has changed.

    Args:
        folder: the study's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._record: StudyRecord | None = None

    def read(self) -> StudyRecord:
        """The study as it is now.

        Raises:
            FormatError: it has gone, or its request cannot be read.
        """
        seen = self._signature()
        if self._record is None or seen != self._seen:
            self._record = read_study(self.folder, earlier=self._record)
            self._seen = seen
        return self._record

    def _signature(self) -> tuple[tuple[str, int, int], ...]:
        if not (self.folder / "journal.log").exists():
            return (("now", time.time_ns(), 0),)  # a database, or nothing yet: nothing tells that it changed
        files = [self.folder / name for name in (STUDY_FILE, "journal.log", "result.json")]
        files += sorted(self.folder.glob("best/first.*")) + sorted(self.folder.glob("best/*/first.*"))
        return tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.exists())


def _row(name: str, folder: Path, now: float) -> StudyRow:
    try:
        request = read_request(folder / STUDY_FILE)
    except DipsearchError as error:
        return StudyRow(name, "cannot be read", "", None, _changed(folder), str(error))
    psnr = None
    try:
        content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        psnr = content.get("delivered_psnr")
    except (OSError, ValueError, AttributeError):
        pass  # no result yet, or a damaged one: the study's own page says which
    return StudyRow(name, state_of(folder, now=now), _task(request), psnr, _changed(folder))


def _task(request: Request) -> str:
    first = Path(request.sources[0]).name if request.sources else ""
    more = f" and {len(request.sources) - 1} more" if len(request.sources) > 1 else ""
    return f"{request.options.task} {first}{more}"


def _changed(folder: Path) -> float:
    journal = folder / "journal.log"
    return (journal if journal.exists() else folder / STUDY_FILE).stat().st_mtime
