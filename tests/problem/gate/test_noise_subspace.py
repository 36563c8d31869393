"""The noise subspace: strengths of noise beside texture that channels share, and in one channel beside fine texture."""

import numpy as np
import pytest
import torch

from dipsearch.bench.gate import gate_damages as damages
from dipsearch.bench.gate.noise_cases import _half
from dipsearch.problem import diagnose, read_image
from dipsearch.problem.gate.noise_subspace import noise_of_channels, noise_of_quiet


def photo(name, size=144):
    x = _half(f"sample:{name}").clamp(0, 1)
    top, left = (x.shape[-2] - size) // 2, (x.shape[-1] - size) // 2
    return x[..., top : top + size, left : left + size]


def noisy(x, *sigmas, seed=0):
    draw = np.random.default_rng(seed)
    made = [damages.gaussian(x[:, n : n + 1], sigma, draw) for n, sigma in enumerate(sigmas)]
    return damages.eight_bits(torch.cat(made, 1))


def planes_of(y):
    return y[0].double().numpy(), np.zeros(y.shape[1:], dtype=bool)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "motorcycle_left"])
def test_texture_that_channels_share_is_not_taken_for_noise(name):
    found = diagnose(noisy(photo(name), 10, 10, 10))
    assert found.noise.sigma * 255 == pytest.approx(10, rel=0.05)
    assert found.evidence.estimate.sigma * 255 > 10.7  # what the finest scale of every channel has


def test_channels_of_unlike_strengths_are_told_apart_from_a_rough_guess():
    planes, shown = planes_of(noisy(photo("astronaut"), 5, 10, 25))
    alone, _ = noise_of_channels(planes, np.array([7.0, 12, 26]) / 255, shown)
    assert alone * 255 == pytest.approx([6, 10, 25], rel=0.1)  # the picture has some of its own


def test_one_channel_is_measured_where_it_is_quiet():
    found = diagnose(noisy(photo("astronaut", 128).mean(1, keepdim=True), 10))
    assert found.noise.sigma * 255 == pytest.approx(10, rel=0.07)
    assert found.evidence.estimate.sigma * 255 > 11


def test_quiet_places_do_not_tell_of_noise_that_may_grow_with_brightness():
    found = diagnose(noisy(photo("coins", 128), 10))
    assert found.evidence.photons.likely
    assert found.noise.sigma > 1.05 * found.evidence.channels.mean_sigma


@pytest.mark.parametrize("sigma", [10, 25, 60])
def test_noise_alone_has_its_strength(sigma):
    y = torch.full((1, 3, 128, 128), 0.5) + torch.from_numpy(
        np.random.default_rng(1).normal(size=(1, 3, 128, 128)) * sigma / 255
    )
    planes, shown = planes_of(y)
    alone, bright = noise_of_channels(planes, np.full(3, sigma / 255), shown)
    assert alone * 255 == pytest.approx([sigma] * 3, rel=0.03)
    assert bright * 255 == pytest.approx([sigma] * 3, rel=0.1)
    assert noise_of_quiet(planes[:1], sigma / 255, shown[:1]) * 255 == pytest.approx(sigma, rel=0.05)


def test_too_few_patches_tell_nothing():
    planes, shown = planes_of(noisy(photo("astronaut", 20), 10, 10, 10))
    assert noise_of_channels(planes, np.full(3, 10 / 255), shown) is None
    assert noise_of_quiet(planes[:1], 10 / 255, shown[:1]) is None
    assert diagnose(noisy(photo("astronaut", 20), 25, 25, 25)).noise.sigma > 0


def test_grey_noise_on_a_colour_picture_is_still_noise():
    x = photo("coffee")
    grey = torch.from_numpy(np.random.default_rng(0).normal(size=x.shape[-2:])).float() * 10 / 255
    found = diagnose(damages.eight_bits(x + grey))
    assert found.branch == "recorruption (white)" and found.evidence.shares
    assert found.noise.sigma * 255 == pytest.approx(10, rel=0.1)


def test_a_part_with_more_noise_decides_where_the_rest_has_little():
    x = photo("rocket")
    y = noisy(x, 2.8, 2.8, 2.8)
    assert diagnose(y).noise.sigma * 255 == pytest.approx(2.8, rel=0.2)
    y[..., 20:120, 20:120] = noisy(x, 30, 30, 30)[..., 20:120, 20:120]
    found = diagnose(y)
    assert found.noise.sigma * 255 == pytest.approx(30, rel=0.1)
    assert found.where.mean() == pytest.approx((100 / 144) ** 2, abs=0.05)


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_noise_that_channels_share_in_part_is_not_underrated(name):
    x, draw = photo(name, 128), np.random.default_rng(3)
    common, own = draw.normal(size=(1, 1, 128, 128)), draw.normal(size=(1, 3, 128, 128))
    noise = torch.from_numpy(np.sqrt(0.4) * common + np.sqrt(0.6) * own).float()
    assert diagnose(damages.eight_bits(x + noise * 25 / 255)).noise.sigma * 255 == pytest.approx(25, rel=0.1)


@pytest.mark.parametrize("bits", [8, 32])
def test_uneven_noise_that_channels_share_is_never_taken_for_next_to_none(bits):
    x, draw = photo("chelsea", 144), np.random.default_rng(3)
    rising = np.linspace(5, 40, 144)[None, :] / 255
    y = x + torch.from_numpy(draw.normal(size=(144, 144)) * rising).float()
    found = diagnose(damages.eight_bits(y) if bits == 8 else y)
    assert found.branch != "recorruption (white)" or found.noise.sigma * 255 > 4


def test_a_rest_that_is_noisy_itself_is_not_left_as_it_is():
    y = noisy(photo("rocket"), 25, 25, 25)
    y[..., :48] = noisy(photo("rocket"), 8, 8, 8)[..., :48]
    found = diagnose(y)
    assert found.where is None or found.where[:, :48].any()


@pytest.mark.parametrize(("channels", "side"), [(1, 44), (1, 64), (3, 26), (3, 40)])
def test_few_patches_do_not_underrate_noise(channels, side):
    ratios = []
    for seed in range(6):
        draw = np.random.default_rng(seed)
        y = torch.from_numpy(0.5 + draw.normal(size=(1, channels, side, side)) * 0.05).float()
        ratios.append(diagnose(y).noise.sigma / 0.05)
    assert np.mean(ratios) > 0.96


def test_a_part_without_fine_content_gives_no_nan():
    y = noisy(photo("coffee", 128).mean(1, keepdim=True), 25)
    rows, columns = np.mgrid[:128, :128]
    disc = torch.from_numpy((rows - 64) ** 2 + (columns - 64) ** 2 < 32**2)
    ramp = torch.from_numpy(np.round(100 + 40 * columns / 128) / 255).float()
    y[0, 0][disc] = ramp[disc]
    assert np.isfinite(diagnose(y).evidence.channels.sigmas).all()


def test_dark_places_where_noise_was_cut_off_do_not_underrate_it():
    x = read_image("sample:camera@64").pixels  # half of it is nearly black
    y = damages.white_in_8_bits(x, (25.0,), np.random.default_rng(0)).y
    shown = np.zeros((1, 64, 64), dtype=bool)
    assert (
        noise_of_quiet(y[0].double().numpy(), 25 / 255, shown) is None
    )  # too little is left, and others decide
    assert diagnose(y).noise.sigma * 255 == pytest.approx(25, rel=0.08)
