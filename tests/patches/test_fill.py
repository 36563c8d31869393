"""Missing pixels come from similar patches, measured ones stay, large holes are filled at a reduced size."""

import dataclasses
import sys

import pytest
import torch

from dipsearch.patches import DEFAULT, answer
from dipsearch.patches.alternation import alternate
from dipsearch.patches.fill import fill, start_error
from dipsearch.patches.start import first_guess
from dipsearch.problem import Mask, NoiseModel, Problem, psnr, read_image

NONE = NoiseModel("none", None, "none")
NO_MIDDLES = dataclasses.replace(DEFAULT, deep=99)


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def photo(size=32):
    return read_image("sample:chelsea").pixels[..., 100 : 100 + size, 150 : 150 + size].contiguous()


def stripes(size=32):
    """Slanted and smooth, about five pixels apart."""
    place = torch.arange(size)
    return (0.5 + 0.4 * torch.sin(0.9 * place + 0.5 * place[:, None]))[None, None]


def problem(x, observed, *, sigma=0.0):
    y = x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(2)) if sigma else x
    noise = NoiseModel("gaussian", sigma) if sigma else NONE
    return Problem(y * observed, Mask(observed), noise, tuple(x.shape), observed=observed)


def filled(given, *, pilot=None, noise_sigma=0.0, settings=DEFAULT):
    return fill(given, pilot=pilot, noise_sigma=noise_sigma, settings=settings)


def half(size=32):
    return (random(1, 1, size, size, seed=1) > 0.5).float()


def a_hole(size=48, side=20):
    observed = torch.ones(1, 1, size, size)
    start = (size - side) // 2
    observed[..., start : start + side, start : start + side] = 0
    return observed


def test_what_was_measured_comes_back_exactly():
    for observed in (half(), (random(1, 3, 32, 32, seed=1) > 0.3).float()):
        given = problem(photo(), observed)
        found = filled(given)
        assert found.shape == given.y.shape and found.dtype == torch.float32
        assert float(((found - given.y) * observed).abs().max()) < 1e-6


def test_stripes_are_continued_where_the_biharmonic_equation_blurs_them():
    x = stripes()
    given = problem(x, half())
    assert psnr(filled(given), x) > psnr(first_guess(given), x) + 15


def test_impulses_leave_every_channel_its_own_pixels():
    x = photo()
    given = problem(x, (random(1, 3, 32, 32, seed=1) > 0.3).float())
    assert psnr(filled(given), x) > psnr(first_guess(given), x) + 1.5


def test_one_channel_that_misses_values_is_filled_from_the_others():
    x, observed = photo(), torch.ones(1, 3, 32, 32)
    observed[:, 1] = half()[0, 0]
    given = problem(x, observed)
    found = filled(given)
    assert psnr(found, x) > psnr(first_guess(given), x) + 3
    assert float(((found - x) * observed).abs().max()) < 1e-6


def test_nothing_missing_is_nothing_to_do():
    x = photo()
    assert torch.equal(filled(problem(x, torch.ones(1, 1, 32, 32))), x)


def test_the_middle_of_a_large_hole_is_filled_at_a_reduced_size():
    x = read_image("sample:coffee").pixels[..., 100:196, 150:246].contiguous()
    observed = a_hole(96, side=24)
    given = problem(x, observed)
    found, at_once = answer(given), answer(given, settings=NO_MIDDLES)
    assert psnr(found, x) > psnr(at_once, x) + 1 > psnr(first_guess(given), x) + 1
    assert float(((found - x) * observed).abs().max()) < 1e-6


def test_a_hole_larger_than_a_tile_has_no_seams(monkeypatch):
    monkeypatch.setattr(sys.modules["dipsearch.patches.answer"], "SIDE", 32)
    monkeypatch.setattr(sys.modules["dipsearch.patches.answer"], "OVERLAP", 16)
    slope = (torch.arange(96) / 96).expand(1, 1, 96, 96).contiguous()
    found = answer(problem(slope, a_hole(96, side=72)))
    assert float((found - slope).abs().max()) < 0.05


