"""Fits of single networks to measurements of operators: recorded once, and the oracle sees every iterate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.bench.operators import operator_fits
from dipsearch.bench.operators.operator_cases import INSTRUMENTS
from dipsearch.bench.operators.operator_fits import (
    DIP_NETWORK,
    FitJob,
    fit_in_processes,
    fitted_row,
    recording_file,
)
from dipsearch.bench.recordings.recording import read_recording
from dipsearch.bench.recordings.replays import default_choice
from dipsearch.bench.rivals import dip_default
from dipsearch.network import Genome, Scale
from dipsearch.problem import psnr, write_image
from dipsearch.trials.objective import estimated_psnr

GENOME = Genome(scales=(Scale(8, 8, channels_skip=2),) * 2, upsampling="nearest", input_channels=4)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crop of 32 × 32; all networks are one small one."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 2, 32), indexing="ij")
    planes = torch.stack([rows.sin(), columns.cos().abs(), (rows + columns).sin().abs()])
    write_image(tmp_path / "waves@32.png", planes[None] * 0.7 + 0.1)
    monkeypatch.setattr(operator_fits, "contestant", lambda name: GENOME)
    monkeypatch.setattr(dip_default, "preset", {DIP_NETWORK: GENOME}.__getitem__)
    return tmp_path


def job(folder: Path, operator: str, method: str, *, steps: int = 30) -> FitJob:
    return FitJob(folder / "waves@32.png", operator, 0, method, steps, folder / "kept")


def test_the_row_of_the_default_network_says_in_which_precision_it_was_fitted(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: True)
    long = job(small, "mri", "dip-oracle", steps=10)
    short = replace(long, precision="bf16")
    rows = [fitted_row(one) for one in (long, short)]
    assert rows[1].version == f"{rows[0].version} in bf16"
    assert rows[0].psnr != rows[1].psnr == pytest.approx(rows[0].psnr, abs=0.5)


@pytest.mark.parametrize("operator", list(INSTRUMENTS))
def test_a_network_is_recorded_and_its_row_is_where_the_default_rule_stops(
    small: Path, operator: str
) -> None:
    wanted = job(small, operator, "network narrow")
    row = fitted_row(wanted)
    file = recording_file(wanted.case(), wanted)
    recording, judged = read_recording(file)
    stop = default_choice(recording)
    assert stop is not None
    assert row.psnr == pytest.approx(stop.psnr, abs=1e-4)
    assert row.psnr == pytest.approx(psnr(judged, wanted.case().clean), abs=0.01)
    assert row.stop_loss_db == pytest.approx(float(recording.psnr.max()) - stop.psnr, abs=1e-4)
    assert row.estimate == pytest.approx(estimated_psnr(stop.validation_mse), abs=1e-4)
    assert (row.operator, row.picture, row.limit, row.kendall_tau) == (operator, "waves@32", 30, None)
    assert (small / "kept" / ".gitignore").read_text() == "*\n"


def test_a_recording_that_is_there_is_not_made_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fitted_row(job(small, "mri", "network narrow"))
    monkeypatch.setattr(operator_fits, "record", None)
    assert fitted_row(job(small, "mri", "network narrow")) == first
    with pytest.raises(TypeError):  # of another length it is another one
        fitted_row(job(small, "mri", "network narrow", steps=40))


def test_the_oracle_delivers_the_iterate_nearest_to_the_truth(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = job(small, "ct", "dip-oracle")
    case = wanted.case()
    seen: list[float] = []
    fit = dip_default.fit

    def watched(*arguments: object, **options: object) -> object:
        inner = options["watch"]

        def watch(check: object, image: torch.Tensor) -> None:
            seen.append(psnr(image.clamp(0, 1), case.clean))
            inner(check, image)  # type: ignore[operator]

        assert options["split"].kind == "whole"  # type: ignore[attr-defined]
        return fit(*arguments, **(options | {"watch": watch}))  # type: ignore[arg-type]

    monkeypatch.setattr(dip_default, "fit", watched)
    image = operator_fits._oracle(case, wanted)
    assert len(seen) == 3
    assert psnr(image.clamp(0, 1), case.clean) == max(seen)
    row = fitted_row(wanted)
    assert row.psnr == pytest.approx(max(seen), abs=1e-4)
    assert (row.method, row.limit, row.stop_loss_db, row.estimate) == ("dip-oracle", 30, None, None)


def test_a_fit_that_diverges_has_no_psnr(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dip_default, "fit", lambda *arguments, **options: None)
    row = fitted_row(job(small, "mri", "dip-oracle"))
    assert (row.psnr, row.ssim) == (None, None)


@pytest.mark.slow
def test_processes_make_the_same_rows(small: Path) -> None:
    (row,) = fit_in_processes(1)([job(small, "gaussian blur", "network narrow", steps=20)])
    assert (row.method, row.limit, row.psnr is not None) == ("network narrow", 20, True)
