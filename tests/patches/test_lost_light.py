"""What smoothing takes away from few photons is found again, and nothing is where nothing was taken."""

import numpy as np
import pytest
import torch

import dipsearch as ds
from dipsearch.patches.lost_light import with_lost_light
from dipsearch.patches.stabilise import GeneralisedAnscombe


def spots(side=64):
    rows, columns = np.mgrid[:side, :side]
    near = (rows % 32 - 16.0) ** 2 + (columns % 32 - 16.0) ** 2
    return 0.05 + np.exp(-near / 40)


def tensors(*pictures):
    return (torch.from_numpy(picture).float()[None, None] for picture in pictures)


def test_few_photons_keep_their_light():
    light = 2 * spots()
    y = np.random.default_rng(0).poisson(light).astype(float)
    problem = ds.Problem(y, noise=ds.Poisson())
    x = ds.answer(problem)[0, 0].double().numpy() * (problem.form.high - problem.form.low) + problem.form.low
    assert x.mean() == pytest.approx(y.mean(), rel=0.03)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_light_that_was_lost_is_found_also_beside_missing_values(missing):
    light = 4 * spots()
    draw = np.random.default_rng(1)
    y, known = draw.poisson(light).astype(float), (draw.random(light.shape) >= missing).astype(float)
    x, y, known = tensors(0.7 * light, y * known, known)
    found = with_lost_light(x, y, GeneralisedAnscombe(1.0), known=known)[0, 0].numpy()
    assert np.abs(found - light).mean() < 0.5 * np.abs(0.7 * light - light).mean()


def test_the_noise_of_the_right_light_is_not_added_to_it():
    light = 20 * spots()
    x, y, known = tensors(light, np.random.default_rng(2).poisson(light) * 1.0, np.ones_like(light))
    found = with_lost_light(x, y, GeneralisedAnscombe(1.0), known=known)
    assert float((found - x).square().mean()) < 0.01 * float((y - x).square().mean())
