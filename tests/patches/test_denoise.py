"""Noise goes and the picture stays: by how much, for every number of channels and kind of noise."""

import dataclasses
import random as standard_random

import pytest
import torch
import torch.nn.functional as F

from dipsearch.patches import DEFAULT
from dipsearch.patches.denoise import denoise, polish, white
from dipsearch.patches.patch_noise import PatchNoise
from dipsearch.problem import psnr, read_image

SIGMA = 25 / 255


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def photo(size=48, channels=3):
    x = read_image("sample:chelsea").pixels[..., 100 : 100 + size, 150 : 150 + size]
    return torch.cat((x, 0.2 + 0.5 * x[:, :1]), 1)[:, :channels].contiguous()


def stripes(size=32):
    return torch.where(torch.arange(size) % 4 < 2, 0.8, 0.2).expand(1, 1, size, size)


def alike(sigma, channels=3):
    return white(sigma, channels=channels, like=torch.zeros(1))


def denoised(y, noise, **options):
    return denoise(y, noise, settings=DEFAULT, **options)


@pytest.mark.parametrize(
    "sigma, channels, gain",
    [(10, 3, 7.7), (50, 3, 13.4), (25, 1, 9.5), (25, 2, 10.7), (25, 3, 10.9), (25, 4, 11.8)],
)
def test_a_photo_gains_so_many_decibels(sigma, channels, gain):
    x = photo(channels=channels)
    y = x + sigma / 255 * random(*x.shape)
    found = denoised(y, alike(sigma / 255, channels))
    assert found.shape == x.shape and found.dtype == torch.float32
    assert psnr(found, x) - psnr(y, x) > gain


@pytest.mark.parametrize("sigma", [5, 10, 25])
def test_what_repeats_gains_most(sigma):
    x = stripes()
    y = x + sigma / 255 * random(*x.shape)
    assert psnr(denoised(y, alike(sigma / 255, 1)), x) - psnr(y, x) > 18


def test_every_channel_may_have_its_own_noise():
    x, sigmas = photo(), torch.tensor([5.0, 25, 50]) / 255
    y = x + sigmas[:, None, None] * random(*x.shape)
    known = denoised(y, PatchNoise(torch.diag(sigmas**2)))
    taken_alike = denoised(y, alike(float(sigmas.square().mean().sqrt())))
    assert psnr(known, x) > psnr(taken_alike, x) + 2
    assert psnr(known[:, :1], x[:, :1]) > psnr(y[:, :1], x[:, :1])  # the good channel does not suffer


def test_correlated_noise_is_removed_as_what_it_is():
    x = photo()
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    kernel = kernel / kernel.square().sum().sqrt()
    noise = F.conv2d(random(3, 1, 50, 50), kernel[None, None])[:, 0][None]
    table = F.conv2d(F.pad(kernel, (2,) * 4)[None, None], kernel[None, None])[0, 0]
    y = x + 20 / 255 * noise
    white_noise = alike(20 / 255)
    correlated = PatchNoise(white_noise.channels, table / table[2, 2])
    found = psnr(denoised(y, correlated), x)
    assert found > psnr(denoised(y, white_noise), x) + 2.5
    assert found > psnr(y, x) + 5.5
    clean = polish(y, x, correlated, settings=DEFAULT)
    assert psnr(clean, x) > psnr(polish(y, x, white_noise, settings=DEFAULT), x) + 0.5


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_constant_picture_stays_and_its_noise_goes(channels):
    x = torch.full((1, channels, 24, 24), 0.4)
    assert float((denoised(x, alike(SIGMA, channels)) - x).abs().max()) < 1e-6
    y = x + SIGMA * random(*x.shape)
    found = denoised(y, alike(SIGMA, channels))
    assert float((found - x).std()) < 0.1 * SIGMA
    assert float((found.mean() - y.mean()).abs()) < 0.02 * SIGMA


def test_a_constant_channel_beside_others_stays_constant():
    x = photo(32)
    x[:, 2] = 0.7
    y = x + SIGMA * random(*x.shape)
    found = denoised(y, alike(SIGMA))
    assert float((found[:, 2] - 0.7).square().mean().sqrt()) < 0.3 * SIGMA
    assert psnr(found, x) > psnr(y, x) + 9


@pytest.mark.parametrize("size", [(8, 8), (8, 21), (13, 9)], ids=str)
def test_small_pictures_are_denoised_too(size):
    ramp = torch.linspace(0.2, 0.8, size[1]).expand(1, 1, *size)
    y = ramp + SIGMA * random(*ramp.shape)
    found = denoised(y, alike(SIGMA, 1))
    assert found.shape == y.shape
    assert psnr(found, ramp) > psnr(y, ramp) + 3


