"""Ranges, units and shapes of measurements as Python has them: an image comes back in its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dipsearch.errors import InputError
from dipsearch.problem import (
    Blur,
    Fourier,
    Gaussian,
    Impulses,
    Mask,
    NoiseModel,
    NoNoise,
    Poisson,
    Problem,
    Product,
    Radon,
    gaussian_kernel,
)

SIDE = 32


@pytest.fixture
def smooth():
    """(32, 32) float64, exactly from 0 to 1."""
    image = gaussian_filter(np.random.default_rng(0).random((SIDE, SIDE)), 3)
    return (image - image.min()) / np.ptp(image)


def noise_of(sigma: float) -> np.ndarray:
    return sigma * np.random.default_rng(1).standard_normal((SIDE, SIDE))


# -- range ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [Gaussian(0.02), NoNoise(), Impulses(), None])
@pytest.mark.parametrize(("low", "high"), [(-0.45, 0.35), (0, 1.4)])
def test_floats_that_noise_does_not_take_beyond_0_and_1_have_their_own_range(smooth, noise, low, high):
    y = low + (high - low) * smooth + noise_of(0.02)
    for operator in (None, Mask(np.arange(SIDE) % 3 > np.zeros((SIDE, 1)))):
        form = Problem(y, operator, noise).form
        assert (form.low, form.high) == pytest.approx((low, high), abs=0.1)


def test_signed_floats_behind_an_operator_have_their_own_range(smooth):
    blur = Blur(gaussian_kernel(1.0))
    for shift, within in ((-0.45, False), (0.0, True)):
        y = blur.A(torch.from_numpy(0.8 * smooth + shift).float()[None, None])
        form = Problem(y, blur, Gaussian(0.02)).form
        assert ((form.low, form.high) == (0, 1)) == within


def rises(x):
    return torch.stack([x.roll(-1, -1) - x, x.roll(-1, -2) - x])


def falls(y):
    return y[0].roll(1, -1) - y[0] + y[1].roll(1, -2) - y[1]


def test_differences_that_fit_between_0_and_1_are_of_an_image_there(smooth):
    for scale, within in ((1.0, True), (7.0, False)):
        y = rises(torch.from_numpy(scale * smooth).float()[None, None])
        form = Problem(y, (rises, falls), Gaussian(0.01)).form
        assert form.low == pytest.approx(0, abs=0.3) and ((form.low, form.high) == (0, 1)) == within


@pytest.mark.parametrize("sigma", [0.0, 0.05, 0.15])
def test_floats_that_noise_takes_beyond_0_and_1_are_from_0_to_1(smooth, sigma):
    y = smooth + noise_of(sigma)
    for noise in (Gaussian(sigma), None):
        form = Problem(y, None, noise).form
        assert (form.low, form.high) == (0, 1)


def test_few_counts_of_1_are_from_0_to_1(smooth):
    y = np.random.default_rng(1).poisson(30 * smooth) / 30
    form = Problem(y, noise=Poisson(1 / 30)).form
    assert y.max() > 1.1 and (form.low, form.high) == (0, 1)


def test_a_complex_image_in_real_channels_has_a_range_about_zero(smooth):
    x = torch.from_numpy(np.stack([smooth, 0.6 * (smooth - 0.5)])).float()[None]
    fourier = Fourier(np.ones((SIDE, SIDE)), complex_image=True)
    for operator in (fourier, Product(Mask(np.ones((SIDE, SIDE))), fourier)):
        form = Problem(operator.A(x), operator, Gaussian(0.02)).form
        assert form.low == -form.high and 0.9 < form.high < 1.1


# -- units ---------------------------------------------------------------------------------------------------


def sums(x):
    return torch.stack([x.sum(-1), x.sum(-2)], -2)


def spread(y):
    return y[..., 0, :][..., None] + y[..., 1, :][..., None, :]


@pytest.mark.parametrize("dtype", [torch.float32, torch.int32])
def test_sigma_of_large_sums_is_in_their_units_whatever_their_type(smooth, dtype):
    y = sums(torch.from_numpy(1000 * smooth)[None, None]).to(dtype)
    problem = Problem(y, (sums, spread), noise=Gaussian(5))
    span, gain = problem.form.high - problem.form.low, problem.operator.divisor
    assert gain > 20 and problem.noise.sigma == pytest.approx(5 / gain / span)
    assert "sigma 5 (given)" in str(problem)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16])
def test_an_image_in_other_units_than_its_whole_numbers_is_not_rounded(smooth, dtype):
    radon = Radon(np.arange(0, 180, 6.0), (1, 1, SIDE, SIDE))
    pair = (lambda x: 1000 * radon.A(x)), (lambda y: 1000 * radon.A_adjoint(y))
    x = torch.from_numpy(smooth).float()[None, None]
    sinogram = (1000 * radon.A(x)).round().to(dtype)
    for operator in (pair, radon):
        assert Problem(sinogram, operator, Gaussian(50)).form.dtype == "float32"
    picture = (1000 * x).round().to(dtype)
    for operator in (None, Mask(torch.ones(SIDE, SIDE)), Blur(gaussian_kernel(1.0))):
        assert getattr(torch, Problem(picture, operator, Gaussian(50)).form.dtype) == dtype


# -- what was measured ---------------------------------------------------------------------------------------


def test_rows_of_zeros_of_an_own_operator_count_as_not_measured(smooth):
    kept = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) < 0.3
    pair = (
        lambda x: torch.fft.fft2(x, norm="ortho") * kept,
        lambda y: torch.fft.ifft2(y * kept, norm="ortho"),
    )
    y = pair[0](torch.from_numpy(smooth).float()[None, None] + torch.from_numpy(noise_of(0.05)).float())
    problem = Problem(y, pair, Gaussian(0.05))
    assert torch.equal(problem.observed[0].amin(0) > 0, kept)
    y[..., 0, 0] = 0  # by chance, and measured
    kept[0, 0] = True
    assert torch.equal(Problem(y, pair, Gaussian(0.05)).observed[0].amax(0) > 0, kept)
    with pytest.raises(InputError, match="nothing was measured"):
        Problem(0 * smooth, (lambda x: 0 * x, lambda y: 0 * y), Gaussian(0.05), check=False)


@pytest.mark.parametrize("operator", [None, Mask(np.ones((SIDE, SIDE))), (lambda x: x, lambda y: y)])
def test_a_small_signal_on_a_large_offset_keeps_its_steps(smooth, operator):
    for y in (1e6 + smooth, 10**9 + (1000 * smooth).astype(np.int64)):
        problem = Problem(y, operator, Gaussian(0.02 * np.ptp(y)))
        span = problem.form.high - problem.form.low
        back = problem.y[0, 0].double().numpy() * span + problem.form.low
        assert np.abs(back - y).max() < 1e-4 * np.ptp(y) and span < 1.5 * np.ptp(y)


# -- shapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keywords", [{}, {"image_shape": (SIDE, SIDE)}])
def test_an_array_with_two_values_per_pixel_is_taken_as_an_own_operator_returns_it(smooth, keywords):
    def A(x):
        image = x[0, 0].numpy()
        return np.stack([np.roll(image, -1, 0) - image, np.roll(image, -1, 1) - image], -1)

    def A_adjoint(y):
        rows, columns = y.numpy()[..., 0], y.numpy()[..., 1]
        return np.roll(rows, 1, 0) - rows + np.roll(columns, 1, 1) - columns

    y = A(torch.from_numpy(smooth)[None, None])
    problem = Problem(y, (A, A_adjoint), Gaussian(0.02), **keywords)
    assert problem.image_shape == (1, 1, SIDE, SIDE)
    assert problem.form.back(torch.zeros(problem.image_shape)).shape == (SIDE, SIDE)
    x = torch.from_numpy((smooth - problem.form.low) / (problem.form.high - problem.form.low)).float()
    assert torch.allclose(problem.operator.A(x[None, None]), problem.y, atol=1e-5)


def test_eight_bits_of_an_own_operator_are_no_range_of_the_image() -> None:
    image = torch.linspace(0, 1, 32).repeat(32, 1)[None, None]
    y = (100 * image).round().to(torch.uint8)
    problem = Problem(y, (lambda x: 100 * x, lambda y: 100 * y), noise=Gaussian(1.0))
    assert (problem.form.low, problem.form.high) == (0.0, 1.0)


# -- the noise of another problem ----------------------------------------------------------------------------


def longer(x):
    return 50 * x


OTHERS = {
    "grey levels": (lambda x: 255 * x, None, Gaussian(19.0)),
    "8 bits": (lambda x: (255 * x).round().astype(np.uint8), None, Gaussian(25 / 255)),
    "16 bits, less than rounding": (lambda x: (60000 * x).astype(np.uint16), None, Gaussian(0.2 / 65535)),
    "counts in 8 bits": (lambda x: (200 * x).round().astype(np.uint8), None, Poisson(4)),
    "counts from an offset on": (
        lambda x: 100 + 400 * x,
        Mask(np.ones((SIDE, SIDE))),
        NoiseModel("poisson", gain=4.0, offset=90.0, read_sigma=2.0),
    ),
    "an own operator": (lambda x: 50 * x, (longer, longer), Gaussian(0.1)),
    "an own operator of grey levels": (lambda x: 9000 * x, (longer, longer), Gaussian(30.0)),
    "in [0, 1]": (lambda x: x, None, Impulses(0.01)),
}


@pytest.mark.filterwarnings("ignore")  # the noise that is told is not in these smooth pictures
@pytest.mark.parametrize("name", OTHERS)
def test_the_noise_of_one_problem_is_the_same_noise_in_the_next(smooth, name):
    of, operator, noise = OTHERS[name]
    first = Problem(of(smooth), operator, noise)
    again = Problem(of(smooth), operator, noise=first.noise)
    assert again.noise.kind == noise.kind and str(again) == str(first)
    for part in ("sigma", "gain", "offset", "read_sigma"):
        value = getattr(first.noise, part)
        assert getattr(again.noise, part) == (None if value is None else pytest.approx(value))
    brighter = Problem(of(0.5 * smooth), operator, noise=first.noise)  # of another range, where it is its own
    for part in ("sigma", "gain", "offset", "read_sigma"):
        value = getattr(first.noise.in_units_of_y(), part)
        told = getattr(brighter.noise.in_units_of_y(), part)
        assert told == (None if value is None else pytest.approx(value, abs=1e-9))


def test_noise_in_units_of_nothing_is_refused():
    for unit, zero in ((0.0, 0.0), (np.inf, 0.0), (1.0, np.nan)):
        with pytest.raises(InputError, match="the noise is in units of"):
            NoiseModel("gaussian", 0.1, unit=unit, zero=zero)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_counts_of_a_few_photons_come_back_unrounded(smooth, dtype):
    for peak, kept in ((8, "float32"), (200, np.dtype(dtype).name)):
        y = np.random.default_rng(0).poisson(peak * smooth).astype(dtype)
        problem = Problem(y, noise=Poisson())
        assert np.asarray(problem.form.back(problem.y)).dtype == kept
    assert Problem((100 * smooth).astype(np.uint8), noise=Gaussian(5)).form.dtype == "uint8"  # a dark picture
