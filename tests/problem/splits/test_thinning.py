"""Photons go to the fit or to the score, and the score is the error without knowing the image."""

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem import Identity, NoiseModel, Problem, make_split
from dipsearch.problem.splits.thinning import thin

GAIN = 1 / 30


def counted(*, photons=30, size=32, low=0.1, high=0.6, clip=False, bits=None, seed=0):
    x = torch.linspace(low, high, size).expand(1, 3, size, size)
    y = torch.poisson(x * photons, generator=torch.Generator().manual_seed(seed)) / photons
    y = y.clamp(0, 1) if clip else y
    y = y if bits is None else torch.round(y * (2**bits - 1)) / (2**bits - 1)
    noise = NoiseModel("poisson", gain=1 / photons)
    return Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, size, size)), x


def test_the_score_is_the_error_of_an_image_that_knows_nothing_of_the_noise():
    scores = []
    for seed in range(30):
        problem, x = counted(seed=seed)
        split = make_split(problem, seed=seed)
        scores.append([float(split.validation_mse(x)), float(split.validation_mse(x + 0.05))])
    assert split.kind == "thinning" and split.share == 0.1
    # One score has a standard deviation of about 6 gain² λ / √N = 0.0013, their mean one of 0.00024.
    right, wrong = np.mean(scores, axis=0)
    assert right == pytest.approx(0, abs=8e-4)
    assert wrong == pytest.approx(0.05**2, abs=8e-4)
    assert float(np.std([score[0] for score in scores])) < 0.002


def test_the_two_parts_are_unbiased_and_independent():
    products, fitted, scored = [], [], []
    for seed in range(30):
        problem, x = counted(seed=seed)
        split = make_split(problem, seed=seed)
        first, second = split.fit_target - x, split.score_target - x
        products.append(float((first * second).mean()))
        fitted.append(float(first.mean()))
        scored.append(float(second.mean()))
    assert abs(np.mean(products)) < 6e-4  # variances 0.013 and 0.12: standard error 0.00013
    assert np.mean(fitted) == pytest.approx(0, abs=2e-3) and np.mean(scored) == pytest.approx(0, abs=4e-3)


def test_the_parts_are_whole_counts_that_add_up_to_the_measurement():
    problem, _ = counted()
    split = make_split(problem, seed=1)
    fitted, scored = split.fit_target * 0.9 / GAIN, split.score_target * 0.1 / GAIN
    assert torch.allclose(fitted + scored, problem.y / GAIN, atol=1e-3)
    assert torch.allclose(scored, scored.round(), atol=1e-3) and float(scored.min()) >= 0


def test_counts_are_found_again_behind_8_bits():
    exact, _ = counted(photons=100)
    rounded, _ = counted(photons=100, bits=8)
    assert torch.allclose(
        make_split(exact, seed=0).fit_target, make_split(rounded, seed=0).fit_target, atol=1e-5
    )


@pytest.mark.parametrize("photons", [10, 50])
def test_where_counts_were_cut_off_nothing_scores(photons):
    problem, x = counted(photons=photons, low=0.1, high=1.0, clip=True, size=64)
    split = make_split(problem, seed=0)
    columns = split.score_weight.mean((0, 1, 2))
    assert float(columns[:24].min()) == 1 and float(columns[-4:].max()) == 0
    assert torch.equal(split.fit_weight, problem.observed)
    scores = []
    for seed in range(12):
        problem, x = counted(photons=photons, low=0.1, high=1.0, clip=True, size=64, seed=seed)
        scores.append(float(make_split(problem, seed=seed).validation_mse(x)))
    assert np.mean(scores) == pytest.approx(0, abs=4 * np.std(scores) / np.sqrt(12) + 1e-4)


def test_a_picture_that_is_mostly_white_scores_everywhere():
    problem, _ = counted(low=0.9, high=1.0, clip=True)
    assert float(make_split(problem, seed=0).score_weight.mean()) == 1


@pytest.mark.parametrize("wrong", ["fractions", "another gain", "negative"])
def test_what_is_not_counted_cannot_be_thinned_and_is_judged_by_hidden_pixels(wrong):
    problem, _ = counted(photons=30)
    y = {
        "fractions": problem.y + 0.01 * torch.rand(problem.y.shape),
        "another gain": problem.y * 1.4,
        "negative": problem.y - 0.2 - 0.2 / 30,
    }[wrong]
    other = Problem(y, Identity(), problem.noise, tuple(y.shape), observed=problem.observed)
    with pytest.raises(InputError, match=r"whole counts where the value 1 stands for 30.*--photons"):
        thin(other, gain=GAIN, seed=0)
    assert make_split(other, seed=0).kind == "held-out"


def test_noise_of_reading_leaves_no_whole_counts_and_is_taken_off_the_score():
    scores = []
    for seed in range(30):
        problem, x = counted(seed=seed, size=48)
        generator = torch.Generator().manual_seed(seed + 100)
        y = problem.y + 0.2 + 0.05 * torch.randn(problem.y.shape, generator=generator)
        noise = NoiseModel("poisson", gain=GAIN, offset=0.2, read_sigma=0.05)
        split = make_split(
            Problem(y, Identity(), noise, tuple(y.shape), observed=problem.observed), seed=seed
        )
        scores.append(float(split.validation_mse(x + 0.2)))
    assert split.kind == "held-out"
    assert np.mean(scores) == pytest.approx(0, abs=4 * np.std(scores) / np.sqrt(30) + 1e-4)


def test_counts_with_an_offset_are_thinned_above_it():
    problem, x = counted()
    noise = NoiseModel("poisson", gain=GAIN, offset=0.25)
    moved = Problem(problem.y + 0.25, Identity(), noise, tuple(problem.y.shape), observed=problem.observed)
    plain, split = make_split(problem, seed=3), make_split(moved, seed=3)
    assert split.kind == "thinning"
    assert torch.allclose(split.fit_target, plain.fit_target + 0.25, atol=1e-5)
    assert float(split.validation_mse(x + 0.25)) == pytest.approx(float(plain.validation_mse(x)), abs=1e-6)


@pytest.mark.parametrize("gain", [None, 0.0, -1.0, float("inf")])
def test_a_gain_is_needed(gain):
    with pytest.raises(InputError, match="gain"):
        NoiseModel("poisson", gain=gain)


def test_its_standard_error_is_that_of_differences_of_scores():
    _, x = counted(size=64)
    errors = [0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    near, far = x + errors[0], x + errors[0] + errors[1] / 2  # they differ by half of the nearer one's error
    differences = []
    for seed in range(60):
        split = make_split(counted(size=64, seed=seed)[0], seed=seed)
        differences.append(float(split.validation_mse(far) - split.validation_mse(near)))
    decibels = 10 / np.log(10) * np.std(differences) / 0.01
    assert split.standard_error(0.01) == pytest.approx(decibels, rel=0.25)
