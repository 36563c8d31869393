"""A file of rows: groups are kept and replaced as a whole, and nothing else than rows is read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from dipsearch.bench.shared.row_file import RowFile, read_rows
from dipsearch.errors import FormatError


@dataclass(frozen=True)
class Row:
    name: str
    number: int
    value: float | None
    side: Literal["left", "right"]
    measurement: str = "abc"

    @property
    def group(self) -> tuple[object, ...]:
        return (self.name,)


ROW = Row("one", 1, 0.5, "left")


def opened(path: Path) -> RowFile[Row]:
    return RowFile(path, Row, command="bench things", about={"date": "today"})


def test_groups_are_written_at_once_and_read_again(tmp_path: Path) -> None:
    file = opened(tmp_path / "rows.json")
    rows = [ROW, replace(ROW, number=2, value=None), replace(ROW, name="two", value=3)]
    file.add(rows)
    assert opened(file.path).rows == tuple(rows) == tuple(read_rows(file.path, Row, command="x"))
    assert json.loads(file.path.read_text())["date"] == "today"


def test_a_group_takes_the_place_of_the_older_one_as_a_whole(tmp_path: Path) -> None:
    file = opened(tmp_path / "rows.json")
    file.add([ROW, replace(ROW, number=2), replace(ROW, name="two")])
    assert file.has(("one",), measurement="abc")
    assert not file.has(("one",), measurement="abd") and not file.has(("three",), measurement="abc")
    file.add([replace(ROW, number=3, measurement="abd")])
    assert [(row.name, row.number) for row in file.rows] == [("one", 3), ("two", 1)]
    assert file.has(("one",), measurement="abd") and not file.has(("one",), measurement="abc")


def test_rows_that_are_only_read_keep_the_command_and_date_that_measured_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    first = RowFile(path, Row, command="bench things", about={"command": "measure", "date": "Monday"})
    assert first.measured_by == ("measure", "Monday")
    first.add([ROW])
    later = RowFile(path, Row, command="bench things", about={"command": "read", "date": "Friday"})
    assert later.measured_by == ("measure", "Monday")
    later.add([replace(ROW, name="two")])
    assert later.measured_by == ("read", "Friday")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"rows": 3}',
        b'{"rows": [{"name": "one"}]}',
        b'{"rows": [17]}',
        b"\xff\xfe\x00",
        *(
            json.dumps({"rows": [asdict(ROW) | change]}).encode()
            for change in (
                {"name": 1},
                {"number": 1.5},
                {"number": True},
                {"number": None},
                {"value": "high"},
                {"value": True},
                {"value": float("nan")},
                {"side": "top"},
            )
        ),
        json.dumps({"rows": [asdict(ROW)]}).replace("0.5", "1e999").encode(),
    ],
)
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="holds no rows of bench things"):
        opened(path)


def test_what_json_cannot_hold_is_not_written(tmp_path: Path) -> None:
    file = opened(tmp_path / "rows.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        file.add([replace(ROW, value=float("inf"))])
    assert not file.path.exists()
