"""Restoring by Langevin sampling: what is written and what it says."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from dipsearch.errors import InputError
from dipsearch.fitting import Langevin
from dipsearch.fitting.engine import EagerEngine, Reading
from dipsearch.problem import TaskOptions, read_image, write_image
from dipsearch.run import Silent, Snapshot, run_sampling
from dipsearch.run.one_by_one import Restorations

SHORT = Langevin(burn_in=10, every=5, steps=30)


def sampled(
    tmp_path: Path,
    options: TaskOptions,
    *,
    source: str = "sample:coffee@32",
    network: str = "dipsearch_nearest_16",
) -> dict[str, object]:
    (result,) = run_sampling(
        network,
        [source],
        options,
        out=tmp_path,
        device="cpu",
        seed=0,
        langevin=SHORT,
        budget_seconds=None,
        callback=Silent(),
    ).rows
    return result


def test_the_mean_and_its_deviation_are_written(tmp_path: Path) -> None:
    result = sampled(tmp_path, TaskOptions("denoise", sigma=25, simulate=True))
    deviation = np.load(tmp_path / "coffee-32-deviation.npz")["deviation"]
    restored = read_image(str(result["restored"])).pixels
    assert deviation.shape == tuple(restored.shape)
    assert deviation.min() > 0
    assert result["samples"] == 5
    assert float(result["psnr"]) > 10  # type: ignore[arg-type]


def test_observed_pixels_are_exact_and_not_unsure(tmp_path: Path) -> None:
    result = sampled(tmp_path, TaskOptions("inpaint", missing=50))
    deviation = np.load(tmp_path / "coffee-32-deviation.npz")["deviation"]
    clean, restored = (read_image(name).pixels for name in ("sample:coffee@32", str(result["restored"])))
    kept = deviation[0, 0] == 0
    assert kept.mean() == pytest.approx(0.5, abs=0.01)
    assert float((clean - restored).abs()[0, :, kept].max()) < 0.5 / 255


def test_a_network_with_a_pilot_gets_the_answer_of_similar_patches(tmp_path: Path) -> None:
    result = sampled(tmp_path, TaskOptions("denoise", sigma=25, simulate=True), network="dipsearch_pilot_32")
    assert result["samples"] == 5
    assert float(result["psnr"]) > 10  # type: ignore[arg-type]


def test_the_measurement_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    write_image(path, read_image("sample:coffee@32").pixels)
    with pytest.raises(InputError, match="that is the damaged picture itself"):
        sampled(tmp_path, TaskOptions("denoise", sigma=25), source=str(path))


def test_all_planes_of_a_film_are_written_each_with_its_map(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 255, (2, 16, 16)).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "film.tif", planes, photometric="minisblack", imagej=True, metadata={"axes": "TYX"}
    )
    results = run_sampling(
        "dipsearch_nearest_16",
        [f"{tmp_path / 'film.tif'}[{plane}]" for plane in range(2)],
        TaskOptions("denoise", sigma=25),
        out=tmp_path / "out",
        device="cpu",
        seed=0,
        langevin=SHORT,
        budget_seconds=None,
        callback=Silent(),
    ).rows
    assert tifffile.imread(tmp_path / "out" / "film.tif").shape == (2, 16, 16)
    assert len({row["deviation"] for row in results}) == 2
    assert all(Path(str(row["deviation"])).exists() for row in results)


class Impatient(Silent):
    """Asks to finish at the first sign, of a plane or picture of this name."""

    def __init__(self, name: str = "") -> None:
        self.name, self.asked, self.warnings = name, False, list[str]()

    def progress(self, snapshot: Snapshot) -> None:
        if not self.asked and self.name in str(snapshot.workers[0].label):
            self.asked = True
            os.kill(os.getpid(), signal.SIGTERM)

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def test_a_film_of_which_some_planes_were_not_begun_replaces_no_earlier_one(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 255, (3, 16, 16)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "film.tif", planes, photometric="minisblack", metadata={"axes": "TYX"})
    shutil.copy(tmp_path / "film.tif", tmp_path / "other.tif")
    out = tmp_path / "out"

    def sampled_film(*names: str, ear: Silent, **more: Any) -> Restorations:
        return run_sampling(
            "dipsearch_nearest_16",
            [str(tmp_path / name) for name in names],
            TaskOptions("denoise", sigma=25),
            out=out,
            device="cpu",
            seed=0,
            langevin=SHORT,
            budget_seconds=None,
            callback=ear,
            **more,
        )

    sampled_film("film.tif", ear=Silent())
    earlier, maps = (out / "film.tif").read_bytes(), sorted(out.glob("*.npz"))
    for file in maps:
        file.unlink()
    ear = Impatient("film-0001")
    done = sampled_film("film.tif", ear=ear)
    assert (out / "film.tif").read_bytes() == earlier
    assert sorted(out.glob("*.npz")) == maps[:2]  # of the planes that were worked on
    assert (done.rows, done.left, done.ended_by) == ([], 1, "SIGTERM")
    assert ear.warnings == ["SIGTERM: 0 of 1 restored, 1 left, with which --resume goes on"]
    done = sampled_film("other.tif", "film.tif", ear=Impatient("other-0002"))
    assert [row["name"] for row in done.rows] == ["other-0000", "other-0001", "other-0002"]
    assert done.left == 1  # in the last plane there was something of each


def test_a_loss_that_is_not_finite_costs_the_other_pictures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = EagerEngine.advance

    def broken(engine: EagerEngine, steps: int) -> Reading:
        reading = advance(engine, steps)
        return replace(reading, loss=float("nan")) if reading.image.shape[-1] == 32 else reading

    monkeypatch.setattr(EagerEngine, "advance", broken)
    found = run_sampling(
        "dipsearch_nearest_16",
        ["sample:coffee@32", "sample:coffee@24"],
        TaskOptions("denoise", sigma=25, simulate=True),
        out=tmp_path,
        device="cpu",
        seed=0,
        langevin=SHORT,
        budget_seconds=None,
        callback=Silent(),
    )
    assert [row["name"] for row in found.rows] == ["coffee-24"]
    assert found.refused["coffee-32"].startswith("nothing was sampled; the loss was not finite")


def test_who_asks_to_finish_gets_what_there_is(tmp_path: Path) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    done = run_sampling(
        "dipsearch_nearest_16",
        ["sample:coffee@32", "sample:chelsea@32"],
        TaskOptions("denoise", sigma=25, simulate=True),
        out=tmp_path,
        device="cpu",
        seed=0,
        langevin=Langevin(burn_in=100, every=5, steps=10**6),
        budget_seconds=None,
        callback=Impatient(),
    )
    results = done.rows
    assert (done.ended_by, done.left) == ("SIGTERM", 1)
    assert len(results) == 1 and int(results[0]["steps"]) < 100
    assert Path(str(results[0]["restored"])).exists()
    assert not (tmp_path / "chelsea-32.png").exists()


def test_samples_are_taken_as_often_as_is_said(tmp_path: Path) -> None:
    found = run_sampling(
        "dipsearch_nearest_16",
        ["sample:coffee@32"],
        TaskOptions("denoise", sigma=25, simulate=True),
        out=tmp_path,
        device="cpu",
        seed=0,
        langevin=Langevin(burn_in=10, every=15, steps=100),
        budget_seconds=None,
        callback=Silent(),
    )
    assert found.rows[0]["samples"] == 7  # at 10, 25, 40, …, 100
