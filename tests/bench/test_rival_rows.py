"""The rows of the comparison: kept one by one, made again only for another measurement, never NaN."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from dipsearch.bench.rival_rows import RivalFile, RivalRow, finite, read_rows
from dipsearch.errors import FormatError


def row(
    picture: str = "house", method: str = "BM3D", psnr: float | None = 30.0, **changes: object
) -> RivalRow:
    made = RivalRow(picture, "denoise", "sigma25", method, psnr, 0.9, 4.0, "bm3d 4", 4.5, 0, "rival", "abc")
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_rows_survive_the_file_and_each_is_written_at_once(tmp_path: Path) -> None:
    file = RivalFile(tmp_path / "rivals.json", about={"date": "today"})
    file.add([row()])
    assert read_rows(file.path) == [row()]
    file.add([row("lena", psnr=None)])
    again = RivalFile(file.path, about={})
    assert again.rows == (row(), row("lena", psnr=None))
    assert json.loads(file.path.read_text())["date"] == "today"


def test_a_row_of_another_measurement_or_seed_is_another_row(tmp_path: Path) -> None:
    file = RivalFile(tmp_path / "rivals.json", about={})
    file.add([row()])
    assert file.has(row().place, measurement="abc")
    assert not file.has(row().place, measurement="abd")
    assert not file.has(row(seed=1).place, measurement="abc")
    file.add([row(measurement="abd", psnr=31.0)])
    assert [one.psnr for one in file.rows] == [31.0]


def test_what_json_cannot_hold_is_nothing() -> None:
    assert [finite(value) for value in (math.nan, math.inf, -math.inf, None, 1.23456)] == [None] * 4 + [
        1.2346
    ]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"rows": 3}',
        '{"rows": [{"picture": "house"}]}',
        '{"rows": [17]}',
        json.dumps({"rows": [dataclasses.asdict(row(psnr="high"))]}),
        json.dumps({"rows": [dataclasses.asdict(row(side="theirs"))]}),
        json.dumps({"rows": [dataclasses.asdict(row(psnr=math.nan))]}),
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "rivals.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FormatError, match="holds no table of rivals"):
        RivalFile(path, about={})
