"""Defects: hot, warm and dead pixels stand out alone; stars, beads, noise and texture do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from skimage import data

from dipsearch.problem import TaskOptions, load_case, psnr, write_restored
from dipsearch.problem.gate.defects import find_defects, without_defects

PHOTO = data.chelsea()[60:156, 100:196, 1].astype(float)


def found(values: np.ndarray, *, ends_only: bool = False) -> np.ndarray:
    pixels = torch.from_numpy(np.atleast_3d(values).astype(np.float32)).permute(2, 0, 1)[None]
    return find_defects(pixels, ends_only=ends_only)[0, 0].numpy()


def photons(scene: np.ndarray, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.rint(rng.poisson(scene * 3) * 2.0 + 200 + rng.normal(0, 6, scene.shape)).clip(0)


@pytest.mark.parametrize(("low", "high"), [(3000, 30000), (65535, 65536), (0, 1)])
def test_hot_and_dead_pixels_are_found_and_no_others(low: float, high: float) -> None:
    rng, values = np.random.default_rng(1), photons(PHOTO + 20)
    assert not found(values).any()
    places = rng.permutation(values.size // 16)[:28]  # none beside another
    rows, columns = 4 * (places // 24), 4 * (places % 24)
    values[rows, columns] = rng.uniform(low, high, 28)
    seen = found(values)
    assert seen[rows, columns].mean() >= (0.6 if low == 0 else 1)  # dead ones in the dark stand out less
    assert seen.sum() <= seen[rows, columns].sum() + 1  # a glint may be as sharp
    filled = without_defects(torch.from_numpy(values)[None, None], torch.from_numpy(seen)[None, None])
    assert not found(filled[0, 0].numpy()).any()


@pytest.mark.parametrize("width", [1.5, 2.0, 3.0])
def test_stars_are_no_defects(width: float) -> None:
    rows, columns = np.mgrid[:96, :96]
    for seed in range(4):
        rng = np.random.default_rng(seed)
        stars = np.zeros((96, 96))
        for strength, (row, column) in zip(
            10 ** rng.uniform(2, 4.3, 40), rng.uniform(3, 93, (40, 2)), strict=True
        ):
            stars += strength * np.exp(
                -((rows - row) ** 2 + (columns - column) ** 2) / 2 / (width / 2.355) ** 2
            )
        assert not found(rng.poisson(stars) + 300 + rng.normal(0, 8, stars.shape)).any()


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_noise_on_a_photo_is_no_defect(sigma: float) -> None:
    noisy = PHOTO + np.random.default_rng(2).normal(0, sigma, PHOTO.shape)
    assert not found(noisy / 255).any()
    assert not found(noisy.clip(0, 255).round() / 255, ends_only=True).any()


def test_tails_beads_of_few_photons_and_patterns_are_no_defects() -> None:
    rng = np.random.default_rng(3)
    assert not found(PHOTO * rng.exponential(1, PHOTO.shape)).any()
    assert not found(PHOTO + 10 * rng.standard_t(3, PHOTO.shape)).any()
    assert not found(rng.poisson(PHOTO / 2550).astype(float)).any()
    board = 1000.0 * (np.indices((64, 64)).sum(0) % 2) + rng.normal(0, 20, (64, 64))
    assert not found(board).any()
    assert not found(
        PHOTO + 3000 * (rng.random(PHOTO.shape) < 0.03)
    ).any()  # that many are noise of another kind


def test_a_picture_with_hot_pixels_is_restored_as_one_without(tmp_path: Path) -> None:
    scene = PHOTO + 20
    clean, values = torch.from_numpy(scene * 6 + 200)[None, None], photons(scene)
    hot = values.copy()
    hot[5::16, 7::16] = 20000
    cases = []
    for name, one in (("clean", values), ("hot", hot)):
        tifffile.imwrite(tmp_path / f"{name}.tif", one.astype(np.uint16))
        cases.append(load_case(str(tmp_path / f"{name}.tif"), TaskOptions("denoise", sigma=40), seed=0))
    without, with_hot = cases
    said = [note for note in with_hot.notes if "hot or dead" in note]
    assert said == ["36 hot or dead pixels are replaced by the median of their neighbours before all else"]
    assert not any("hot" in note for note in without.notes)
    assert with_hot.ends == pytest.approx(without.ends, rel=0.02)
    write_restored(tmp_path / "back.tif", with_hot.problem.y + 1e-3, with_hot)
    back = torch.from_numpy(tifffile.imread(tmp_path / "back.tif").astype(float))[None, None]
    noisy = psnr(torch.from_numpy(values)[None, None], clean, data_range=1500.0)
    assert psnr(back, clean, data_range=1500.0) > noisy - 0.3


def test_a_picture_that_is_delivered_as_it_is_keeps_its_outliers(tmp_path: Path) -> None:
    values = np.rint(PHOTO * 100)
    values[40, 40] = 60000
    tifffile.imwrite(tmp_path / "a.tif", values.astype(np.uint16))
    case = load_case(str(tmp_path / "a.tif"), TaskOptions("denoise"), seed=0)
    assert case.left_alone and case.notes[-1].startswith("there may be ")
    assert case.notes[-1].endswith("--task inpaint --mask FILE fills")
    assert not any("half of it is taken" in note for note in case.notes)
    write_restored(tmp_path / "b.tif", case.problem.y, case)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), values)
