"""Sigma is found on small textured photos whose noise was clipped and rounded to 8 bits."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dipsearch.errors import InputError
from dipsearch.problem import estimate_sigma, read_image
from dipsearch.problem.gate.clipping import surviving_noise

CHECKS = Path(__file__).parents[3] / "shared" / "data" / "checks"


def halved_crop(name, size=128):
    x = torch.nn.functional.avg_pool2d(read_image(f"sample:{name}").pixels, 2)
    top, left = (x.shape[-2] - size) // 2, (x.shape[-1] - size) // 2
    return x[..., top : top + size, left : left + size]


def eight_bits(x):
    return torch.round(x.clamp(0, 1) * 255) / 255


def noisy(x, sigma, seed=0):
    return x + torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)) * sigma / 255


@pytest.mark.parametrize("sigma", [5, 25, 50])
@pytest.mark.parametrize("channels", [1, 3, 9])
def test_on_a_flat_picture_all_three_measures_are_right(sigma, channels):
    estimate = estimate_sigma(noisy(torch.full((1, channels, 96, 96), 0.5), sigma))
    for value in (estimate.sigma, estimate.wavelet, estimate.laplacian):
        assert value * 255 == pytest.approx(sigma, rel=0.06)
    assert estimate.agree


@pytest.mark.parametrize("name", ["camera", "chelsea", "coffee", "moon", "retina", "rocket"])
def test_on_photos_sigma_25_is_found_within_5_percent(name):
    estimate = estimate_sigma(eight_bits(noisy(halved_crop(name), 25)))
    assert estimate.sigma * 255 == pytest.approx(25, rel=0.05)
    assert estimate.agree


@pytest.mark.parametrize("name", ["astronaut128", "house128", "kodim23_256"])
def test_on_the_check_pictures_sigma_25_is_found_within_5_percent(name):
    path = CHECKS / f"{name}_noise25.png"
    if not path.is_file():
        pytest.skip("the check pictures are not here")
    estimate = estimate_sigma(read_image(path).pixels)
    assert estimate.sigma * 255 == pytest.approx(25, rel=0.05)
    assert estimate.agree


def test_correlated_noise_makes_the_measures_disagree():
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(128, 128)), 0.6)
    y = halved_crop("camera") + torch.from_numpy(noise / noise.std() * 25 / 255).float()
    assert not estimate_sigma(y).agree


def test_saturated_regions_are_left_out():
    x = torch.full((1, 1, 96, 96), 0.5)
    x[..., :40] = 0
    x[..., 40:60] = 1
    assert estimate_sigma(eight_bits(noisy(x, 25))).sigma * 255 == pytest.approx(25, rel=0.08)


def test_channels_are_pooled_by_energy():
    x = torch.full((1, 2, 128, 128), 0.5)
    y = torch.cat([noisy(x[:, :1], 10), noisy(x[:, :1], 30, seed=1)], dim=1)
    assert estimate_sigma(y).sigma * 255 == pytest.approx(math.sqrt((10**2 + 30**2) / 2), rel=0.06)


def test_a_picture_too_small_is_refused():
    with pytest.raises(InputError, match="7 × 8"):
        estimate_sigma(torch.rand(1, 1, 8, 7))


@pytest.mark.parametrize("level", [0.0, 0.05, 0.5, 0.97, 1.0])
def test_the_noise_that_survives_clipping_has_the_predicted_moments(level):
    clean = torch.full((1, 1, 200, 200), level)
    clean[..., :1] = 0  # makes sure that the picture counts as clipped
    y = noisy(clean, 25).clamp(0, 1)
    variance, bias = surviving_noise(y, 25 / 255)
    inner = (..., slice(3, -3), slice(5, -3))
    noise = (y - clean)[inner]
    assert float(bias[inner].mean()) == pytest.approx(float(noise.mean()), abs=0.005)
    assert float(variance[inner].mean()) == pytest.approx(float(noise.var()), abs=0.05 * (25 / 255) ** 2)


def test_unclipped_noise_keeps_its_variance():
    variance, bias = surviving_noise(noisy(torch.full((1, 1, 16, 16), 0.01), 25), 25 / 255)
    assert float(variance.max()) == float(variance.min()) == pytest.approx((25 / 255) ** 2)
    assert float(bias.abs().max()) == 0
