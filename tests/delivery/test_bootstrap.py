"""The bootstrap against distributions whose standard errors are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dipsearch.delivery.bootstrap import (
    BlockErrors,
    Standing,
    block_errors,
    decibels,
    errors_apart,
    one_standard_error,
    standings,
)
from dipsearch.problem import Identity, Mask, NoiseModel, Problem, make_split
from dipsearch.trials.objective import estimated_psnr

DECIBEL = 10 / math.log(10)
"""dB for a relative change of 1."""


def blocks(errors: np.ndarray, *, values: float = 1.0, offset: float = 0.0) -> BlockErrors:
    """One seed; ``errors (K, B)``."""
    return BlockErrors(errors[:, None, :] * values, np.full(errors.shape[1], values), offset)


def noisy(seed: int = 0, *, side: int = 64, sigma: float = 0.1) -> Problem:
    generator = torch.Generator().manual_seed(seed)
    y = 0.5 + sigma * torch.randn(1, 3, side, side, generator=generator)
    noise = NoiseModel("gaussian", sigma, "given")
    return Problem(y, Identity(), noise, (1, 3, side, side), observed=torch.ones(1, 1, side, side))


def test_an_error_that_is_as_large_as_the_score_is_not_said() -> None:
    drawn = np.random.default_rng(0).normal(size=(2, 1, 64))
    drawn -= drawn.mean(axis=2, keepdims=True)
    errors = 0.01 * np.array([[1.0], [1.3]])[:, :, None] + drawn * np.array([0.01, 1.0])[:, None, None]
    sure, unsure = standings([BlockErrors(errors, np.ones(64), 0.0)])
    assert sure.error is not None and sure.error < 1
    assert unsure.error is None and unsure.standard_error is None


def test_the_error_of_a_mean_is_that_of_statistics() -> None:
    errors = 0.01 * (1 + 0.5 * np.random.default_rng(1).standard_normal((1, 400)))
    (found,) = standings([blocks(errors)], repeats=4000)
    assert found.estimated_psnr == pytest.approx(20, abs=0.3)
    assert found.error == pytest.approx(DECIBEL * 0.5 / math.sqrt(400), rel=0.12)
    assert found.standard_error == 0.0


def test_what_two_candidates_have_in_common_falls_out_of_their_difference() -> None:
    generator = np.random.default_rng(2)
    common = 1 + 0.5 * generator.standard_normal(400)
    own = 0.05 * generator.standard_normal((2, 400))
    first, second = standings([blocks(0.01 * (common + own) * [[1.0], [1.2]])], repeats=4000)
    assert first.estimated_psnr - second.estimated_psnr == pytest.approx(10 * math.log10(1.2), abs=0.05)
    assert second.standard_error == pytest.approx(DECIBEL * 0.05 * math.sqrt(2 / 400), rel=0.15)
    assert second.error > 5 * second.standard_error


def test_the_noise_of_seeds_counts() -> None:
    level = np.array([[[0.010], [0.012], [0.014]], [[0.012], [0.012], [0.012]]]) * np.ones((2, 3, 64))
    first, second = standings([BlockErrors(level, np.ones(64), 0.0)], repeats=4000)
    assert first.error == pytest.approx(np.std(decibels(level[0, :, 0])) / math.sqrt(3), rel=0.1)
    assert second.error == pytest.approx(0, abs=1e-9)


def test_several_pictures_are_averaged_in_decibels() -> None:
    pair = [blocks(np.full((1, 16), error)) for error in (0.01, 0.001)]
    assert standings(pair)[0].estimated_psnr == pytest.approx(25)


def test_from_a_few_blocks_nothing_is_concluded() -> None:
    found = standings([blocks(np.array([[0.01, 0.02, 0.03], [0.02, 0.01, 0.01]]))])
    assert [standing.standard_error for standing in found] == [None, None]
    assert one_standard_error(found, [1.0, 2.0]) == 1  # the better one, for all its cost


@pytest.mark.parametrize("side", [24, 64, 70])
def test_blocks_add_up_to_the_score_of_the_split(side: int) -> None:
    problem = noisy(side=side)
    split = make_split(problem, seed=0)
    images = [torch.full(problem.image_shape, 0.5 + shift) for shift in (0.0, 0.03)]
    found = block_errors([[image] for image in images], problem, split=split)
    for image, row in zip(images, found.validation_mses(), strict=True):
        assert row[0] == pytest.approx(float(split.validation_mse(image)), abs=1e-6)


def test_with_a_guide_blocks_add_up_to_the_score_too() -> None:
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    observed = (torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    problem = Problem(
        x * observed, Mask(observed), NoiseModel("none", None), (1, 3, 64, 64), observed=observed
    )
    split = make_split(problem, seed=0)
    assert split.control is not None
    images = [x + 0.1, 0.5 + 0 * x]
    found = block_errors([[image] for image in images], problem, split=split).validation_mses()
    assert found[:, 0] == pytest.approx([float(split.validation_mse(image)) for image in images], abs=1e-6)


def test_the_standard_errors_are_right_over_many_measurements() -> None:
    images = [torch.full((1, 3, 64, 64), 0.5 + shift) for shift in (0.1, 0.12)]
    found = []
    for seed in range(40):
        problem = noisy(seed, sigma=0.05)
        split = make_split(problem, seed=seed)
        found.append(
            standings([block_errors([[image] for image in images], problem, split=split)], repeats=200)
        )
    scores = np.array([[standing.estimated_psnr for standing in one] for one in found])
    apart = np.std(scores[:, 0] - scores[:, 1])
    assert np.mean([one[1].standard_error for one in found]) == pytest.approx(apart, rel=0.35)
    own = np.std(scores[:, 0])
    assert np.mean([one[0].error for one in found]) == pytest.approx(own, rel=0.35)


def test_within_one_standard_error_the_cheaper_network_wins() -> None:
    found = [Standing(27.0, 0.3, 0.0), Standing(26.9, 0.3, 0.15), Standing(26.95, 0.3, 0.02)]
    assert one_standard_error(found, [10.0, 3.0, 1.0]) == 1
    assert one_standard_error(found, [1.0, 3.0, 1.0]) == 0
    assert one_standard_error(found[:1], [5.0]) == 0


def test_decibels_are_those_of_the_objective() -> None:
    errors = np.array([0.1, 1e-3, 1e-5, 1e-6, 0.0, -1e-4])
    assert decibels(errors) == pytest.approx([estimated_psnr(error) for error in errors])


def test_estimates_that_may_be_drawn_below_zero_keep_a_sensible_error() -> None:
    generator = np.random.default_rng(4)
    errors = 0.001 + 0.02 * generator.standard_normal((1, 400))  # the standard error of the mean is 0.001
    errors += 0.001 - errors.mean()
    (found,) = standings([blocks(errors)], repeats=4000)
    assert found.estimated_psnr == pytest.approx(30)
    assert found.error == pytest.approx(DECIBEL * errors.std() / math.sqrt(400) / 0.001, rel=0.1)


def test_an_error_that_is_not_above_its_own_standard_error_has_but_a_bound() -> None:
    spread = np.where(np.arange(100) % 2, 1.0, -1.0)
    clear, rough, below = standings([blocks(np.array([[0.010], [0.001], [-0.001]]) + 0.05 * spread)])
    assert clear.at_least is None
    assert rough.at_least == pytest.approx(-10 * math.log10(0.001 + 0.005))
    assert below.at_least == pytest.approx(-10 * math.log10(0.005))


def test_differences_are_told_to_any_candidate() -> None:
    generator = np.random.default_rng(2)
    common = 1 + 0.5 * generator.standard_normal(400)
    own = 0.05 * generator.standard_normal((3, 400))
    picture = blocks(0.01 * (common + own) * [[1.0], [1.2], [1.4]])
    apart = errors_apart(picture, 1)
    assert apart[1] == 0
    for other in (0, 2):
        assert apart[other] == pytest.approx(DECIBEL * 0.05 * math.sqrt(2 / 400), rel=0.2)
    assert errors_apart(blocks(np.full((2, 3), 0.01)), 0) == (None, None)


def test_what_an_estimated_sigma_is_uncertain_by_is_in_a_score_and_in_no_difference() -> None:
    errors = np.array([[0.010], [0.004]]) + 0.001 * np.where(np.arange(100) % 2, 1.0, -1.0)
    known = standings([blocks(errors)])
    found = standings([replace(blocks(errors), shared_error=0.005)])
    assert [one.standard_error for one in found] == [one.standard_error for one in known]
    assert [one.estimated_psnr for one in found] == [one.estimated_psnr for one in known]
    assert [one.at_least for one in known] == [None, None]
    assert found[0].at_least is None
    assert found[0].error == pytest.approx(DECIBEL * 0.5, rel=0.01)
    assert found[1].at_least == pytest.approx(-10 * math.log10(0.004 + 0.005), abs=0.01)


def test_a_given_sigma_is_certain_and_an_estimated_one_is_not() -> None:
    given = noisy(sigma=0.1)
    split = make_split(given, seed=0)
    estimated = replace(given, noise=replace(given.noise, source="estimated"))
    image = [[torch.full_like(given.y, 0.5)]]
    assert block_errors(image, given, split=split).shared_error == 0
    found = block_errors(image, estimated, split=split).shared_error
    assert found == pytest.approx((1.025**2 - 1) * 0.01, rel=1e-3)
    cut = replace(estimated, y=estimated.y.clamp(0, 1), noise=replace(estimated.noise, sigma=0.2))
    assert found < block_errors(image, cut, split=split).shared_error < (1.1**2 - 1) * 0.04
