"""The loop: what it returns, that it repeats itself, and that nothing leaks."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.fitting import (
    Check,
    Ended,
    Fit,
    LastIterate,
    ValidationMinimum,
    fit,
    fit_all_data,
)
from dipsearch.fitting.all_data import all_data_share
from dipsearch.fitting.average import ExponentialAverage, RunningAverage
from dipsearch.network import Genome, Scale
from dipsearch.problem import Identity, Mask, NoiseModel, Problem, make_split

NONE = NoiseModel("none", None, "none")


def tiny_genome(**changes: object) -> Genome:
    scale = Scale(channels_down=8, channels_up=8, kernel_down=3, kernel_up=3, channels_skip=2, kernel_skip=1)
    genome = Genome(
        scales=(scale, scale),
        upsampling="nearest",
        downsampling="stride",
        activation="leaky_relu",
        norm="batch",
        padding="reflect",
        up_1x1=True,
        output="sigmoid",
        input_kind="uniform",
        input_channels=4,
        input_scale=0.1,
        jitter=0.03,
        learning_rate=0.01,
        averaging=0.9,
        loss="mse",
    )
    return dataclasses.replace(genome, **changes)


def picture(height: int = 24, width: int = 20) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([rows, columns, (rows + columns) / 2])[None]


def inpainting(height: int = 24, width: int = 20) -> Problem:
    clean = picture(height, width)
    observed = (torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(1)) < 0.6).float()
    return Problem(clean * observed, Mask(observed), NONE, tuple(clean.shape), observed=observed)


def run(**changes: object) -> Fit:
    problem = inpainting()
    arguments = {"split": make_split(problem, seed=0), "seed": 3, "max_steps": 40} | changes
    return fit(tiny_genome(), problem, **arguments)


def test_the_restored_image_has_the_shape_of_the_problem_and_no_graph() -> None:
    done = run()
    assert done.image.shape == (1, 3, 24, 20)
    assert not done.image.requires_grad
    assert done.ended is Ended.STEPS


def test_a_fit_comes_closer_to_the_clean_picture_than_a_grey_one() -> None:
    done = run(max_steps=200)
    error = float((done.image - picture()).square().mean())
    assert error < 0.1 * float((0.5 - picture()).square().mean())


def test_the_same_seed_gives_the_same_image_bit_for_bit() -> None:
    first, second = run(), run()
    assert torch.equal(first.image, second.image)
    assert np.array_equal(first.curves.validation_mse, second.curves.validation_mse)


def test_another_seed_gives_another_image() -> None:
    assert not torch.equal(run().image, run(seed=4).image)


def test_the_global_random_state_is_neither_used_nor_changed() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = run().image
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(6)
    assert torch.equal(first, run().image)


def test_a_rule_that_never_fires_equals_a_fixed_length() -> None:
    patient = run(rule=ValidationMinimum(patience=10**6))
    fixed = run(rule=LastIterate())
    assert patient.curves.step.tolist() == fixed.curves.step.tolist() == [10, 20, 30, 40]
    assert np.array_equal(patient.curves.loss, fixed.curves.loss)


def test_check_points_and_the_last_step_are_recorded() -> None:
    assert run(max_steps=25, check_every=10).curves.step.tolist() == [10, 20, 25]


def test_the_delivered_iterate_is_the_one_that_the_rule_named() -> None:
    seen: list[tuple[int, torch.Tensor]] = []

    def watch(check: Check, image: torch.Tensor) -> None:
        seen.append((check.step, image.clone()))

    done = run(watch=watch, max_steps=120)
    assert torch.equal(dict(seen)[done.step], done.image)


def test_a_watcher_can_end_the_fit() -> None:
    done = run(watch=lambda check, image: Ended.PRUNED if check.step == 20 else None)
    assert done.ended is Ended.PRUNED
    assert done.curves.step.tolist() == [10, 20]


def test_a_fit_without_time_ends_at_its_first_check_point_with_an_image() -> None:
    done = run(seconds=0.0)
    assert done.ended is Ended.TIME
    assert done.curves.step.tolist() == [10]
    assert torch.isfinite(done.image).all()


def test_a_loss_that_is_not_finite_ends_the_fit_as_diverged() -> None:
    problem = inpainting()
    beyond = dataclasses.replace(problem, y=problem.y * 1e25)  # its square is not a 32-bit number
    done = fit(tiny_genome(), beyond, split=make_split(beyond, seed=0), seed=0, max_steps=50)
    assert done.ended is Ended.DIVERGED
    assert done.step == 0


def test_sizes_that_are_no_multiple_of_the_stride_are_padded_and_cropped() -> None:
    problem = inpainting(19, 33)
    done = fit(tiny_genome(), problem, split=make_split(problem, seed=0), seed=0, max_steps=5)
    assert done.image.shape == (1, 3, 19, 33)


def test_a_fit_can_be_gone_on_with() -> None:
    problem = inpainting()
    split = make_split(problem, seed=0)
    first = run(max_steps=60, keep_weights=True, rule=LastIterate())
    again = fit(
        tiny_genome(), problem, split=split, seed=3, max_steps=20, start=first.weights, rule=LastIterate()
    )
    fresh = run(max_steps=20, rule=LastIterate())
    assert again.curves.loss[0] < 0.5 * fresh.curves.loss[0]


def test_denoising_scores_the_true_error_without_the_reference() -> None:
    clean, sigma = picture(64, 64), 25 / 255
    y = clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(1, 1, 64, 64)
    problem = Problem(
        y, Identity(), NoiseModel("gaussian", sigma, "given"), tuple(clean.shape), observed=ones
    )
    done = fit(tiny_genome(), problem, split=make_split(problem, seed=0), seed=0, max_steps=200)
    truth = float((done.image - clean).square().mean())
    assert done.validation_mse == pytest.approx(truth, abs=0.1 * sigma**2)


def test_zero_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="max_steps=0"):
        run(max_steps=0)


def test_absorbing_fits_what_was_held_out_and_keeps_the_score() -> None:
    problem = inpainting()
    split = make_split(problem, seed=0)
    judged = run(max_steps=150, keep_weights=True, rule=LastIterate())
    done = fit_all_data(judged, tiny_genome(), problem, seed=3)
    assert done.full is not None
    assert done.validation_mse == judged.validation_mse
    assert torch.equal(done.image, judged.image)
    hidden = dataclasses.replace(split, control=None)
    assert float(hidden.validation_mse(done.full)) < 0.9 * float(hidden.validation_mse(done.image))
    assert done.weights is None


def noisy(kind: str = "gaussian", **changes: object) -> Problem:
    clean = picture(32, 32)
    y = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(4))
    problem = Problem(
        y, Identity(), NoiseModel(kind, 0.1, "given"), tuple(clean.shape), observed=torch.ones(1, 1, 32, 32)
    )
    return dataclasses.replace(problem, **changes)  # type: ignore[arg-type]


def test_noise_that_was_added_for_a_score_is_fitted_no_more() -> None:
    problem = noisy()
    split = make_split(problem, seed=0)
    judged = fit(
        tiny_genome(), problem, split=split, seed=0, max_steps=600, keep_weights=True, rule=LastIterate()
    )
    done = fit_all_data(judged, tiny_genome(), problem, seed=0)
    assert done.full is not None and done.validation_mse == judged.validation_mse
    added = split.fit_target - problem.y
    kept = [float((image * added).sum() / added.square().sum()) for image in (done.image, done.full)]
    assert abs(kept[1]) < 0.7 * abs(kept[0])


def test_a_short_fit_goes_on_in_the_time_that_it_is_said_to_need() -> None:
    problem = noisy()
    split = make_split(problem, seed=0)
    short = fit(tiny_genome(), problem, split=split, seed=0, max_steps=40, keep_weights=True)
    took = replace(short, seconds=100.0)
    enough, little = (
        fit_all_data(took, tiny_genome(), problem, seed=0, seconds=share * took.seconds)
        for share in (all_data_share(40), 2 * all_data_share(1000))
    )
    assert enough.full is not None and little.full is None
    assert all_data_share(1000) == all_data_share(2000) < all_data_share(100) < all_data_share(40)


def test_noise_that_was_held_out_is_never_fitted() -> None:
    missing = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1)).round()
    for problem in (noisy("impulse"), noisy(operator=Mask(missing), observed=missing)):
        split = make_split(problem, seed=0)
        assert split.kind == "held-out"
        judged = fit(tiny_genome(), problem, split=split, seed=0, max_steps=10, keep_weights=True)
        assert fit_all_data(judged, tiny_genome(), problem, seed=0).full is None


def piloted() -> Genome:
    return tiny_genome(input_kind="pilot", pilot_scale=1.0)


def test_a_restoration_beside_the_noise_saves_iterations() -> None:
    problem = inpainting(19, 33)
    split = make_split(problem, seed=0)
    pilot = picture(19, 33) + 0.05 * torch.randn(1, 3, 19, 33, generator=torch.Generator().manual_seed(2))
    plain, helped = (
        fit(genome, problem, split=split, seed=3, max_steps=60, pilot=pilot)
        for genome in (tiny_genome(), piloted())
    )
    errors = [float((done.image - picture(19, 33)).square().mean()) for done in (plain, helped)]
    assert errors[1] < 0.8 * errors[0]
    without = fit(tiny_genome(), problem, split=split, seed=3, max_steps=60)
    assert torch.equal(plain.image, without.image)  # other networks do not look at it


def test_a_pilot_of_all_data_takes_the_place_of_the_other_one_at_once() -> None:
    problem, clean = inpainting(), picture()
    split = make_split(problem, seed=0)
    pilot = clean + 0.2 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    judged = fit(piloted(), problem, split=split, seed=3, max_steps=200, keep_weights=True, pilot=pilot)
    old, new = (fit_all_data(judged, piloted(), problem, seed=3, pilot=one).full for one in (pilot, clean))
    assert old is not None and new is not None
    better = [float((image - clean).square().mean()) for image in (judged.image, old, new)]
    assert better[2] < 0.97 * better[1] < 0.97 * better[0]


def test_a_network_that_needs_a_pilot_is_not_fitted_without_its_own() -> None:
    problem = inpainting()
    with pytest.raises(InputError, match="has a pilot in its input, and there is none"):
        fit(piloted(), problem, split=make_split(problem, seed=0), seed=0, max_steps=1)
    for wrong in (picture()[:, :1], picture(20, 24)):
        with pytest.raises(InputError, match=r"the pilot has the shape .*; the image has \(1, 3, 24, 20\)"):
            fit(piloted(), problem, split=make_split(problem, seed=0), seed=0, max_steps=1, pilot=wrong)


def test_the_average_looks_back_about_a_tenth_of_the_way() -> None:
    average = RunningAverage(ExponentialAverage(0.99), shape=(1, 1, 1, 1))
    for step in range(1, 201):
        average.update(torch.full((1, 1, 1, 1), float(step)))
    # β_t = t / (t + 10): an output of step s has the weight Π β, and the mean age of what is averaged is t / 11.
    weights, total = torch.zeros(200), 0.0
    for step in range(1, 201):
        share = 1 / (1 + 0.1 * step)
        weights *= 1 - share
        weights[step - 1] = share
        total = total * (1 - share) + share
    expected = float((weights * torch.arange(1, 201)).sum()) / total
    assert float(average.read()) == pytest.approx(expected, rel=1e-5)
    assert 200 - expected == pytest.approx(200 / 11, rel=0.1)
