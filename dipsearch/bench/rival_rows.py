"""The rows of the comparison with rivals, and the file that keeps them: it grows by one row after another."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import FormatError
from ..files import write_text

Side = Literal["ours", "rival", "oracle"]

DIGITS = 4


@dataclass(frozen=True)
class RivalRow:
    """What one method made of one measurement.

    Args:
        picture, task, damage, method: which cell of which table.
        psnr: in dB over all pixels and channels; ``None`` where it is infinite or no number.
        ssim: ``None`` where it is not known.
        cpu_s: processor time of all its processes; ``None`` where it was not measured by itself.
        version: of the program.
        wall_s: on the clock.
        seed: of the damage and of the method.
        side: whose method it is; an oracle has seen the clean picture.
        measurement: the digest of what was measured.
    """

    picture: str
    task: str
    damage: str
    method: str
    psnr: float | None
    ssim: float | None
    cpu_s: float | None
    version: str
    wall_s: float | None
    seed: int
    side: Side
    measurement: str

    @property
    def place(self) -> tuple[str, str, str, int]:
        """What two rows that exclude each other share."""
        return self.picture, self.damage, self.method, self.seed


class RivalFile:
    """The rows in ``rivals.json``, written anew after each one.

    Args:
        path: of the file; it need not exist.
        about: what is written beside the rows.

    Raises:
        FormatError: the file holds something else.
    """

    def __init__(self, path: Path, *, about: Mapping[str, Any]) -> None:
        self.path, self._about = path, dict(about)
        self._rows = {row.place: row for row in read_rows(path)} if path.exists() else {}

    @property
    def rows(self) -> tuple[RivalRow, ...]:
        """All rows, in the order in which they were made."""
        return tuple(self._rows.values())

    def has(self, place: tuple[str, str, str, int], *, measurement: str) -> bool:
        """Whether there is such a row, made from this very measurement."""
        row = self._rows.get(place)
        return row is not None and row.measurement == measurement

    def add(self, rows: Iterable[RivalRow]) -> None:
        """Add rows, in the place of older ones of other measurements, and write the file."""
        self._rows |= {row.place: row for row in rows}
        content = self._about | {"rows": [asdict(row) for row in self._rows.values()]}
        write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_rows(path: Path) -> list[RivalRow]:
    """The rows of a file.

    Raises:
        FormatError: it is missing, damaged, or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        return [_row(values) for values in content["rows"]]
    except FileNotFoundError as error:
        raise FormatError(
            f"there is no file {path}", "it holds the rows that were measured", "measure some first"
        ) from error
    except (UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(
            f"{path} holds no table of rivals ({error or type(error).__name__})",
            "it is what bench rivals wrote",
            "repair it, or move it away and measure again",
        ) from error


def finite(value: float | None) -> float | None:
    """The value rounded to four digits; ``None`` where there is none that JSON could hold."""
    return round(value, DIGITS) if value is not None and math.isfinite(value) else None


def _row(values: Mapping[str, Any]) -> RivalRow:
    row = RivalRow(**{field.name: values[field.name] for field in fields(RivalRow)})
    texts = (row.picture, row.task, row.damage, row.method, row.version, row.measurement)
    numbers = (row.psnr, row.ssim, row.cpu_s, row.wall_s)
    if (
        not all(isinstance(text, str) for text in texts)
        or not all(value is None or type(value) in (int, float) for value in numbers)
        or type(row.seed) is not int
        or row.side not in get_args(Side)
    ):
        raise ValueError(f"in the row of {row.method} on {row.picture} a value is of the wrong kind")
    return row


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")
