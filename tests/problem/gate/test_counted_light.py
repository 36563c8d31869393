"""What the gate makes of counted light where it is easily mistaken: X-rays, borders, few counts, offsets."""

import numpy as np
import pytest
import torch

from dipsearch.patches import answer
from dipsearch.problem import Identity, Problem, diagnose, make_split

SIDE = 80


def blobs(seed=0, side=SIDE):
    """Soft discs on a dark ground, (side, side) in [0.03, 1]."""
    draw, (rows, columns) = np.random.default_rng(seed), np.mgrid[:side, :side]
    scene = np.full((side, side), 0.03)
    for _ in range(8):
        y, x, radius = draw.uniform(0, side), draw.uniform(0, side), draw.uniform(5, 12)
        near = ((rows - y) ** 2 + (columns - x) ** 2) / radius**2
        scene += draw.uniform(0.2, 0.8) / (1 + np.exp(np.minimum(5 * (near - 1), 50)))
    return scene / scene.max()


def counted(light, *, gain=1.0, offset=0.0, read=0.0, seed=0):
    """What a camera makes of so many photons, in whole units of it."""
    draw = np.random.default_rng(seed)
    y = draw.poisson(light) * gain + offset + draw.normal(0, 1, light.shape) * read
    return np.round(y)


def as_problem_has_it(y):
    return torch.from_numpy(y).float()[None, None]


def problem_of(y, noise):
    return Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, *y.shape[-2:]))


def psnr(x, clean):
    return 10 * np.log10(np.ptp(clean) ** 2 / np.mean((x - clean) ** 2))


def test_what_absorbs_most_of_the_light_of_an_x_ray_stays_the_darkest():
    light = np.exp(-2 * blobs()) * 3000
    y = counted(light, gain=8, offset=50, read=20)
    top = y.max()
    found = diagnose(as_problem_has_it(y / top))
    assert found.branch == "held-out (photons)"
    problem = problem_of(as_problem_has_it(y / top), found.noise)
    x = answer(problem)[0, 0].double().numpy() * top
    clean = light * 8 + 50
    darkest = clean <= np.quantile(clean, 0.005)
    assert x[darkest].mean() == pytest.approx(clean[darkest].mean(), rel=0.02)
    assert psnr(x, clean) > psnr(y, clean) + 9
    assert make_split(problem, seed=0).kind == "held-out"


@pytest.mark.parametrize("border", [0, 400])
def test_a_border_below_the_zero_or_in_full_light_stays_as_it_is(border):
    clean = blobs() * 300 + 100
    y = counted(blobs() * 100, gain=3, offset=100)
    y[:12] = clean[:12] = border
    problem = Problem(y)
    assert problem.noise.kind == "poisson"
    assert not bool(problem.observed[..., :11, :].any()) and bool(problem.observed[..., 14:, :].all())
    x = answer(problem)[0, 0].double().numpy() * (problem.form.high - problem.form.low) + problem.form.low
    assert np.abs(x[:11] - border).max() < 1e-3
    assert psnr(x, clean) > psnr(y, clean) + 4


def test_dark_places_without_a_photon_are_no_border():
    light = blobs() * 8
    light[:20] = 0
    found = diagnose(as_problem_has_it(counted(light) / 20))
    assert found.noise.kind == "poisson" and found.where is None


@pytest.mark.parametrize("most", [1, 2])
def test_a_few_photons_in_the_dark_are_counts_and_not_free_of_noise(most):
    y = counted(blobs(side=96) * most)
    found = diagnose(as_problem_has_it(y / y.max()))
    assert found.branch == "thinning"
    assert found.noise.gain * y.max() == pytest.approx(1, rel=0.02) and found.noise.offset == 0


def test_levels_that_were_drawn_are_no_counts():
    smooth, draw = blobs(), np.random.default_rng(0)
    ordered = np.array([[0, 2], [3, 1]]) / 4 + 0.125
    for levels in (
        np.floor(smooth * 3.99),
        np.floor(smooth * 3 + np.tile(ordered, (SIDE // 2, SIDE // 2))),
        np.floor(smooth * 3 + draw.random(smooth.shape)),
        (draw.random(smooth.shape) < smooth) * 1.0,
    ):
        assert diagnose(as_problem_has_it(levels / levels.max())).noise.kind != "poisson"


def test_a_picture_of_three_levels_is_asked_without_an_error():
    draw = np.random.default_rng(0)
    y = np.round(blobs() * 2 + draw.normal(0, 0.3, (SIDE, SIDE))).clip(0, 2)
    assert diagnose(as_problem_has_it(y / 2)).noise.kind != "poisson"


def test_counts_with_noise_of_reading_are_not_whole_ones():
    for read, branch, error in ((0, "thinning", 0.1), (6, "held-out (photons)", 8)):
        y = counted(blobs(side=96) * 30, offset=100, read=read)
        span = y.max() - y.min()
        found = diagnose(as_problem_has_it((y - y.min()) / span))
        assert found.branch == branch
        assert found.noise.offset * span + y.min() == pytest.approx(100 - read**2, abs=error)


def test_print_and_single_pixels_with_a_little_noise_are_not_taken_for_noise():
    draw = np.random.default_rng(0)
    board = np.indices((SIDE, SIDE)).sum(0) % 2 * 1.0
    dots = _diffused(blobs(side=96))
    for clean in (board, dots):
        y = np.round(np.clip(clean * 255 + draw.normal(0, 10, clean.shape), 0, 255)) / 255
        y = as_problem_has_it(y)
        x = answer(problem_of(y, diagnose(y).noise))[0, 0].numpy()
        assert psnr(x, clean) > psnr(y[0, 0].numpy(), clean) - 1


def _diffused(grey):
    """Black and white whose errors their neighbours take over."""
    grey = grey.copy()
    for row in range(len(grey)):
        for column in range(grey.shape[1]):
            white = float(grey[row, column] > 0.5)
            error, grey[row, column] = grey[row, column] - white, white
            for down, right, share in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
                if row + down < len(grey) and 0 <= column + right < grey.shape[1]:
                    grey[row + down, column + right] += error * share / 16
    return grey
