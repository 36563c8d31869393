"""The journal, only read: for whoever looks at a study that may be somebody else's, or at work.

It makes nothing and locks nothing, unlike Optuna's own backend. Every record is checked for its types before Optuna
sees it, and a last line without an end is left for whoever searches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from optuna.storages.journal import BaseJournalBackend
from pydantic import BaseModel, ConfigDict, Field

from ..errors import FormatError
from ..json_files import parse_json
from ..plain_files import inside, plain_file
from ..yaml_files import validate
from .journal import JOURNAL

LONGEST = 2**24
"""Bytes of a record at the most."""


class Record(BaseModel):
    """One line of a journal; which of the values there are depends on what happened."""

    model_config = ConfigDict(extra="allow", strict=True)

    op_code: int = Field(ge=0, le=99)
    worker_id: str
    study_id: int | None = None
    trial_id: int | None = None
    study_name: str | None = None
    directions: list[int] | None = None
    state: int | None = None
    value: float | None = None
    values: list[float] | None = None
    datetime_start: str | None = None
    datetime_complete: str | None = None
    user_attr: dict[str, Any] | None = None
    user_attrs: dict[str, Any] | None = None
    system_attr: dict[str, Any] | None = None
    system_attrs: dict[str, Any] | None = None
    params: dict[str, Any] | None = None
    distributions: dict[str, str] | None = None
    distribution: str | None = None
    param_name: str | None = None
    param_value_internal: float | None = None
    step: int | None = None
    intermediate_value: float | None = None
    intermediate_values: dict[str, float] | None = None


class JournalReader(BaseJournalBackend):
    """What `optuna.storages.JournalStorage` reads a study from.

    Args:
        folder: the study's.

    Raises:
        FormatError: while reading: the journal is no file of this folder, or one of its lines is no record.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends = [0]  # where each record that was read begins; the last: where the next one will

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The records from this number on, as far as they are there."""
        path = inside(self._folder, JOURNAL)
        number = min(log_number_from, len(self._ends) - 1)
        with plain_file(path) as journal:
            journal.seek(self._ends[number])
            while (line := journal.readline(LONGEST + 1)).endswith(b"\n"):
                number += 1
                source = f"{path}, line {number}"
                record = parse_json(line, source=source)
                validate(Record, record, source=source)
                if number == len(self._ends):
                    self._ends.append(self._ends[-1] + len(line))
                if number > log_number_from:
                    yield record
        if len(line) > LONGEST:
            raise FormatError(
                f"{path}, line {number + 1} is longer than {LONGEST:,} bytes",
                "a record is one line",
                "restore the file from a copy",
            )

    def append_logs(self, logs: list[dict[str, Any]]) -> NoReturn:
        """Refuse: whoever looks at a study changes nothing in it."""
        raise NotImplementedError("a journal that is only read has no new records")
