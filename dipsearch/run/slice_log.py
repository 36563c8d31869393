"""The log of the slices: who advanced which candidate, how far, and why; a line each in ``slices.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from ..errors import FormatError
from ..field_names import renamed, reversed_names
from ..json_files import parse_json
from ..plain_files import inside_or_none, plain_bytes
from ..trials.trial import Count
from ..visible import Words
from ..yaml_files import Strict, validate

LOG = "slices.jsonl"

IN_FILES = {"estimated_psnr": "score"}
"""What the log calls a field of ``SliceRow``."""

MOST_BYTES = 2**28
"""Of a log: a million slices."""


@dataclass(frozen=True)
class SliceRow:
    """One slice.

    Args:
        candidate: its number.
        worker: who advanced it; -1 where that is not known.
        began, ended: Unix seconds.
        before, after: iterations of the candidate.
        estimated_psnr: its estimated PSNR in dB afterwards; ``None`` where that is not finite.
        why: the policy's words.
    """

    candidate: int
    worker: int
    began: float
    ended: float
    before: int
    after: int
    estimated_psnr: float | None
    why: str


def append_slice(folder: Path, row: SliceRow) -> None:
    """Add a line; a line that was cut by a kill is left behind and skipped by whoever reads."""
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(renamed(asdict(row), IN_FILES)) + "\n")


def read_slices(folder: Path) -> Iterator[SliceRow]:
    """All slices of a study that can be read, in their order; none of a study without a log.

    Raises:
        FormatError: the log is no file of this folder.
    """
    file = inside_or_none(folder, LOG)
    if file is None:
        return
    for line in plain_bytes(file, most=MOST_BYTES).splitlines():
        try:
            found = validate(_Row, parse_json(line, source=LOG), source=LOG)
        except FormatError:
            continue
        yield SliceRow(**renamed(found.model_dump(), reversed_names(IN_FILES)))


Moment = Annotated[float, Field(ge=-1e12, le=1e12)]


class _Row(Strict):
    """A slice in the file."""

    candidate: Count
    worker: int
    began: Moment
    ended: Moment
    before: Count
    after: Count
    score: Annotated[float, Field(ge=-1e9, le=1e9)] | None
    why: Words

    @model_validator(mode="after")
    def _in_order(self) -> _Row:
        if self.began > self.ended:
            raise ValueError("it ended before it began")
        return self