def test_where_the_time_is_over_a_large_hole_has_the_level_of_what_is_around_it():
    x, observed = photo(96), a_hole(96, side=60)
    found = answer(problem(x, observed), over=lambda: True)
    flat = torch.where(observed > 0, x, x[..., observed[0, 0] > 0].mean(-1)[..., None, None])
    assert psnr(found, x) > psnr(flat, x)


def test_a_pilot_is_where_it_starts():
    x = photo()
    given = problem(x, half())
    with_clean, with_grey = (psnr(filled(given, pilot=each), x) for each in (x, torch.full_like(x, 0.5)))
    assert with_clean > psnr(filled(given), x) + 2
    assert with_clean > with_grey + 5
    assert float(((filled(given, pilot=torch.full_like(x, 0.5)) - x) * given.observed).abs().max()) < 1e-6


def test_noise_in_what_was_measured_is_removed_as_well():
    x, sigma = photo(), 10 / 255
    given = problem(x, half(), sigma=sigma)
    found = filled(given, noise_sigma=sigma)
    seen = given.observed
    before = float(((given.y - x) * seen).square().sum() / seen.sum() / 3)
    after = float(((found - x) * seen).square().sum() / seen.sum() / 3)
    assert after < 0.5 * before
    assert psnr(found, x) > psnr(filled(given), x) + 1


def test_a_dark_picture_is_filled_as_finely_as_a_bright_one():
    x, observed = photo(), half()
    dark, darker = (problem(part * x, observed) for part in (0.1, 0.05))
    assert psnr(filled(dark), 0.1 * x) > psnr(first_guess(dark), 0.1 * x) + 0.5
    assert float((filled(dark) - 2 * filled(darker)).abs().max()) < 1e-4


def test_a_plane_stays_one():
    place = torch.arange(32) / 62
    x = (place + place[:, None])[None, None]
    assert psnr(filled(problem(x, half())), x) > 60


def test_the_error_of_a_first_guess_is_that_of_hidden_pixels():
    x, observed = photo(48), half(48)
    given = problem(x, observed)
    missing = (1 - observed).expand_as(x) > 0
    true = float((first_guess(given) - x)[missing].square().mean().sqrt())
    assert true / 2 < start_error(given) < 2 * true
    assert start_error(given) == start_error(given)
    alone = torch.zeros(1, 1, 16, 16)
    alone[0, 0, 0, 0] = 1
    assert start_error(problem(photo(16), alone)) == float("inf")


@pytest.mark.parametrize("sigma", [5 / 255, 25 / 255])
def test_with_noise_what_was_measured_is_not_followed(sigma):
    x = photo(48)
    given = problem(x, half(48), sigma=sigma)
    as_exact = alternate(given, first_guess(given), DEFAULT.filling, noise_sigma=sigma)
    assert psnr(filled(given, noise_sigma=sigma), x) > psnr(as_exact, x) + 0.3


@pytest.mark.parametrize("left", [1, 3], ids=["one pixel", "three pixels"])
def test_almost_nothing_measured_is_filled_with_something_finite(left):
    x, observed = photo(16), torch.zeros(1, 1, 16, 16)
    observed[0, 0, 0, :left] = 1
    found = filled(problem(x, observed))
    assert bool(found.isfinite().all())
    assert float(((found - x) * observed).abs().max()) < 1e-6


def test_equal_problems_give_equal_pictures_and_are_not_modified():
    given = problem(photo(24), half(24))
    before = given.y.clone()
    assert torch.equal(filled(given), filled(given)) and torch.equal(given.y, before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("observed", [half(), a_hole(32, 16)], ids=["half", "hole"])
def test_a_gpu_gives_the_same(observed):
    x = photo() + 0.02 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    given = problem(x, observed)
    assert float((filled(given.to("cuda")).cpu() - filled(given)).abs().max()) < 1e-4
