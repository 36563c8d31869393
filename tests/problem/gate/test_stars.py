"""A sky is noisy however bright its stars are: their edges fill directions that flat places leave free."""

import numpy as np
import pytest
import torch
from skimage import data

from dipsearch.patches import answer
from dipsearch.problem import Problem, diagnose, psnr

SIDE, BACKGROUND, OFFSET, READ = 112, 0.01, 300, 8


def sky(width, *, photons, stars=40, seed=1):
    """Expected and measured values, in units of the range from 0 to the brightest star."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light = np.full((SIDE, SIDE), BACKGROUND)
    for flux, (row, column) in zip(
        10 ** draw.uniform(-2, 0, stars), draw.uniform(3, SIDE - 3, (stars, 2)), strict=True
    ):
        light += flux * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2 / (width / 2.355) ** 2)
    light *= photons / light.max()
    measured = np.rint(draw.poisson(light) + OFFSET + draw.normal(0, READ, light.shape))
    full = 1.01 * measured.max()
    return tuple(torch.from_numpy(one / full).float()[None, None] for one in (light + OFFSET, measured))


@pytest.mark.parametrize("photons", [20_000, 40_000])
@pytest.mark.parametrize("width", [1.6, 2.5, 3.2])
def test_the_noise_of_a_sky_is_found_beside_bright_stars(width, photons):
    clean, y = sky(width, photons=photons)
    found = diagnose(y)
    assert found.branch in ("recorruption (white)", "held-out", "held-out (photons)")
    assert psnr(answer(Problem(y, noise=found.noise)), clean) > psnr(y, clean) + 3


def test_stars_are_no_speckle():
    assert diagnose(sky(2.5, photons=20_000)[1]).noise.share is None


@pytest.mark.parametrize(
    ("name", "corner"),
    [
        ("coffee", (60, 100)),
        ("chelsea", (0, 0)),
        ("chelsea", (60, 100)),
        ("rocket", (0, 0)),
        ("rocket", (120, 30)),
    ],
)
def test_clean_photos_of_fine_steps_have_no_noise(name, corner):
    x = torch.from_numpy(getattr(data, name)().astype(np.float64) / 255).mean(-1)[None, None]
    half = torch.nn.functional.avg_pool2d(x, 2)[..., corner[0] : corner[0] + 80, corner[1] : corner[1] + 100]
    assert diagnose(torch.round(half * 4095).float() / 4095).leaves_alone
