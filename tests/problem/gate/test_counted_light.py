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
    return Problem(y, Identity(), noise, tuple(y.shape), torch.ones(1, 1, *y.shape[-2:]))


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
