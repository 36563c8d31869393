"""A grey picture in three channels: worked on as one, and handed back as it came."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from skimage.data import chelsea
from torch import nn

from dipsearch import (
    Blur,
    Downsample,
    Gaussian,
    Identity,
    Mask,
    OwnNetwork,
    Poisson,
    Problem,
    Product,
    Radon,
    answer,
    fit,
    load,
    search,
)
from dipsearch.problem import NoiseModel
from dipsearch.problem.equal_channels import of_one_channel
from dipsearch.trials.problem_files import read_problem, write_problem

SIZE = 32
CLEAN = chelsea()[60 : 60 + SIZE, 100 : 100 + SIZE].mean(-1) / 255.0
NOISY = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape)
MASK = np.random.default_rng(1).random(CLEAN.shape) < 0.6


def three(a):
    return np.repeat(a[..., None], 3, -1)


def counts():
    return np.random.default_rng(2).poisson(20 * CLEAN).astype(float)


@pytest.mark.parametrize(
    ("y", "operator", "noise"),
    [
        (NOISY, None, Gaussian(0.1)),
        (NOISY, None, None),
        ((255 * NOISY).clip(0, 255).round().astype(np.uint8), None, Gaussian(25.5)),
        (counts(), None, Poisson()),
        (np.where(MASK, NOISY, np.nan), Mask(MASK), Gaussian(0.1)),
        (NOISY, Blur(np.ones((3, 3)) / 9), Gaussian(0.1)),
    ],
)
def test_three_equal_channels_are_restored_as_well_as_one(y, operator, noise):
    one, same = Problem(y, operator, noise), Problem(three(y), operator, noise)
    assert same.image_shape == (1, 1, SIZE, SIZE) and torch.equal(one.y, same.y)
    image = same.form.back(answer(same))
    assert image.shape == (SIZE, SIZE, 3)
    assert np.array_equal(image, three(one.form.back(answer(one))))


def test_an_operator_of_three_channels_becomes_one_of_one():
    x = torch.from_numpy(CLEAN)[None, None].float()
    for make in (
        lambda c: Downsample(2, (1, c, SIZE, SIZE)),
        lambda c: Radon([0, 30, 60, 90], (1, c, SIZE, SIZE)),
        lambda c: Product(Mask(np.ones((SIZE, SIZE))), Blur(np.ones((3, 3)))),
        lambda c: Mask(np.broadcast_to(MASK, (1, c, SIZE, SIZE))),
    ):
        y = make(1).A(x) + 0.01
        problem = Problem(y.expand(-1, 3, -1, -1), make(3), Gaussian(0.05))
        assert problem.image_shape == (1, 1, SIZE, SIZE)
        assert torch.equal(problem.operator.A(x), make(1).A(x))
        assert problem.form.back(x).shape == (1, 3, SIZE, SIZE)
        assert make(3).A(x.expand(-1, 3, -1, -1)).shape[1] == 3  # the one that was given is as it was


def test_what_hides_other_pixels_in_each_channel_keeps_its_channels():
    mask = torch.ones(1, 3, SIZE, SIZE)
    mask[:, 1, :4] = 0
    assert of_one_channel(Mask(mask)) is None
    assert of_one_channel(Product(Identity(), Mask(mask))) is None


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_channel_that_differs_in_one_value_keeps_all(channel):
    y = three(NOISY)
    y[3, 4, channel] += 1e-3
    assert Problem(y, noise=Gaussian(0.1)).image_shape == (1, 3, SIZE, SIZE)


def test_the_noise_of_each_channel_keeps_them():
    noise = NoiseModel("gaussian", 0.1, channels=((1.0, 0.9, 0.9), (0.9, 1.0, 0.9), (0.9, 0.9, 1.0)))
    assert Problem(three(NOISY), noise=noise).image_shape == (1, 3, SIZE, SIZE)


def test_an_own_operator_keeps_equal_channels_and_a_warning_says_what_that_costs():
    pair = (lambda x: x + x.flip(-1) / 2, lambda y: y + y.flip(-1) / 2)
    y = pair[0](torch.from_numpy(three(NOISY)).permute(2, 0, 1)[None])
    with pytest.warns(UserWarning, match="all 3 channels of y are the same, noise included") as caught:
        assert Problem(y, pair, Gaussian(0.1)).image_shape == (1, 3, SIZE, SIZE)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Problem(y + torch.rand(1, 3, 1, 1), pair, Gaussian(0.1))


def test_a_file_keeps_how_many_channels_come_back(tmp_path):
    problem = Problem(three(NOISY), noise=Gaussian(0.1))
    write_problem(tmp_path / "whole-image.npz", problem)
    assert read_problem(tmp_path / "whole-image.npz").form == problem.form
    assert problem.form.channels == 3


def test_an_own_network_may_make_all_channels_or_one():
    problem = Problem(three(NOISY), noise=Gaussian(0.1))
    images = [
        fit(problem, OwnNetwork(nn.Conv2d(32, channels, 3, padding=1)), steps=20).image for channels in (3, 1)
    ]
    assert images[0].shape == images[1].shape == (SIZE, SIZE, 3)
    assert all(np.array_equal(image[..., 0], image[..., 2]) for image in images)


def test_a_search_its_page_its_folder_and_its_comparison_have_all_channels(tmp_path):
    problem = Problem(three(NOISY), noise=Gaussian(0.1))
    assert "1 channel for 3 that are all the same" in repr(problem)
    found = search(
        problem,
        trials=1,
        steps=20,
        workers=1,
        network=lambda trial: nn.Conv2d(32, trial.suggest_int("channels", 1, 1), 3, padding=1),
    )
    assert found.image.shape == (SIZE, SIZE, 3) and "with 3 channels, all the same" in repr(found)
    assert any("all channels are the same" in line for line in found.summary["warnings"])
    reference = three(CLEAN)
    psnr = 10 * np.log10(1 / np.mean((found.image - reference) ** 2))
    assert found.compare(reference)["psnr"] == pytest.approx(psnr, abs=1e-3)
    found.save(tmp_path / "kept")
    again = load(tmp_path / "kept")
    assert np.array_equal(again.image, found.image)
    assert again.compare(reference) == found.compare(reference)
    assert found.report(tmp_path / "page.html").stat().st_size > 10_000
