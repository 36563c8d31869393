"""The rows of the comparison: one of another measurement or seed is another row, and nothing is never NaN."""

import dataclasses
import math
from pathlib import Path

from dipsearch.bench.rivals.rival_rows import COMMAND, RivalRow
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.trials.true_quality import finite

ROW = RivalRow("house", "denoise", "sigma25", "BM3D", 30.0, 0.9, 4.0, "bm3d 4", 4.5, 0, "rival", "abc")


def test_a_row_of_another_measurement_or_seed_is_another_row(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rivals.json", RivalRow, command=COMMAND, about={})
    file.add([ROW])
    assert file.has(ROW.group, measurement="abc") and not file.has(ROW.group, measurement="abd")
    assert not file.has(dataclasses.replace(ROW, seed=1).group, measurement="abc")
    file.add([dataclasses.replace(ROW, measurement="abd", psnr=31.0)])
    assert [one.psnr for one in file.rows] == [31.0]


def test_what_json_cannot_hold_is_nothing() -> None:
    assert [finite(value) for value in (math.nan, math.inf, -math.inf, None, 1.23456)] == [None] * 4 + [
        1.2346
    ]
