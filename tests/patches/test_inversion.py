"""Inversion: a first guess of least total variation fills what an operator does not see."""

import pytest
import torch
from skimage import data
from torch import Tensor

from dipsearch.patches import answer
from dipsearch.patches.inversion import inverted, least_variation
from dipsearch.patches.start import first_guess
from dipsearch.problem import (
    Fourier,
    Gaussian,
    LinearOperator,
    NoNoise,
    Problem,
    best_level,
    pseudo_inverse,
    psnr,
    sees_little,
)

SIDE = 32


def picture() -> Tensor:
    """A crop of coffee, (1, 3, 32, 32)."""
    pixels = torch.from_numpy(data.coffee()[100:164:2, 200:264:2]).float() / 255
    return pixels.permute(2, 0, 1)[None].contiguous()


def coded_aperture() -> LinearOperator:
    """Half of the pixels of each channel, shifted by as many columns as its number, in one image."""
    code = (torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(2)) < 0.5).float()

    def A(x: Tensor) -> Tensor:
        y = x.new_zeros(1, 1, SIDE, SIDE + 2)
        for channel in range(3):
            y[..., channel : channel + SIDE] += x[:, channel : channel + 1] * code
        return y

    def A_adjoint(y: Tensor) -> Tensor:
        return torch.cat([y[..., channel : channel + SIDE] * code for channel in range(3)], 1)

    return LinearOperator(A, A_adjoint, image_shape=(1, 3, SIDE, SIDE))


def half_of_a_matrix() -> LinearOperator:
    rows = SIDE * SIDE // 2
    matrix = torch.randn(rows, 2 * rows, generator=torch.Generator().manual_seed(3)) / SIDE
    return LinearOperator(
        lambda x: matrix @ x.flatten(),
        lambda y: (matrix.T @ y.flatten()).reshape(1, 1, SIDE, SIDE),
        image_shape=(1, 1, SIDE, SIDE),
    )


def measured(x: Tensor, operator: LinearOperator, *, sigma: float) -> Problem:
    y = operator.A(x)
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    return Problem(y + sigma * noise, operator, Gaussian(sigma), data_range=(0.0, 1.0))


def test_what_a_coded_aperture_does_not_see_is_filled_and_patches_improve_it() -> None:
    x = picture()
    problem = measured(x, coded_aperture(), sigma=0.01)
    least = psnr(pseudo_inverse(problem.operator, problem.y), x)
    guess = psnr(first_guess(problem, noise_sigma=0.01), x)
    assert sees_little(problem)
    assert guess > least + 8
    assert psnr(answer(problem), x) > guess + 1


def test_a_guess_leaves_the_residual_that_noise_has() -> None:
    problem = measured(picture(), coded_aperture(), sigma=0.02)
    guess = first_guess(problem, noise_sigma=0.02)
    left = float(((problem.operator.A(guess) - problem.y) * problem.observed).square().sum())
    assert left / float(problem.observed.sum()) == pytest.approx(0.9 * 0.02**2, rel=0.1)


def test_where_black_lies_makes_no_difference() -> None:
    x, operator = picture().mean(1, keepdim=True), half_of_a_matrix()
    made = [
        inverted(operator, operator.A(x + offset), observed=torch.ones(1), noise_sigma=0.0) - offset
        for offset in (0.0, 3.0)
    ]
    assert torch.allclose(*made, atol=0.02)


def test_bounds_are_kept() -> None:
    problem = measured(picture(), coded_aperture(), sigma=0.01)
    start = torch.full(problem.image_shape, 0.375)
    x = least_variation(
        problem.operator, problem.y, observed=problem.observed, start=start, radius=0.0, bounds=(0.25, 0.5)
    )
    assert float(x.min()) >= 0.25 and float(x.max()) <= 0.5


def test_the_range_of_half_of_a_matrix_is_that_of_its_image() -> None:
    x, operator = picture().mean(1, keepdim=True), half_of_a_matrix()
    assert (lambda form: (form.low, form.high))(Problem(operator.A(x), operator, NoNoise()).form) == (
        0.0,
        1.0,
    )
    form = Problem(operator.A(100 * x), operator, NoNoise()).form
    assert -20 < form.low < 100 * float(x.min()) + 20 and 60 < form.high < 140


def test_a_level_that_leaves_no_trace_but_rounding_is_not_looked_for() -> None:
    mask = torch.ones(98, 98)
    mask[0, 0] = 0  # frequency 0
    operator = Fourier(mask)
    x = torch.rand(1, 1, 98, 98, generator=torch.Generator().manual_seed(0))
    y = operator.A(x)
    level = best_level(operator, y, observed=torch.ones(1), image_shape=(1, 1, 98, 98), otherwise=0.5)
    assert torch.equal(level, torch.full_like(level, 0.5))


def test_the_level_of_every_channel_is_that_which_fits_best() -> None:
    levels = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None]
    operator = coded_aperture()
    y = operator.A(levels.expand(1, 3, SIDE, SIDE).contiguous())
    found = best_level(operator, y, observed=torch.ones(1), image_shape=(1, 3, SIDE, SIDE))
    assert torch.allclose(found, levels.expand_as(found), atol=1e-3)


def test_where_the_time_is_over_a_first_guess_ends_soon() -> None:
    operator, times = coded_aperture(), [0]

    def counted(x: Tensor) -> Tensor:
        times[0] += 1
        return operator.A(x)

    own = LinearOperator(counted, operator.A_adjoint, image_shape=(1, 3, SIDE, SIDE))
    problem = measured(picture(), own, sigma=0.01)
    before = times[0]
    guess = first_guess(problem, noise_sigma=0.01, over=lambda: True)
    assert times[0] - before <= 25 and bool(guess.isfinite().all())
    assert psnr(guess, picture()) > psnr(pseudo_inverse(problem.operator, problem.y), picture())
