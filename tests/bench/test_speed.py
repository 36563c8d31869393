"""The speed table: its rows, and the section of the page that it owns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dipsearch.bench import (
    NETWORKS,
    Clock,
    file_name,
    measure_ceilings,
    measure_speed,
    speed_markdown,
    write_section,
)

KEYS = {
    "network", "size", "device", "engine", "its_per_s", "ratio_to_textbook", "peak_share",
    "memory_predicted_mb", "memory_measured_mb",
}  # fmt: skip


def test_every_row_has_what_the_file_promises(tmp_path: Path) -> None:
    table = measure_speed(["32x4"], [32], seconds=0.01, memory=False)
    content = json.loads(json.dumps(table.to_dict()))
    (row,) = content["rows"]
    assert row.keys() >= KEYS
    assert row["turns"] >= 3
    assert row["ratio_low"] <= row["ratio_to_textbook"] <= row["ratio_high"]
    assert row["peak_share"] == pytest.approx(
        1e9 * row["gflop"] * row["its_per_s"] / content["ceilings"]["flops"]
    )
    lines = speed_markdown(table).splitlines()
    assert lines[-1].startswith("| 32x4 | 32² | eager fp32 | ")
    assert lines[-1].count("|") == lines[-2].count("|") == lines[-3].count("|")


def test_the_networks_are_those_of_the_benchmark() -> None:
    assert list(NETWORKS) == ["128x5", "8-16-32-64-128", "32x4", "64x4", "decoder"]
    assert all(scale.channels_skip == 0 for scale in NETWORKS["decoder"].scales)


def test_ceilings_are_plausible() -> None:
    ceilings = measure_ceilings("cpu", clock=Clock("cpu", threads=1))
    assert 1e9 < ceilings.flops < 1e13
    assert 1e8 < ceilings.bytes < 1e13


def test_a_section_is_replaced_and_the_rest_of_the_page_kept(tmp_path: Path) -> None:
    page = tmp_path / "BENCHMARKS.md"
    write_section(page, "a", "first")
    write_section(page, "b", "second")
    page.write_text(page.read_text() + "\nwritten by hand\n")
    write_section(page, "a", "third")
    text = page.read_text()
    assert "first" not in text
    assert text.index("third") < text.index("second") < text.index("written by hand")
    assert text.count("<!-- begin a -->") == text.count("<!-- end a -->") == 1


def test_names_of_machines_become_names_of_files() -> None:
    assert file_name("Intel(R) Xeon(R) @ 2.10GHz") == "intel-r-xeon-r-2-10ghz"