@pytest.mark.parametrize("sigma", [1e-6, 1e-4, 1 / 255])
def test_hardly_any_noise_leaves_the_picture_as_it_is(sigma):
    x = stripes(24)
    y = x + sigma * random(*x.shape)
    assert float((denoised(y, alike(sigma, 1)) - x).square().mean().sqrt()) < sigma + 1e-6


@pytest.mark.parametrize("sigma", [1.0, 10.0])
def test_under_noise_beyond_the_range_the_level_is_left(sigma):
    x = photo(16)
    found = denoised(x, alike(sigma))
    assert bool(found.isfinite().all())
    assert float(found.std((2, 3)).max()) < 0.02
    assert torch.allclose(found.mean((2, 3)), x.mean((2, 3)), atol=0.05)


def test_hidden_pixels_are_not_looked_at():
    x = photo(24)
    y = x + SIGMA * random(*x.shape)
    seen = psnr(denoised(y, alike(SIGMA)), x)
    for shape in ((1, 1, 24, 24), (1, 3, 24, 24)):
        known = (torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.05).float()
        one, other = (
            denoised(torch.where(known > 0, y, hidden), alike(SIGMA), known=known) for hidden in (0.0, 9.0)
        )
        assert torch.equal(one, other)
        assert psnr(one, x) > seen - 0.8


def test_nothing_hidden_is_the_same_as_no_word_of_it():
    y = photo(24) + SIGMA * random(1, 3, 24, 24)
    everywhere = torch.ones(1, 1, 24, 24)
    assert torch.equal(denoised(y, alike(SIGMA), known=everywhere), denoised(y, alike(SIGMA)))


def test_a_better_pilot_gives_a_better_picture():
    x = photo()
    y = x + SIGMA * random(*x.shape)
    alone = denoised(y, alike(SIGMA))
    with_clean, with_own, with_noisy = (
        psnr(polish(y, pilot, alike(SIGMA), settings=DEFAULT), x) for pilot in (x, alone, y)
    )
    assert with_clean > psnr(alone, x) + 1.8
    assert with_own == pytest.approx(psnr(alone, x), abs=0.3)
    assert with_noisy > psnr(y, x) + 3


def test_passes_and_their_share_of_the_noise_are_the_settings_own():
    x = photo(32)
    y = x + SIGMA * random(*x.shape)
    once = dataclasses.replace(DEFAULT, polishing=((1.0, 32),))
    again = polish(y, polish(y, x, alike(SIGMA), settings=once), alike(SIGMA), settings=once)
    twice = dataclasses.replace(DEFAULT, polishing=((1.0, 32), (1.0, 32)))
    assert torch.allclose(polish(y, x, alike(SIGMA), settings=twice), again, atol=1e-5)
    half = dataclasses.replace(DEFAULT, polishing=((0.5, 32),))
    weaker = polish(y, x, alike(SIGMA * 0.5**0.5), settings=once)
    assert torch.allclose(polish(y, x, alike(SIGMA), settings=half), weaker, atol=1e-5)


def test_equal_pictures_give_equal_results_and_nothing_else_is_touched():
    y, pilot = photo(24) + SIGMA * random(1, 3, 24, 24), photo(24)
    before = y.clone(), pilot.clone(), torch.random.get_rng_state(), standard_random.getstate()
    one, other = (denoised(y, alike(SIGMA)) for _ in range(2))
    assert torch.equal(one, other)
    one, other = (polish(y, pilot, alike(SIGMA), settings=DEFAULT) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(y, before[0]) and torch.equal(pilot, before[1])
    assert torch.equal(torch.random.get_rng_state(), before[2])
    assert standard_random.getstate() == before[3]


def test_white_noise_is_the_same_in_all_channels():
    noise = white(0.2, channels=3, like=torch.zeros(1))
    assert noise.correlation is None
    assert torch.allclose(noise.channels, 0.04 * torch.eye(3))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_gpu_gives_the_same(channels):
    x = photo(channels=channels)
    y = x + SIGMA * random(*x.shape)
    there = white(SIGMA, channels=channels, like=y.cuda())
    found = denoise(y.cuda(), there, settings=DEFAULT).cpu()
    # Of two patches that are equally near either may come into a group: a few pixels differ by up to 1e-3.
    assert float((found - denoised(y, alike(SIGMA, channels))).square().mean().sqrt()) < 1e-4
    found = polish(y.cuda(), x.cuda(), there, settings=DEFAULT).cpu()
    right = polish(y, x, alike(SIGMA, channels), settings=DEFAULT)
    assert float((found - right).square().mean().sqrt()) < 1e-4
