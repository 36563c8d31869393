"""Recording for the table: what is kept of a fit, and that a folder of recordings is gone on with and packed."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.bench.sketches import principal_axes, sketches_of_errors
from dipsearch.bench.tabular import fit_recording, table_packing, table_recording
from dipsearch.bench.tabular.fit_recording import EVERY, MARK, record_fit
from dipsearch.bench.tabular.table_cases import SIDES, PreparedCase, TablePicture, prepared_of
from dipsearch.bench.tabular.table_genomes import Block, TableGenome
from dipsearch.errors import InputError
from dipsearch.fitting.stopping import ValidationMinimum
from dipsearch.library import preset
from dipsearch.network import load_space
from dipsearch.problem import read_image

NAME = "dipsearch_pilot_16"
PICTURE = TablePicture("astronaut", "sample:astronaut@32", "face", "test")


@pytest.fixture(scope="module")
def case() -> PreparedCase:
    return prepared_of(read_image(PICTURE.source).pixels, "inpaint")


@pytest.fixture(scope="module")
def recorded(case: PreparedCase) -> dict[str, np.ndarray]:
    return record_fit(preset(NAME), case, seed=0, steps=2 * MARK)


def test_a_recording_holds_curves_and_errors_that_agree(
    case: PreparedCase, recorded: dict[str, np.ndarray]
) -> None:
    checks = 2 * MARK // EVERY
    assert all(len(recorded[name]) == checks for name in ("score", "psnr", "now_score", "now_psnr", "step"))
    assert recorded["errors"].shape == (3, int(case.wanted.sum()))
    for row, at in zip(recorded["errors"], (MARK // EVERY - 1, checks - 1, checks - 1), strict=True):
        mse = float((row.astype(np.float64) ** 2).mean())
        assert case.psnr_of(mse) == pytest.approx(float(recorded["psnr"][at]), abs=0.02)
    assert (recorded["step"] <= EVERY * np.arange(1, checks + 1)).all()
    assert recorded["psnr"][-1] > recorded["psnr"][0] + 2
    assert str(recorded["ended"]) == "STEPS" and np.isfinite(recorded["polished_score"])


def test_values_that_were_measured_or_score_are_not_judged(case: PreparedCase) -> None:
    assert case.problem.exact is not None
    seen = (case.problem.exact > 0).expand_as(case.clean).reshape(-1).numpy()
    scoring = (case.split.score_weight > 0).expand_as(case.clean).reshape(-1).numpy()
    assert not (case.wanted & (seen | scoring)).any() and case.wanted.sum() > 500
    assert case.share == pytest.approx(0.5, abs=0.02)
    assert case.psnr(case.clean) == pytest.approx(100)


def test_every_task_has_a_case() -> None:
    clean = read_image("sample:astronaut@96").pixels
    for task, share in (("denoise", 1.0), ("inpaint", 0.5), ("sr", 1.0)):
        case = prepared_of(clean, task)
        assert case.share == pytest.approx(share, abs=0.02) and case.first.shape == clean.shape
        assert np.isfinite(case.errors(case.first)).all() and case.psnr(case.first) > 18


def test_sketches_keep_errors_and_distances() -> None:
    drawn = np.random.default_rng(0)
    basis, far = drawn.standard_normal((5, 400)), 0.01 * drawn.standard_normal((12, 400))
    errors = (0.05 * drawn.standard_normal((12, 5)) @ basis + far).astype(np.float16)
    errors[3] = np.nan
    sketches, beyond = sketches_of_errors(errors, dimensions=5)
    there = [k for k in range(12) if k != 3]
    exact = (errors[there].astype(np.float64) ** 2).mean(axis=1)
    assert np.allclose((sketches[there] ** 2).mean(axis=1) + beyond[there], exact, rtol=1e-3)
    apart = ((errors[0].astype(np.float64) - errors[1]) ** 2).mean()
    found = ((sketches[0] - sketches[1]) ** 2).mean() + beyond[0] + beyond[1]
    assert found == pytest.approx(apart, rel=0.02)
    assert np.isnan(sketches[3]).all() and np.isnan(beyond[3])


def test_principal_axes_are_orthonormal_and_no_more_than_there_are() -> None:
    rows = np.random.default_rng(1).standard_normal((4, 50)).astype(np.float32)
    axes = principal_axes(np.vstack([rows, rows]), most=8)
    assert axes.shape == (4, 50)
    assert np.allclose(axes @ axes.T, np.eye(4), atol=1e-4)


@pytest.fixture
def small(case: PreparedCase, monkeypatch: pytest.MonkeyPatch) -> list[TableGenome]:
    """One task, one picture, few iterations."""
    for module in (table_recording, table_packing):
        monkeypatch.setattr(module, "TASKS", ("inpaint",))
        monkeypatch.setattr(module, "prepared", lambda picture, task: case)
    monkeypatch.setattr(table_recording, "most_steps", lambda *of: MARK)
    genome = preset(NAME)
    return [TableGenome(NAME, "known", genome, load_space("skip").nearest(genome))]


def test_a_folder_is_gone_on_with_and_packed(tmp_path: Path, small: list[TableGenome]) -> None:
    blocks = [Block(NAME, 0), Block(NAME, 1)]
    jobs = table_recording.table_jobs(small, blocks, [PICTURE])
    assert [job.file for job in jobs] == [
        f"{preset(NAME).digest}-{seed}-astronaut-inpaint.npz" for seed in (0, 1)
    ]
    assert table_recording.record_table(jobs, folder=tmp_path, workers=1, hours=1e-9) == 0
    with pytest.raises(InputError, match="holds no genome with fits to all 1 pictures and 1 tasks"):
        table_packing.pack_table(small, blocks, [PICTURE], folder=tmp_path)
    lines: list[str] = []
    assert table_recording.record_table(jobs[:1], folder=tmp_path, workers=1, watch=lines.append) == 1
    assert table_recording.record_table(jobs[:1], folder=tmp_path, workers=1, watch=lines.append) == 1
    assert len(lines) == 1 and lines[0].startswith(f"1 of 1: {NAME} 0 astronaut inpaint: ")
    speeds = {f"{preset(NAME).digest}@{side}": 0.01 for side in SIDES.values()}
    (tmp_path / table_recording.SPEEDS).write_text(json.dumps(speeds))
    table = table_packing.pack_table(small, blocks, [PICTURE], folder=tmp_path)
    assert list(table.cases[0].fits) == [(preset(NAME).digest, 0)]  # the second seed is not there
    fit = table.cases[0].fits[preset(NAME).digest, 0]
    assert fit.sketches.shape == (3, 96) and fit.steps == MARK
    final = table.cases[0].psnr(fit.sketches[-2].astype(np.float64), float(fit.beyond[-2]))
    assert final == pytest.approx(float(fit.psnr[-1]), abs=0.02)
    assert table.query(NAME, MARK, picture="astronaut", task="inpaint").seconds == pytest.approx(0.8)


def test_a_fit_that_diverges_is_recorded_as_nothing(case: PreparedCase) -> None:
    broken = PreparedCase(
        case.problem, case.split, case.clean, case.pilot * torch.nan, case.first, case.wanted, case.share
    )
    found = record_fit(preset(NAME), broken, seed=0, steps=MARK)
    assert str(found["ended"]) == "DIVERGED" and len(found["score"]) == 0
    assert np.isnan(found["polished"]).all() and found["errors"].shape[0] == 1


def test_a_fit_that_its_rule_ends_is_recorded_to_that_check_point(
    case: PreparedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = ValidationMinimum(floor=30, patience=0, patience_share=0.0)
    monkeypatch.setattr(fit_recording, "default_rule", lambda split, patience: hasty)
    found = record_fit(preset(NAME), case, seed=0, steps=2 * MARK)
    assert (
        str(found["ended"]) == "RISEN" and len(found["now_psnr"]) == len(found["score"]) < 2 * MARK // EVERY
    )
    assert (
        np.isfinite(found["now_psnr"]).all()
        and found["errors"].shape[0] == len(found["score"]) * EVERY // MARK + 1
    )
