"""Gaps: values that are no numbers are not measured, say nothing of the noise, and come back as they came."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from skimage.color import rgb2gray
from skimage.data import coffee

import dipsearch as ds
from dipsearch.problem import load_case
from dipsearch.problem.gaps import filled_gaps
from dipsearch.problem.gate.noise_classifier import diagnose
from dipsearch.problem.gate.plain import plain_pixels
from dipsearch.problem.restored_picture import write_restored
from dipsearch.trials.problem_files import read_problem, write_problem

CLEAN = rgb2gray(coffee())[80:272:2, 80:272:2]
NOISY = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape)


def border() -> np.ndarray:
    gaps = np.ones(CLEAN.shape, dtype=bool)
    gaps[10:-10, 10:-10] = False
    return gaps


def scattered() -> np.ndarray:
    return np.random.default_rng(1).random(CLEAN.shape) < 0.05


BOTH = pytest.mark.parametrize("gaps", [border(), scattered(), border() | scattered()])


def saved(path: Path, values: np.ndarray) -> Path:
    tifffile.imwrite(path, values.astype(np.float32))
    return path


@BOTH
def test_the_noise_of_a_picture_with_gaps_is_that_of_the_whole(gaps: np.ndarray) -> None:
    whole = torch.from_numpy(NOISY.astype(np.float32))[None, None]
    filled, where = filled_gaps(torch.where(torch.from_numpy(gaps), torch.nan, whole))
    assert np.array_equal(where[0, 0].numpy(), gaps)
    assert torch.equal(filled[~where], whole[~where]) and bool(filled.isfinite().all())
    found = diagnose(filled)
    assert found.branch == "recorruption (white)" and found.noise.sigma == pytest.approx(0.1, rel=0.1)
    assert plain_pixels(filled)[:10].all() == gaps[:10].all()


def test_counts_stay_whole_and_gaps_that_nothing_surrounds_are_filled() -> None:
    counts = torch.from_numpy(np.random.default_rng(2).poisson(20 * CLEAN).astype(np.float32))[None, None]
    gaps = torch.from_numpy(np.random.default_rng(3).random(CLEAN.shape) < 0.9)
    filled, _ = filled_gaps(torch.where(gaps, torch.nan, counts))
    assert torch.equal(filled, filled.round()) and bool(filled.isfinite().all())


@BOTH
@pytest.mark.parametrize("scale", [1.0, 4095.0])
def test_a_file_is_denoised_beside_its_gaps_which_stay(
    tmp_path: Path, gaps: np.ndarray, scale: float
) -> None:
    file = saved(tmp_path / "a.tif", np.where(gaps, np.nan, scale * NOISY))
    case = load_case(str(file), ds.TaskOptions("denoise"), seed=0)
    assert f"{gaps.sum():,} pixels are NaN or infinite: they are taken as not measured" in " ".join(
        case.notes
    )
    assert float(case.problem.observed.sum()) == (~gaps).sum() and bool(case.problem.y.isfinite().all())
    write_restored(tmp_path / "b.tif", ds.answer(case.problem), case)
    back = tifffile.imread(tmp_path / "b.tif") / scale
    assert np.array_equal(np.isnan(back), gaps)
    assert np.nanmean((back - CLEAN) ** 2) < 0.15 * np.mean((NOISY - CLEAN)[~gaps] ** 2)


@BOTH
def test_a_clean_file_with_gaps_comes_back_as_it_was(tmp_path: Path, gaps: np.ndarray) -> None:
    values = np.where(gaps, np.nan, CLEAN).astype(np.float32)
    values[30, 30] = np.inf
    case = load_case(str(saved(tmp_path / "a.tif", values)), ds.TaskOptions("denoise"), seed=0)
    assert case.left_alone
    write_restored(tmp_path / "b.tif", case.problem.y, case)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), values, equal_nan=True)


def test_where_nothing_was_measured_or_a_simulation_is_asked_for_gaps_are_refused(tmp_path: Path) -> None:
    nothing = saved(tmp_path / "a.tif", np.full((32, 32), np.nan))
    some = saved(tmp_path / "b.tif", np.where(border(), np.nan, CLEAN))
    for file, options in (
        (nothing, ds.TaskOptions("denoise")),
        (some, ds.TaskOptions("denoise", simulate=True)),
        (some, ds.TaskOptions("sr")),
    ):
        with pytest.raises(ds.InputError, match="values that are NaN or infinite"):
            load_case(str(file), options, seed=0)
    with pytest.raises(ds.InputError, match="values of y are NaN or infinite"):
        ds.Problem(np.full((32, 32), np.nan), noise=ds.Gaussian(0.1))


@BOTH
@pytest.mark.parametrize("noise", [None, ds.Gaussian(0.1)])
def test_an_array_is_denoised_beside_its_gaps_which_stay(
    tmp_path: Path, gaps: np.ndarray, noise: ds.NoiseModel | None
) -> None:
    problem = ds.Problem(np.where(gaps, np.nan, NOISY), noise=noise)
    assert problem.task == "denoise" and problem.noise.sigma == pytest.approx(0.1, rel=0.1)
    assert float(problem.observed.sum()) == (~gaps).sum()
    write_problem(tmp_path / "problem.npz", problem)
    for one in (problem, read_problem(tmp_path / "problem.npz")):
        x = one.form.back(ds.answer(one))
        assert np.array_equal(np.isnan(x), gaps)
        assert np.nanmean((x - CLEAN) ** 2) < 0.15 * np.mean((NOISY - CLEAN)[~gaps] ** 2)


def test_a_pixel_with_a_gap_in_one_channel_is_one_of_all() -> None:
    y = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]], axis=-1)
    y[5, 6, 1] = np.nan
    problem = ds.Problem(y, noise=ds.Gaussian(0.1))
    assert float((1 - problem.observed).sum()) == 1
    assert np.isnan(problem.form.back(problem.y)).sum(axis=(0, 1)).tolist() == [1, 1, 1]


def test_a_fit_of_an_array_with_gaps_is_compared_where_it_was_measured() -> None:
    gaps = border()
    problem = ds.Problem(np.where(gaps, np.nan, NOISY), noise=ds.Gaussian(0.1))
    fitted = ds.fit(problem, ds.preset("dipsearch_nearest_16"), seed=0, steps=20)
    assert np.array_equal(np.isnan(fitted.image), gaps)
    result = ds.Result((problem,), (ds.answer(problem),), {})
    expected = 10 * np.log10(1 / np.nanmean((np.asarray(result.image) - CLEAN) ** 2))
    assert result.compare(CLEAN)["psnr"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "missing", [border(), scattered(), np.random.default_rng(4).random(CLEAN.shape) < 0.5]
)
def test_a_mask_without_a_noise_is_doubted_where_the_rest_is_noisy_alone(missing: np.ndarray) -> None:
    with pytest.warns(
        UserWarning, match=r"noise was not given, .*noise=dipsearch.Gaussian\(0.0|0.1"
    ) as caught:
        noisy = ds.Problem(NOISY, ds.Mask(~missing))
    assert len(caught) == 1 and noisy.noise.kind == "none"
    assert not ds.Problem(CLEAN, ds.Mask(~missing)).doubt
    assert not ds.Problem(NOISY, ds.Mask(~missing), noise=ds.NoNoise()).doubt
