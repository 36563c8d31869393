"""Noise that is stronger in some places is found where it is, and neither texture nor brightness is taken for it."""

import numpy as np
import pytest
import torch

from dipsearch.problem import add_noise, diagnose, make_split, read_image
from dipsearch.problem.gate.noise_classifier import given_sigma
from dipsearch.problem.noise_map import of_every_pixel
from dipsearch.problem.problem import Problem


def photo(name, side=128):
    x = read_image(f"sample:{name}").pixels
    top, left = (x.shape[-2] - side) // 2, (x.shape[-1] - side) // 2
    return x[..., top : top + side, left : left + side]


def strengths(kind, side=128):
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return {
        "left to right": 5 + 10 * (across + 1),
        "corners": 8 + 15 * (down**2 + across**2),
        "halves": np.where(across > 0, 30.0, 10.0),
    }[kind]


def noisy(x, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(size=x.shape) * sigma / 255
    return torch.round((x + torch.from_numpy(noise).float()).clamp(0, 1) * 255) / 255


@pytest.mark.parametrize("name", ["coffee", "cat", "rocket"])
@pytest.mark.parametrize("kind", ["left to right", "corners", "halves"])
def test_the_map_is_that_of_the_noise(name, kind):
    sigma = strengths(kind)
    found = diagnose(noisy(photo(name), sigma))
    assert found.branch == "held-out" and found.noise.kind == "unknown"
    seen = 255 * found.noise.sigma * of_every_pixel(found.noise.places, 128, 128)[0, 0].numpy()
    assert np.sqrt(np.mean(np.log(seen / sigma) ** 2)) < 0.35  # as one sigma it is up to 0.55
    assert 255 * found.noise.sigma == pytest.approx(np.sqrt(np.mean(sigma**2)), rel=0.2)


def test_people_are_told_where_it_is_weak_and_strong():
    y = noisy(photo("rocket"), strengths("left to right"))
    found = diagnose(y)
    assert "from place to place" in found.sentence
    assert found.warning.startswith("the noise differs over the picture") and "left) to " in found.warning
    assert "right)" in found.warning
    assert "from place to place" in given_sigma(y, 20 / 255).warning


@pytest.mark.parametrize("name", ["coffee", "cat", "rocket"])
@pytest.mark.parametrize("sigma", [10, 25, 50])
def test_noise_of_one_strength_stays_white(name, sigma):
    for x in (photo(name), photo(name)[:, 1:2]):
        found = diagnose(noisy(x, sigma))
        assert found.branch == "recorruption (white)" and found.noise.places is None


def test_fur_that_all_channels_have_is_not_taken_for_it():
    fur = np.random.default_rng(1).normal(size=(1, 1, 128, 128)) * np.linspace(0, 20, 128) / 255
    found = diagnose(noisy(0.5 + torch.from_numpy(fur).float().expand(1, 3, -1, -1), 10, seed=2))
    assert found.branch == "recorruption (white)" and found.noise.places is None
    assert found.noise.sigma * 255 == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("name", ["coffee", "cat", "rocket"])
def test_noise_that_grows_with_brightness_is_not_taken_for_it(name):
    y = add_noise(photo(name), "poisson", level=30, seed=0).y
    y = y + 0.003 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    assert diagnose(y).branch == "held-out (photons)"


def test_an_even_half_that_is_clean_is_left_to_the_noisy_part():
    found = diagnose(noisy(photo("rocket"), np.where(strengths("halves") > 20, 25.0, 0.0)))
    assert found.branch == "recorruption (white)" and found.noise.places is None
    assert found.where is not None and 0.4 < found.where.mean() < 0.6


def test_the_score_takes_off_the_energy_of_the_noise_where_it_judges():
    x = torch.full((1, 3, 128, 128), 0.5)
    problem = Problem(noisy(x, strengths("left to right")), noise=None)
    noise = diagnose(problem.y).noise
    split = make_split(Problem(problem.y, None, noise), seed=0)
    assert split.kind == "held-out"
    assert float(split.validation_mse(x)) == pytest.approx(0, abs=0.15 * noise.sigma**2)
