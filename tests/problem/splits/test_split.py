"""The two parts of a measurement do not know each other, and the score estimates the error."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Problem, make_split, whole
from dipsearch.problem.splits.holes import are_holes, copy_holes

SIGMA = 25 / 255
NONE = NoiseModel("none", None, "none")


def denoising(*, kind="gaussian", size=64, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.linspace(0.3, 0.7, size).expand(1, channels, size, size)
    y = x + SIGMA * torch.randn(x.shape, generator=generator)
    noise = NoiseModel(kind, SIGMA, "given")
    return Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, size, size)), x


def inpainting(observed, channels=3):
    x = torch.rand(1, channels, *observed.shape[-2:], generator=torch.Generator().manual_seed(3))
    return Problem(x * observed, Mask(observed), NONE, tuple(x.shape), observed=observed), x


def scattered(size, share, seed=0):
    return (torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(seed)) > share).float()


def test_recorruption_scores_the_error_without_knowing_the_image():
    problem, x = denoising(size=128)
    split = make_split(problem, seed=0)
    assert split.kind == "recorruption" and split.share == 0.1
    # Offsets are constants, so the truth scores about 0 and a known error scores itself.
    assert float(split.validation_mse(x)) == pytest.approx(0, abs=6e-4)
    assert float(split.validation_mse(x + 0.1) - split.validation_mse(x)) == pytest.approx(0.01, abs=2e-3)


def test_the_two_halves_of_a_recorruption_are_independent():
    products = []
    for seed in range(20):
        problem, x = denoising(size=32, seed=seed)
        split = make_split(problem, seed=seed)
        products.append(float(((split.fit_target - x) * (split.score_target - x)).mean()))
    # Variances σ²/(1 − a) and σ²/a; 20 × 3072 products have a standard error of about 0.00013.
    assert abs(np.mean(products)) < 5e-4
    assert float((split.fit_target - x).var()) == pytest.approx(SIGMA**2 / 0.9, rel=0.1)
    assert float((split.score_target - x).var()) == pytest.approx(SIGMA**2 / 0.1, rel=0.1)


def test_recorruption_is_not_clipped_and_uses_other_numbers_than_a_simulation():
    from dipsearch.problem import TaskOptions, simulate_measurement

    grey = torch.full((1, 1, 64, 64), 0.5)
    y = simulate_measurement(grey, TaskOptions("denoise"), seed=7).y
    problem = Problem(
        y,
        Identity(),
        NoiseModel("gaussian", SIGMA, "given"),
        (1, 1, 64, 64),
        observed=torch.ones(1, 1, 64, 64),
    )
    split = make_split(problem, seed=7)
    assert float(split.score_target.min()) < 0 and float(split.score_target.max()) > 1
    drawn, noise = (split.fit_target - y).flatten(), (y - grey).flatten()
    assert abs(float(torch.corrcoef(torch.stack([drawn, noise]))[0, 1])) < 0.06


def test_clipped_noise_is_taken_off_as_what_is_left_of_it():
    x = torch.zeros(1, 1, 128, 128)
    x[..., 64:] = 0.5
    y = (x + SIGMA * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    problem = Problem(
        y,
        Identity(),
        NoiseModel("gaussian", SIGMA, "given"),
        (1, 1, 128, 128),
        observed=torch.ones(1, 1, 128, 128),
    )
    mean = x.clone()
    mean[..., :64] = SIGMA / math.sqrt(2 * math.pi)  # of noise of which the lower half is cut
    score = float(make_split(problem, seed=0).validation_mse(mean))
    assert score == pytest.approx(float((mean - x).square().mean()), abs=5e-4)


def test_unknown_noise_hides_pixels_and_takes_the_variance_off():
    problem, x = denoising(kind="unknown", size=160)
    split = make_split(problem, seed=0)
    assert split.kind == "held-out" and split.share == pytest.approx(0.05, abs=1e-3)
    assert split.score_offset == pytest.approx(SIGMA**2)
    assert float(split.validation_mse(x)) == pytest.approx(0, abs=1.5e-3)
    assert make_split(denoising(kind="unknown", channels=1)[0], seed=0).share == pytest.approx(0.1, abs=1e-3)


def test_hidden_pixels_are_observed_ones_and_are_not_fitted():
    observed = scattered(128, 0.5)
    problem, x = inpainting(observed)
    split = make_split(problem, seed=0)
    assert split.kind == "held-out"
    assert int(split.score_weight.sum()) == round(0.10 * int(observed.sum()))
    assert torch.equal(split.fit_weight + split.score_weight, observed)
    wrong_where_hidden = x + split.score_weight
    assert float(split.loss(wrong_where_hidden)) == pytest.approx(0, abs=1e-12)
    assert split.control is not None
    assert float(
        dataclasses.replace(split, control=None).validation_mse(wrong_where_hidden)
    ) == pytest.approx(1, rel=1e-5)


def test_few_pixels_hide_a_larger_share():
    assert make_split(inpainting(scattered(64, 0.5))[0], seed=0).share == pytest.approx(0.1, abs=2e-3)


def test_super_resolution_hides_measured_pixels():
    y = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    shape = (1, 3, 128, 128)
    problem = Problem(y, Downsample(4, shape), NONE, shape, observed=torch.ones(1, 1, 32, 32))
    split = make_split(problem, seed=0)
    assert split.kind == "held-out" and int(split.score_weight.sum()) == 102


def test_the_loss_is_a_weighted_mean_and_differentiable():
    problem, x = inpainting(scattered(64, 0.5))
    split = make_split(problem, seed=0)
    Ax = (x * 0.9).requires_grad_()
    weight = split.fit_weight.expand_as(Ax)
    expected = (weight * (Ax - split.fit_target) ** 2).sum() / weight.sum()
    assert float(split.loss(Ax).detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    absolute = (weight * (Ax - split.fit_target).abs()).sum() / weight.sum()
    assert float(split.loss(Ax, kind="l1").detach()) == pytest.approx(float(absolute.detach()), rel=1e-6)
    split.loss(Ax).backward()
    assert float(Ax.grad[weight == 0].abs().max()) == 0 and float(Ax.grad.abs().max()) > 0


@pytest.mark.parametrize("make", [lambda: denoising()[0], lambda: inpainting(scattered(64, 0.5))[0]])
def test_a_seed_fixes_the_split(make):
    first, again, other = (make_split(make(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.score_target, again.score_target)
    assert torch.equal(first.score_weight, again.score_weight)
    assert not (
        torch.equal(first.score_weight, other.score_weight)
        and torch.equal(first.score_target, other.score_target)
    )


def test_the_whole_measurement_has_nothing_to_score():
    problem, x = inpainting(scattered(32, 0.5))
    split = whole(problem)
    assert split.kind == "whole" and split.share == 0 and float(split.loss(x)) == pytest.approx(0, abs=1e-12)
    with pytest.raises(InputError, match="whole measurement"):
        split.validation_mse(x)


def test_too_few_scoring_values_are_refused():
    with pytest.raises(InputError, match="at least 50"):
        make_split(inpainting(scattered(16, 0.5), channels=1)[0], seed=0)


def test_a_moved_split_is_the_same_split():
    problem, x = denoising()
    split = make_split(problem, seed=0)
    assert float(split.to("cpu").loss(x)) == float(split.loss(x))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.9, 0.97])
def test_independently_missing_pixels_are_no_holes(share):
    assert not are_holes(scattered(128, share)[0, 0].numpy() == 0)


def test_regions_and_strokes_are_holes_but_thin_lines_are_not():
    region, strokes, lines = (np.zeros((64, 64), bool) for _ in range(3))
    region[20:36, 20:36] = True
    strokes[10:14, 5:60] = strokes[30:34, 5:60] = True
    lines[5, :] = lines[:, 9] = True
    assert are_holes(region) and are_holes(strokes) and not are_holes(lines)


def test_a_hole_is_copied_in_its_own_shape_elsewhere():
    observed = torch.ones(1, 1, 64, 64)
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    observed[0, 0][(rows - 20) ** 2 + (columns - 40) ** 2 < 25] = 0
    hole = int((observed == 0).sum())
    split = make_split(inpainting(observed)[0], seed=0)
    held = split.score_weight
    assert split.kind == "held-out holes"
    assert int(held.sum()) == 4 * hole
    assert float((held * (1 - observed)).sum()) == 0
    assert float(held.sum()) <= 0.15 * float(observed.sum())


def test_a_hole_without_room_for_a_copy_is_copied_smaller():
    missing = np.zeros((64, 64), bool)
    missing[:, 20:] = True  # wider than what is left
    held = copy_holes(missing, most=200, generator=np.random.default_rng(0))
    assert 0 < held.sum() <= 200 and not (held & missing).any()


def test_the_assumption_is_one_sentence():
    for problem in (denoising()[0], denoising(kind="unknown")[0], inpainting(scattered(64, 0.5))[0]):
        sentence = make_split(problem, seed=0).assumes
        assert sentence.endswith(".") and json.dumps(sentence)


def test_the_standard_error_is_that_of_the_difference_of_two_scores():
    errors = [
        torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in (1050, 1051)
    ]
    for kind in ("gaussian", "unknown"):
        differences = []
        for seed in range(60):
            problem, x = denoising(kind=kind, seed=seed)
            split = make_split(problem, seed=seed)
            near = x + 0.05 * errors[0]
            differences.append(
                float(split.validation_mse(near + 0.025 * errors[1]) - split.validation_mse(near))
            )
        decibels = 10 / math.log(10) * np.std(differences) / 0.05**2
        assert split.standard_error(0.05**2) == pytest.approx(decibels, rel=0.3)
    assert whole(problem).standard_error() == math.inf


def test_the_standard_errors_of_the_table_in_the_notes():
    # Half a picture of 512 × 512 × 3 at sigma 25 and 5 %: about 0.07 dB at 30.3 dB, without the sample's own part.
    problem, _ = denoising(size=128)
    split = make_split(problem, seed=0)
    scaled = split.standard_error(10**-3.03) * 128 / 512 * math.sqrt(0.1 / 0.05)
    assert scaled == pytest.approx(0.07, abs=0.01)


def test_a_picture_too_small_for_hidden_pixels_is_not_said_to_have_missing_ones():
    problem, _ = denoising(kind="unknown", size=8)
    with pytest.raises(InputError, match="use a larger picture, or tell the noise's sigma"):
        make_split(problem, seed=0)
    assert make_split(denoising(size=8)[0], seed=0).kind == "recorruption"  # as it says
    few = torch.zeros(1, 1, 32, 32)
    few[..., :4] = 1
    with pytest.raises(InputError, match="with fewer missing pixels"):
        make_split(inpainting(few)[0], seed=0)
