"""The memory check: rows that a file keeps, and the table of what was off by how much."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dipsearch.bench import check_memory, memory_markdown
from dipsearch.bench.costs import memory_check
from dipsearch.bench.costs.memory_check import FIRST_SEED
from dipsearch.errors import FormatError
from dipsearch.network.peak_memory import memory_bytes


def written(file: Path, *ratios: float) -> Path:
    """A file whose measured values are such that predictions of now have these ratios; what it predicts is old."""
    rows = []
    for seed, ratio in enumerate(ratios, start=FIRST_SEED):
        genome = memory_check._draw("small", seed)
        megabytes = memory_bytes(genome, image_shape=(1, 3, 64, 64), device="cpu") / 1e6
        rows.append(
            {"space": "small", "seed": seed, "digest": genome.digest, "label": genome.label, "size": 64,
             "predicted_mb": 1.0, "measured_mb": megabytes / ratio}
        )  # fmt: skip
    file.write_text(json.dumps({"rows": rows, "command": "bench memory", "date": "Monday"}))
    return file


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    file = written(tmp_path / "memory.json", 1.0, 1.05, 0.8)
    seen: list[object] = []
    table = check_memory(file, spaces=["small"], genomes=3, sizes=[64], watch=seen.append)
    assert seen == []
    summary = table.to_dict()["summary"]
    assert summary["median"] == pytest.approx(1.0)
    assert summary["smallest"] == pytest.approx(0.8)
    assert summary["within_10_percent"] == pytest.approx(2 / 3)
    assert (table.command, table.date) == ("bench memory", "Monday")


def test_a_genome_that_its_space_draws_no_more_is_measured_anew_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "memory.json", 1.0, 0.8)
    content = json.loads(file.read_text())
    content["rows"][1]["digest"] = "0" * 12
    file.write_text(json.dumps(content))
    monkeypatch.setattr(memory_check, "measured_bytes", lambda genome, size, device: 5_000_000)
    seen: list[memory_check.MemoryRow] = []
    table = check_memory(file, spaces=["small"], genomes=2, sizes=[64], watch=seen.append)
    assert [row.seed for row in seen] == [FIRST_SEED + 1] and seen[0].measured_mb == 5.0
    assert [row.seed for row in table.rows] == [FIRST_SEED, FIRST_SEED + 1]
    assert "0" * 12 not in {row.digest for row in table.rows} and table.date != "Monday"


def test_the_section_has_a_line_for_each_space_and_size_and_one_for_all(tmp_path: Path) -> None:
    table = check_memory(written(tmp_path / "memory.json", 1.0, 0.8), spaces=["small"], genomes=2, sizes=[64])
    lines = memory_markdown(table).splitlines()
    assert lines[-2].startswith("| small | 64² | 2 | ")
    assert lines[-2].endswith(" | 0.90 | 0.82–0.98 | 0.80–1.00 | 50 % |")
    assert lines[-1].startswith("| all |  | 2 |")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text("{}")
    with pytest.raises(FormatError, match="holds no rows of a memory check"):
        check_memory(tmp_path / "memory.json", spaces=["small"], genomes=1, sizes=[64])


@pytest.mark.slow
def test_a_missing_row_is_measured_and_near_its_prediction(tmp_path: Path) -> None:
    table = check_memory(tmp_path / "memory.json", spaces=["small"], genomes=1, sizes=[64])
    assert 0.5 < table.rows[0].ratio < 2
    assert json.loads((tmp_path / "memory.json").read_text())["rows"][0]["measured_mb"] > 0
