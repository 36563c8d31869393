"""Noise that was cut nearly everywhere: sigma is read off what is left; photons and photos stay what they are."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from dipsearch.problem import diagnose, read_image
from dipsearch.problem.gate.cut_noise import cut_sigma
from dipsearch.problem.gate.plain import plain_values


def coffee():
    return torch.nn.functional.avg_pool2d(read_image("sample:coffee").pixels, 2)[..., 40:136, 90:186]


def eight_bits(x):
    return torch.round(x.clamp(0, 1) * 255) / 255


def with_noise(x, sigma, *, seed=0):
    return eight_bits(x + sigma / 255 * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("sigma", [10, 25, 50])
@pytest.mark.parametrize("bright", [False, True])
def test_noise_on_nearly_black_and_nearly_white_is_white_and_as_strong_as_it_was(sigma, bright):
    x = 1 - 0.06 * coffee() if bright else 0.06 * coffee()
    found = diagnose(with_noise(x, sigma))
    assert found.branch == "recorruption (white)"
    assert found.noise.sigma * 255 == pytest.approx(sigma, rel=0.06)
    assert found.noise.channels is None


def test_black_alone_tells_it():
    found = diagnose(with_noise(torch.zeros(1, 1, 96, 96), 25))
    assert found.noise.sigma * 255 == pytest.approx(25, rel=0.06)


def test_a_photo_with_dark_corners_is_measured_where_nothing_was_cut():
    y = with_noise(coffee(), 25)
    assert ((y == 0) | (y == 1)).float().mean() > 0.05
    assert cut_sigma(y, plain_values(y)) is None


@pytest.mark.parametrize("photons", [10, 30, 60])
def test_few_photons_are_no_cut_noise(photons):
    counts = np.random.default_rng(0).poisson(0.1 * coffee().numpy() * photons)
    y = eight_bits(torch.from_numpy(counts / photons).float())
    assert (y == 0).float().mean() > 0.2
    assert cut_sigma(y, plain_values(y)) is None


def test_correlated_noise_that_was_cut_is_not_taken_for_it():
    noise = torch.randn(1, 3, 98, 98, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, stride=1)
    y = eight_bits(0.06 * coffee() + 0.1 * smooth / smooth.std())
    assert cut_sigma(y, plain_values(y)) is None


def test_noise_of_one_channel_alone_is_not_said_of_all():
    x = 0.06 * coffee()
    y = torch.cat([with_noise(x[:, :1], 40), with_noise(x[:, 1:], 12)], dim=1)
    assert cut_sigma(y, plain_values(y)) is None


def text(paper):
    page = Image.new("L", (192, 160), 255 if paper else 0)
    draw = ImageDraw.Draw(page)
    for row in range(7):
        words = "noise that was cut at the ends"[row:]
        draw.text((4, 3 + 22 * row), words, fill=0 if paper else 255, font=ImageFont.load_default(15))
    return torch.from_numpy(np.asarray(page, dtype=np.float32) / 255)[None, None]


@pytest.mark.parametrize("sigma", [15, 25, 40])
@pytest.mark.parametrize("paper", [True, False])
def test_the_ground_of_text_tells_it_of_which_half_was_cut(sigma, paper):
    found = diagnose(with_noise(text(paper), sigma))
    assert found.branch == "recorruption (white)"
    assert found.noise.sigma * 255 == pytest.approx(sigma, rel=0.1)


def test_clean_text_has_none():
    assert cut_sigma(text(True), plain_values(text(True))) is None


def test_strong_noise_in_the_middle_of_the_range_was_cut_at_both_ends():
    field = gaussian_filter(np.random.default_rng(1).normal(0, 1, (128, 128)), 3)
    x = torch.from_numpy(0.18 + 0.62 * (field - field.min()) / np.ptp(field)).float()[None, None]
    found = diagnose(with_noise(x, 100))
    assert found.noise.sigma * 255 == pytest.approx(100, rel=0.06)
