"""Measurements of odd kinds: what is not known is not scored, and the truth has the score of the truth, none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, zoom
from torch import Tensor

import dipsearch as ds
from dipsearch.delivery.answers import finished
from dipsearch.execution.timed_answer import answer_within
from dipsearch.patches import first_guess
from dipsearch.patches.consistency import consistent
from dipsearch.problem import crop_problem
from dipsearch.problem.operators import Downsample, Fourier, Mask
from dipsearch.problem.operators.fourier import cartesian_mask


def picture(side: int = 96, *, channels: int = 1, seed: int = 0) -> Tensor:
    """A smooth picture in [0.15, 0.85]."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    planes = [
        0.5 + 0.35 * torch.sin(rows / (7 + c + seed)) * torch.cos(columns / (9 - c)) for c in range(channels)
    ]
    return torch.stack(planes)[None].float()


def normal(shape: torch.Size, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def score_of_truth(problem: ds.Problem, x: Tensor, *, seed: int = 0) -> float:
    """What the split says of the truth, in the mean over seeds."""
    splits = [ds.make_split(problem, seed=seed + k) for k in range(4)]
    return float(np.mean([float(split.validation_mse(problem.view(x))) for split in splits]))


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
def test_speckle_is_taken_off_a_score(share: float) -> None:
    x = picture()
    y = x * (1 + share * normal(x.shape))
    problem = ds.Problem(y, noise=ds.Speckle(share), data_range=(0, 1))
    energy = share**2 * float(x.square().mean())
    split = ds.make_split(problem, seed=0)
    assert split.score_noise**2 == pytest.approx(energy, rel=0.15)
    assert abs(score_of_truth(problem, x)) < 0.15 * energy


def test_values_that_impulses_struck_do_not_score_beside_missing_pixels() -> None:
    x, drawn = picture(), np.random.default_rng(1)
    mask = drawn.random((96, 96)) < 0.5
    struck = torch.from_numpy(drawn.random((1, 1, 96, 96)) < 0.1)
    y = torch.where(struck, torch.from_numpy(drawn.integers(0, 2, (1, 1, 96, 96))).float(), x)
    problem = ds.Problem(y * torch.from_numpy(mask), ds.Mask(mask), noise=ds.Impulses(), data_range=(0, 1))
    assert abs(score_of_truth(problem, x)) < 1e-3  # 0.026 with the struck ones


def test_what_a_channel_misses_does_not_score() -> None:
    x = picture(channels=3)
    mask = torch.ones(1, 3, 96, 96)
    mask[:, 0, 10:30, 10:30] = 0
    mask[:, 1, 50:80, 50:80] = 0
    problem = ds.Problem(x * mask, ds.Mask(mask), noise=ds.NoNoise(), data_range=(0, 1))
    split = ds.make_split(problem, seed=0)
    assert split.kind == "held-out holes"
    assert not bool((split.score_weight.expand_as(mask)[mask == 0] > 0).any())
    assert float(split.validation_mse(problem.view(x))) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("missing", [0.5, 0.8, 0.9])
def test_pixels_that_are_missing_say_nothing_of_the_noise(missing: float) -> None:
    x = torch.full((1, 1, 128, 128), 0.5)
    mask = np.random.default_rng(0).random((128, 128)) >= missing
    y = (x + 0.1 * normal(x.shape)) * torch.from_numpy(mask)
    problem = ds.Problem(y, ds.Mask(mask), noise=ds.Gaussian(0.1), data_range=(0, 1))
    assert ds.make_split(problem, seed=0).score_noise ** 2 == pytest.approx(0.01, rel=1e-3)
    assert "independent from pixel to pixel" in ds.make_split(problem, seed=0).assumes


def test_noise_that_was_cut_is_read_off_what_was_measured() -> None:
    x = torch.full((1, 1, 128, 128), 0.1)
    y = (x + 0.2 * normal(x.shape)).clamp(0, 1)
    energy = float(y.var() - (y.mean() - 0.1) ** 2)
    mask = np.random.default_rng(0).random((128, 128)) < 0.4
    problem = ds.Problem(y * torch.from_numpy(mask), ds.Mask(mask), noise=ds.Gaussian(0.2), data_range=(0, 1))
    found = ds.make_split(problem, seed=0)
    assert found.score_offset == pytest.approx(energy, rel=0.12)


def test_a_frequency_whose_mirror_is_fitted_is_not_hidden() -> None:
    mask = cartesian_mask((64, 64), acceleration=2, seed=0)
    operator = Fourier(mask)
    problem = ds.Problem(operator.A(picture(64)), operator, noise=ds.NoNoise())
    split = ds.make_split(problem, seed=0)
    hidden, fitted = split.score_weight[0, 0] > 0, split.fit_weight[0, 0] > 0
    mirror = hidden.flip((0, 1)).roll((1, 1), (0, 1))
    assert bool(hidden.any()) and not bool((mirror & fitted).any())
    share = float(hidden.sum() / operator.mask.sum())
    assert 0.03 < share < 0.13
    complex_one = Fourier(mask, complex_image=True)
    both = torch.cat([picture(64), picture(64, seed=2)], dim=1)
    other = ds.make_split(ds.Problem(complex_one.A(both), complex_one, noise=ds.NoNoise()), seed=0)
    mirrored = (other.score_weight[0, 0] > 0).flip((0, 1)).roll((1, 1), (0, 1))
    assert bool((mirrored & (other.fit_weight[0, 0] > 0)).any())  # those are other values


def test_a_part_of_a_picture_that_was_reduced_by_boxes_is_observed() -> None:
    operator = Downsample(4, (1, 1, 96, 96), kernel="box")
    problem = ds.Problem(operator.A(picture()), operator, noise=ds.NoNoise(), data_range=(0, 1))
    part = crop_problem(problem, top=4, left=4, height=12, width=12)
    assert bool((part.observed == 1).all())


def test_areas_without_noise_come_back_as_they_were() -> None:
    y = (255 * picture(128) + 25 * normal(torch.Size((1, 1, 128, 128)))).clamp(0, 255).round()
    y[..., 20:60, 20:60] = 15
    problem = ds.Problem(y[0, 0].to(torch.uint8).numpy(), noise=None)
    assert not bool((problem.observed > 0).all())
    there = problem.observed == 0
    back = finished(torch.full_like(problem.y, 0.3), problem)
    assert torch.equal(back[there], problem.y[there])


@pytest.mark.parametrize("of_bytes", [True, False])
def test_a_plain_picture_that_is_blurred_has_no_noise_of_no_strength(of_bytes: bool) -> None:
    x = torch.full((1, 1, 96, 96), 100 / 255)
    x[..., 30:60, 30:60] = 180 / 255
    blur = ds.Blur(ds.gaussian_kernel(1.5))
    y = (255 * blur.A(x)).round()[0, 0]
    problem = ds.Problem(y.to(torch.uint8).numpy() if of_bytes else (y / 255).numpy(), blur)
    assert problem.noise.kind == "gaussian"
    assert problem.noise.sigma == pytest.approx(0.5 / 255)  # flat places have none; whole numbers are rounded
    split = ds.make_split(problem, seed=0)
    assert not torch.equal(split.score_target, split.fit_target)


@pytest.mark.parametrize("size", [129, 130])
def test_an_enlargement_begins_where_the_picture_lies(size: int) -> None:
    x = torch.from_numpy(
        gaussian_filter(np.random.default_rng(0).random((1, 1, size, size)), (0, 0, 2, 2))
    ).float()
    operator = Downsample(4, tuple(x.shape))
    problem = ds.Problem(operator.A(x), operator, noise=ds.NoNoise(), data_range=(0, 1))
    factors = (1, 1, size / problem.y.shape[-2], size / problem.y.shape[-1])
    sheared = zoom(problem.y.double().numpy(), factors, order=3, mode="nearest", grid_mode=True)
    before = consistent(torch.from_numpy(sheared).float(), operator, problem.y, weight=problem.observed)
    assert float((first_guess(problem) - x).square().mean()) < 0.9 * float((before - x).square().mean())


def test_the_quick_method_sees_the_noise_of_photons() -> None:
    x = picture()
    y = torch.poisson(20 * x, generator=torch.Generator().manual_seed(0)) / 20
    problem = ds.Problem(y, noise=ds.Poisson(1 / 20), data_range=(0, 1))
    guess = first_guess(problem, noise_sigma=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dipsearch.execution.timed_answer.affordable", lambda *args, **named: None)
        found = answer_within(problem, left=0.0, threads=1)
    assert found.made == "by a quick method"
    errors = [float((image - x).square().mean()) for image in (y, found.image, guess)]
    assert errors[1] < 0.5 * errors[0]


def test_masks_are_the_same_for_a_problem_that_is_taken_apart() -> None:
    problem = ds.Problem(
        picture().numpy()[0, 0], Mask(torch.ones(96, 96)), noise=ds.NoNoise(), data_range=(0, 1)
    )
    assert ds.make_split(replace(problem), seed=3).score_weight.equal(
        ds.make_split(problem, seed=3).score_weight
    )
