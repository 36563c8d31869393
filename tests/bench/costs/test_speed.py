"""The speed table: its rows, and the section of the page that it owns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dipsearch.bench import NETWORKS, file_name, measure_speed, speed_markdown, write_section
from dipsearch.bench.shared.machine import Ceilings, Clock, measure_ceilings

KEYS = {
    "network", "size", "device", "engine", "its_per_s", "ratio_to_textbook", "peak_share",
    "memory_predicted_mb", "memory_measured_mb",
}  # fmt: skip


def test_every_row_has_what_the_file_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: False)
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


def test_a_processor_with_amx_has_a_second_row_in_bf16_and_its_own_ceiling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: True)
    seen: list[int] = []
    table = measure_speed(
        ["32x4"], [32], seconds=0.01, memory=False, watch=lambda table: seen.append(len(table.rows))
    )
    assert seen == [1, 2]  # a measurement that is broken off has its rows
    long, short = table.rows
    assert (long.precision, short.precision) == ("fp32", "bf16")
    assert table.ceilings.bf16 is not None and table.ceilings.tf32 is None
    assert short.peak_share == pytest.approx(1e9 * short.gflop * short.its_per_s / table.ceilings.bf16)


def test_the_networks_are_those_of_the_benchmark() -> None:
    assert list(NETWORKS) == ["128x5", "8-16-32-64-128", "32x4", "64x4", "decoder"]
    assert all(scale.channels_skip == 0 for scale in NETWORKS["decoder"].scales)


def test_ceilings_are_plausible() -> None:
    ceilings = measure_ceilings("cpu", clock=Clock("cpu", threads=1))
    assert 1e9 < ceilings.flops < 1e13
    assert 1e8 < ceilings.bytes < 1e13


def test_each_precision_is_measured_against_its_own_ceiling() -> None:
    gpu = Ceilings(5e13, 3e12, 4e14, 8e14)
    assert [gpu.of(word) for word in ("fp32", "tf32", "bf16")] == [5e13, 4e14, 8e14]
    assert [Ceilings(5e13, 3e12).of(word) for word in ("fp32", "tf32", "bf16")] == [5e13] * 3


def test_a_cpu_has_one_ceiling_for_all_of_them_and_the_switches_stay_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: False)
    before = torch.backends.cuda.matmul.allow_tf32
    found = measure_ceilings("cpu", clock=Clock("cpu", threads=1))
    assert (found.tf32, found.bf16) == (None, None)
    assert torch.backends.cuda.matmul.allow_tf32 == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_with_tensor_cores_the_shorter_formats_are_faster() -> None:
    found = measure_ceilings("cuda:0", clock=Clock("cuda:0", threads=1))
    assert found.tf32 is not None and found.bf16 is not None
    assert 1.5 * found.flops < found.tf32 < found.bf16
    assert found.bytes > 1e11
    problem = measure_speed(["128x5"], [256], device="cuda:0", seconds=1.0, memory=False)
    assert all(row.peak_share < 1 for row in problem.rows)
    assert [(row.engine, row.precision) for row in problem.rows] == [
        ("eager", "tf32"), ("cuda_graph", "tf32"), ("cuda_graph", "bf16"),
    ]  # fmt: skip


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
