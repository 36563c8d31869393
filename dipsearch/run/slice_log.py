"""The log of the slices: who advanced which candidate, how far, and why; a line each in ``slices.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

LOG = "slices.jsonl"


@dataclass(frozen=True)
class SliceRow:
    """One slice.

    Args:
        candidate: its number.
        worker: who advanced it; -1 where that is not known.
        began, ended: Unix seconds.
        before, after: iterations of the candidate.
        score: its estimated PSNR in dB afterwards; ``None`` where that is not finite.
        why: the policy's words.
    """

    candidate: int
    worker: int
    began: float
    ended: float
    before: int
    after: int
    score: float | None
    why: str


def append_slice(folder: Path, row: SliceRow) -> None:
    """Add a line; a line that was cut by a kill is left behind and skipped by whoever reads."""
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(row)) + "\n")


def read_slices(folder: Path) -> Iterator[SliceRow]:
    """All slices of a study that can be read, in their order; none of a study without a log."""
    file = folder / LOG
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield SliceRow(**json.loads(line))
        except (ValueError, TypeError):
            continue
