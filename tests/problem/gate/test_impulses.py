"""Struck values are seen, left out of both parts, and black areas are not taken for them."""

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.fitting import data_consistent, may_fit_all_data
from dipsearch.problem import Identity, NoiseModel, Problem, clean_sigma, make_split, whole
from dipsearch.problem.gate.impulses import clean_values

IMPULSE = NoiseModel("impulse")


def smooth(size=64, channels=3):
    rows = torch.linspace(0, 6.28, size)
    plane = 0.5 + 0.3 * torch.sin(rows)[:, None] * torch.cos(rows)[None]
    return plane.expand(1, channels, size, size).contiguous()


def struck(x, share, *, together=False, seed=0):
    shape = (1, 1 if together else x.shape[1], *x.shape[-2:])
    draw = torch.rand(shape, generator=torch.Generator().manual_seed(seed)).expand_as(x)
    return torch.where(draw < share / 2, 0.0, torch.where(draw < share, 1.0, x)), draw < share


def problem_of(y, noise=IMPULSE):
    return Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, *y.shape[-2:]))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_every_struck_value_is_seen(share):
    y, where = struck(smooth(), share)
    assert torch.equal(clean_values(y) == 0, where)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_black_and_white_areas_are_kept_and_their_impulses_are_not(share):
    x = smooth()
    x[..., :24, :32], x[..., 40:, 30:] = 0, 1
    y, _ = struck(x, share)
    wrong, clean = y != x, clean_values(y) == 1
    inside = (..., slice(4, 20), slice(4, 28))
    assert not (clean & wrong).float().mean() > 5e-4
    assert float(clean[inside][~wrong[inside]].float().mean()) > 0.98


def test_a_page_is_clean_although_hardly_any_value_lies_between_the_ends():
    x = torch.ones(1, 1, 64, 64)
    x[..., 20:44:6, 8:56] = 0.0
    x[..., 21:44:6, 8:56] = 0.5
    y, _ = struck(x, 0.2)
    clean = clean_values(y) == 1
    page = (..., slice(50, 60), slice(4, 60))
    assert float(clean[page][y[page] == 1].float().mean()) > 0.9
    assert float((clean & (y != x)).float().mean()) < 2e-3


def test_struck_values_are_neither_fitted_nor_score_and_the_loss_is_a_mean_over_values():
    x = smooth()
    y, where = struck(x, 0.3)
    split = make_split(problem_of(y), seed=0)
    assert split.kind == "held-out" and split.fit_weight.shape == (1, 3, 64, 64)
    assert torch.equal(split.fit_weight + split.score_weight, (~where).float())
    assert split.share == pytest.approx(0.1, abs=0.002)
    assert float(split.loss(x)) == 0 and float(split.validation_mse(x)) == pytest.approx(0, abs=1e-5)
    assert float(split.loss(x + 0.1)) == pytest.approx(0.01, rel=1e-4)
    assert float(split.validation_mse(x + 0.1)) == pytest.approx(0.01, rel=5e-3)
    # Each channel hides values of its own.
    assert not torch.equal(split.score_weight[:, 0], split.score_weight[:, 1])


def test_pixels_that_are_struck_as_a_whole_are_hidden_as_a_whole():
    y, _ = struck(smooth(), 0.3, together=True)
    split = make_split(problem_of(y), seed=0)
    assert split.score_weight.shape == (1, 1, 64, 64)
    assert int(split.score_weight.sum()) == round(0.1 * int(clean_values(y)[:, 0].sum()))
    assert float((split.fit_weight * split.score_weight).sum()) == 0


def test_a_fit_of_everything_leaves_struck_values_out():
    y, where = struck(smooth(), 0.5)
    assert torch.equal(whole(problem_of(y)).fit_weight, (~where).float())


def test_clean_values_are_put_back_exactly_and_absorbed():
    x = smooth()
    y, where = struck(x, 0.3)
    problem = problem_of(y)
    image = data_consistent(torch.full_like(x, 0.25), problem)
    assert torch.equal(image, torch.where(where, torch.tensor(0.25), x)) and may_fit_all_data(problem)


def test_noisy_values_between_impulses_are_not_put_back():
    x = smooth(128)
    noisy = x + 20 / 255 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    y, _ = struck(noisy, 0.3)
    problem, image = problem_of(y), torch.full_like(y, 0.25)
    assert clean_sigma(y) * 255 == pytest.approx(17.5, abs=2.5)  # of the flattest tiles
    assert (
        problem.exact is None and data_consistent(image, problem) is image and not may_fit_all_data(problem)
    )
    assert make_split(problem, seed=0).score_offset == pytest.approx(clean_sigma(y) ** 2)


def test_a_strength_that_is_given_decides_instead():
    y, _ = struck(smooth(), 0.3)
    assert problem_of(y, NoiseModel("impulse", 0.0)).exact is not None
    assert problem_of(y, NoiseModel("impulse", 0.1)).exact is None
    assert make_split(problem_of(y, NoiseModel("impulse", 0.1)), seed=0).score_offset == pytest.approx(0.01)


def test_a_picture_without_clean_values_is_refused():
    y = (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    with pytest.raises(InputError, match="at least 50"):
        make_split(problem_of(y), seed=0)
    assert clean_sigma(y) is None


def test_the_score_estimates_the_error_whatever_is_drawn():
    x = smooth()
    estimate = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(9))
    scores = []
    for seed in range(20):
        scores.append(
            float(make_split(problem_of(struck(x, 0.4, seed=seed)[0]), seed=seed).validation_mse(estimate))
        )
    assert np.mean(scores) == pytest.approx(float((estimate - x).square().mean()), rel=0.03)
