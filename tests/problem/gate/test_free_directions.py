"""Free directions: noise beside ridges and bricks that lie everywhere, and texture that is none."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dipsearch.bench.gate import gate_damages as damages
from dipsearch.problem import diagnose
from dipsearch.problem.gate.free_directions import free_noise


def draw(seed=0):
    return np.random.default_rng(seed)


def ridges(period, size=160, seed=0):
    """Dark and bright lines of slowly varying direction, with strong contrast, as of a fingerprint."""
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    band = np.exp(-(((radius - 1 / period) * period / 0.12) ** 2) / 2)
    waves = np.fft.ifft2(np.fft.fft2(draw(seed).normal(size=(size, size))) * band).real
    return torch.from_numpy(0.55 + 0.35 * np.tanh(1.2 * waves / waves.std())).float()[None, None]


def bricks(size=128):
    """Rough stones between bright lines: the brighter a stone is, the rougher."""
    rows, columns = np.mgrid[:size, :size]
    row = rows // 17
    stone = (columns + row % 2 * 22) // 45
    tone = 0.3 * (1 + 0.3 * draw(1).normal(size=(20, 20)))[row, stone]
    rough = gaussian_filter(draw(2).normal(size=(size, size)), 0.6)
    joint = (rows % 17 < 3) | ((columns + row % 2 * 22) % 45 < 3)
    grey = np.where(joint, 0.6, tone) * (1 + 0.1 * rough / rough.std())
    return torch.from_numpy(np.stack([grey, 0.7 * grey, 0.5 * grey])).float()[None].clamp(0, 1)


def in_free(y):
    return free_noise(y, np.zeros(y.shape[1:], dtype=bool), sigma=0.05)


@pytest.mark.parametrize("period", [7, 8])
@pytest.mark.parametrize("sigma", [10, 25])
def test_white_noise_on_ridges_is_white_noise(period, sigma):
    found = diagnose(damages.white_in_8_bits(ridges(period), (sigma,), draw()).y)
    assert found.evidence.free.white and found.branch == "recorruption (white)"
    assert found.noise.sigma * 255 == pytest.approx(sigma, rel=0.15)


@pytest.mark.parametrize("period", [7, 8])
def test_clean_ridges_and_those_with_blurred_noise_have_no_white_noise(period):
    x = ridges(period)
    assert not in_free(damages.eight_bits(x)).white and diagnose(damages.eight_bits(x)).leaves_alone
    assert not in_free(damages.blurred(x, (25, 0.6), draw()).y).white


def test_photons_on_ridges_are_told_from_white_noise():
    made = damages.photons(ridges(7), (50, 10, 300, 2), draw())
    low, high = float(made.y.min()), float(made.y.max())
    found = diagnose((made.y - low) / (high - low))
    assert found.branch == "held-out (photons)"
    assert found.noise.gain * (high - low) == pytest.approx(10, rel=0.15)


def test_noise_on_bricks_that_are_the_rougher_the_brighter_is_no_photons():
    x = bricks()
    assert diagnose(damages.white_in_8_bits(x, (5,), draw()).y).noise.kind != "poisson"
    made = damages.photons_in_8_bits(x, (50, 2, 100, 2), draw())
    assert diagnose(made.y).noise.kind == "poisson"


def test_noise_alone_is_even_in_all_directions_and_as_strong_as_it_is():
    noise = torch.from_numpy(draw().normal(size=(1, 2, 96, 96))) * torch.tensor([0.05, 0.1]).view(1, 2, 1, 1)
    found = in_free((0.5 + noise).clamp(0, 1))
    assert found.white and found.steady and not found.grows
    assert found.even == pytest.approx(1, abs=0.06) and found.rise < 1.15
    assert found.sigmas == pytest.approx([0.05, 0.1], rel=0.05)


def test_too_small_and_plain_pictures_say_nothing():
    assert in_free(torch.full((1, 1, 24, 24), 0.5)) is None
    found = in_free(torch.full((1, 1, 64, 64), 0.5))
    assert not found.white and found.sigma == 0
