"""What a first answer costs: which pictures, a row each, and what happens without enough memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.bench.patches import patch_speed
from dipsearch.bench.patches.patch_rows import PatchRow
from dipsearch.bench.patches.patch_speed import (
    Cost,
    SpeedJob,
    cost_of,
    fresh_process,
    measure_costs,
    mirrored,
    problem_of,
    speed_jobs,
)
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.errors import ResourceError

TASKS = ("denoise", "inpaint", "sr")


def opened(folder: Path) -> RowFile[PatchRow]:
    return RowFile(folder / "patches.json", PatchRow, command="bench patches", about={})


def test_squares_of_all_sizes_and_one_photo() -> None:
    jobs = speed_jobs(TASKS, [128, 256], megapixels=12, threads=2)
    assert [(job.width, job.height) for job in jobs[::3]] == [(128, 128), (256, 256), (4000, 3000)]
    assert [job.task for job in jobs[:3]] == list(TASKS) and {job.threads for job in jobs} == {2}
    assert jobs[-1].picture == "coffee, 4000 × 3000"
    (photo,) = speed_jobs(["sr"], [], megapixels=0.02, threads=1)
    assert photo.width * 3 == photo.height * 4 and photo.width % 4 == photo.height % 4 == 0


def test_a_picture_goes_on_mirrored() -> None:
    plane = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert mirrored(plane, 5, 7)[0, 0].tolist() == [
        [0, 1, 2, 2, 1, 0, 0],
        [3, 4, 5, 5, 4, 3, 3],
        [3, 4, 5, 5, 4, 3, 3],
        [0, 1, 2, 2, 1, 0, 0],
        [0, 1, 2, 2, 1, 0, 0],
    ]
    assert mirrored(plane, 1, 2)[0, 0].tolist() == [[0, 1]]


@pytest.mark.parametrize("task", TASKS)
def test_the_usual_damage_is_done_to_it(task: str) -> None:
    problem = problem_of(SpeedJob(task, 48, 32, 1))
    assert problem.task == task and problem.image_shape == (1, 3, 32, 48)
    assert problem.y.shape[-2:] == ((8, 12) if task == "sr" else (32, 48))
    assert problem.noise.sigma == (25 / 255 if task == "denoise" else None)
    assert float(problem.observed.mean()) == pytest.approx(0.5 if task == "inpaint" else 1.0, abs=0.1)


def test_a_row_for_every_job_and_none_twice(tmp_path: Path) -> None:
    asked = []

    def measure(job: SpeedJob) -> Cost:
        asked.append(job)
        return Cost(cpu_s=2.0, wall_s=1.0, peak_mb=None if job.task == "sr" else 122.96)

    jobs, lines = speed_jobs(TASKS, [32, 2048], megapixels=None, threads=2), list[str]()
    measure_costs(jobs, opened(tmp_path), say=lines.append, measure=measure)
    rows = opened(tmp_path).rows
    assert [(row.what, row.task, row.variant, row.pixels, row.peak_mb) for row in rows[2:4]] == [
        ("speed", "sr", "default", 1024, None),
        ("speed", "denoise", "quick", 2048**2, 123.0),
    ]
    assert {row.threads for row in rows} == {2} and rows[0].machine and rows[0].damage == "sigma25"
    assert lines[0].endswith("2.00 CPU s  1.00 s  123 MB") and lines[2].endswith("1.00 s")
    measure_costs(jobs, opened(tmp_path), say=lines.append, measure=measure)
    assert len(asked) == len(lines) == 6
    measure_costs([replace(jobs[0], threads=1)], opened(tmp_path), say=lines.append, measure=measure)
    assert len(opened(tmp_path).rows) == 7


def test_another_machine_is_measured_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [SpeedJob("sr", 32, 32, 1)]
    for name in ("one", "two", "two"):
        monkeypatch.setattr(patch_speed, "machine_name", lambda device, name=name: name)
        measure_costs(jobs, opened(tmp_path), say=len, measure=lambda job: Cost(1.0, 1.0, 1.0))
    assert [row.machine for row in opened(tmp_path).rows] == ["one", "two"]


def test_too_little_memory_leaves_a_line(tmp_path: Path) -> None:
    def measure(job: SpeedJob) -> Cost:
        if job.task == "denoise":
            raise ResourceError("there was not enough memory for x", "y", "z")
        return Cost(1.0, 1.0, 1.0)

    lines = list[str]()
    jobs = speed_jobs(TASKS[:2], [32], megapixels=None, threads=1)
    measure_costs(jobs, opened(tmp_path), say=lines.append, measure=measure)
    assert "denoise  not measured: there was not enough memory for x" in lines[0] and len(lines) == 2
    assert [row.task for row in opened(tmp_path).rows] == ["inpaint"]


def test_the_cost_of_a_small_picture_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    monkeypatch.setattr(
        patch_speed, "answer", lambda problem, threads=1: sizes.append(problem.image_shape[-1])
    )
    cost = cost_of(SpeedJob("denoise", 32, 32, 1))
    assert sizes == [patch_speed.WARM_UP, 32]
    assert 0 <= cost.cpu_s < 5 and 0 <= cost.wall_s < 60 and (cost.peak_mb is None or cost.peak_mb >= 0)


@pytest.mark.slow
def test_a_process_of_its_own_measures_time_and_memory() -> None:
    cost = fresh_process(SpeedJob("denoise", 64, 64, 1))
    assert cost.cpu_s > 0.05 and cost.peak_mb is not None and 1 < cost.peak_mb < 1000
