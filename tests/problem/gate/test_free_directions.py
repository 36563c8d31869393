"""Free directions: noise beside ridges and bricks that lie everywhere, and texture that is none."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter

from dipsearch.bench.gate import gate_damages as damages
from dipsearch.problem import diagnose, read_image
from dipsearch.problem.gate.clipping import cut_values
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
    error = found.evidence.photons.gain_error * (high - low)  # ridges average out over a patch
    assert found.noise.gain * (high - low) == pytest.approx(10, abs=error) and error < 4


@pytest.mark.parametrize("seed", range(3))
def test_texture_that_channels_share_and_that_grows_with_brightness_does_not_add_to_the_gain(seed):
    grass = F.avg_pool2d(read_image("sample:grass").pixels, 2)[..., :128, :128]
    light = torch.linspace(0.15, 1, 128) * (0.5 + grass / grass.max() / 2)
    made = damages.photons(
        light * torch.tensor([1.0, 0.8, 0.6]).view(1, 3, 1, 1), (200, 10, 300, 3), draw(seed)
    )
    low, high = float(made.y.min()), float(made.y.max())
    found = diagnose((made.y - low) / (high - low))
    assert found.branch == "held-out (photons)"
    assert found.noise.gain * (high - low) == pytest.approx(10, rel=0.1)  # in single channels 11.5 to 12.1


def beads(size=128):
    """Smooth spots on a dark ground, as under a microscope."""
    rows, columns = np.mgrid[:size, :size]
    places = draw(4).uniform(0, size, (40, 2))
    scene = sum(np.exp(-((rows - a) ** 2 + (columns - b) ** 2) / 50) for a, b in places)
    return np.clip(scene / scene.max() + 0.02, 0, 1)


def under_a_microscope(photons, read, seed=0):
    """A picture of 12 bits, the gain of its camera in its own range, and the variance of its noise."""
    n = beads() * photons
    y = np.rint(100 + 5 * (draw(seed).poisson(n) + read * draw(seed + 50).normal(size=n.shape)) + 20 * read)
    return torch.from_numpy(y / y.max()).float()[None, None], 5 / y.max(), (n + read**2) * (5 / y.max()) ** 2


def test_photons_beside_noise_of_reading_are_no_white_noise():
    gains, brights = [], []
    for seed in range(3):
        y, gain, variance = under_a_microscope(photons=25, read=2, seed=seed)
        found = diagnose(y)
        assert found.branch == "held-out (photons)"
        line = found.evidence.photons
        gains.append(line.gain / gain)
        ends = np.quantile(y.numpy(), 0.98) - line.zero
        brights.append(line.gain * ends / np.quantile(variance, 0.98))
    assert np.mean(gains) == pytest.approx(1, abs=0.15)  # brightness that bins itself makes it too small
    assert np.mean(brights) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_reading_alone_is_white(seed):
    y = torch.from_numpy(0.3 + 0.4 * beads() + 0.05 * draw(seed).normal(size=(128, 128))).float()[None, None]
    found = diagnose(y)
    assert found.branch == "recorruption (white)" and found.noise.sigma == pytest.approx(0.05, rel=0.03)


def test_a_brightest_value_on_the_end_is_no_cut_noise():
    y = 0.2 + 0.1 * draw().normal(size=(1, 96, 96)).clip(-1.9, 3)
    y.flat[0] = 1.0
    assert not cut_values(y)
    y.flat[:20] = 1.0
    assert cut_values(y) and not cut_values(y - 0.2)


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


def test_photons_are_found_where_channels_are_cut_in_different_places():
    """No patch shows noise in all three: red is white on the left, and blue is black on the right."""
    rows, columns = np.mgrid[:176, :176] / 175
    rough = gaussian_filter(draw(3).normal(size=(176, 176)), 1.5)
    grey = 0.25 + 0.5 * rows + 0.05 * rough / rough.std()
    x = np.stack([np.where(columns < 0.5, 2.0, grey), grey, np.where(columns < 0.5, grey, -1.0)])
    counts = draw(4).poisson(np.maximum(100 * x, 0)) + draw(5).normal(0, 4, x.shape)
    found = diagnose(torch.from_numpy((counts / 100).clip(0, 1))[None].mul(255).round().div(255))
    assert found.branch == "held-out (photons)" and found.noise.gain == pytest.approx(0.01, rel=0.1)


@pytest.mark.filterwarnings("error")
def test_ramps_without_any_noise_have_none():
    ramps = np.stack([np.add.outer(np.arange(72), n * np.arange(72)) / 400 for n in (1, 2, 3)])
    assert in_free(torch.from_numpy(ramps)[None]) is not None
