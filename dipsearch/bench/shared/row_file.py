"""A file of rows: what a long benchmark has measured so far, written anew after every group of rows.

Rows of one group belong together: they come from one measurement, are added at once and replaced at once. A row of any
table fits whose class is a frozen dataclass of texts and numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import Field, asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

from ...errors import FormatError
from ...files import write_text


class Row(Protocol):
    """What every row has."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def group(self) -> tuple[object, ...]:
        """What the rows share that exclude older ones."""

    @property
    def measurement(self) -> str:
        """The digest of what was measured; rows of another one are made again."""


R = TypeVar("R", bound=Row)


class RowFile(Generic[R]):
    """The rows in a JSON file.

    Args:
        path: of the file; it need not exist.
        kind: the class of the rows.
        command: that writes such files, as ``bench answers``.
        about: what is written beside the rows as soon as some are added.

    Raises:
        FormatError: the file holds something else.
    """

    def __init__(self, path: Path, kind: type[R], *, command: str, about: Mapping[str, Any]) -> None:
        self.path, self._about = path, dict(about)
        self._groups: dict[tuple[object, ...], list[R]] = {}
        rows, self._stored = _read(path, kind, command=command) if path.exists() else ([], {})
        for row in rows:
            self._groups.setdefault(row.group, []).append(row)

    @property
    def measured_by(self) -> tuple[str, str]:
        """The command that measured rows last, and the date: the stored ones, unless rows were added since."""
        return str(self.about.get("command", "")), str(self.about.get("date", ""))

    @property
    def about(self) -> dict[str, Any]:
        """What stands beside the rows."""
        return self._about | self._stored

    @property
    def rows(self) -> tuple[R, ...]:
        """All rows, in the order in which their groups were made."""
        return tuple(row for rows in self._groups.values() for row in rows)

    def has(self, group: tuple[object, ...], *, measurement: str) -> bool:
        """Whether there is such a group, made from this very measurement."""
        return any(row.measurement == measurement for row in self._groups.get(group, ()))

    def add(self, rows: Iterable[R]) -> None:
        """Add groups of rows, in the place of older ones, and write the file."""
        fresh: dict[tuple[object, ...], list[R]] = {}
        for row in rows:
            fresh.setdefault(row.group, []).append(row)
        self._groups |= fresh
        self._stored = {}
        content = self._about | {"rows": [asdict(row) for row in self.rows]}
        write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_rows(path: Path, kind: type[R], *, command: str) -> list[R]:
    """The rows of a file.

    Raises:
        FormatError: it is missing, damaged, or something else.
    """
    return _read(path, kind, command=command)[0]


def _read(path: Path, kind: type[R], *, command: str) -> tuple[list[R], dict[str, Any]]:
    """The rows of a file, and what stands beside them."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        return [_row(values, kind) for values in content.pop("rows")], content
    except FileNotFoundError as error:
        raise FormatError(
            f"there is no file {path}", "it holds the rows that were measured", "measure some first"
        ) from error
    except (UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(
            f"{path} holds no rows of {command} ({error or type(error).__name__})",
            f"it is what {command} wrote",
            "repair it, or move it away and measure again",
        ) from error


def _row(values: Mapping[str, Any], kind: type[R]) -> R:
    hints = get_type_hints(kind)
    known = {field.name: values[field.name] for field in fields(kind)}
    for name, value in known.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"in a row {name} is {value!r}")
    return kind(**known)


def _fits(value: object, hint: object) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    kinds = get_args(hint) or (hint,)
    if isinstance(value, float):
        return float in kinds and math.isfinite(value)
    return type(value) in kinds or (type(value) is int and float in kinds)


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")
