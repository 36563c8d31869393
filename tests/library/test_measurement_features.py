"""Features of measurements: they tell measurements apart, and are finite for every degenerate one."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dipsearch.errors import InputError
from dipsearch.library.measurement_features import FEATURES, MeasurementFeatures, features_of
from dipsearch.problem import Identity, NoiseModel, Problem
from dipsearch.problem.noise import NO_NOISE

GENERATOR = np.random.default_rng(0)


def features(
    grey: np.ndarray, *, observed: np.ndarray | None = None, noise: NoiseModel = NO_NOISE
) -> MeasurementFeatures:
    image = torch.from_numpy(np.asarray(grey, dtype=np.float32))[None, None]
    known = torch.ones_like(image) if observed is None else torch.from_numpy(observed).float()[None, None]
    shape = (1, 1, *image.shape[-2:])
    return features_of(Problem(image * known, Identity(), noise, shape, observed=known), image)


NOISE = GENERATOR.random((64, 64))


def test_smooth_pictures_have_a_steeper_spectrum_than_noise() -> None:
    assert features(gaussian_filter(NOISE, 2)).slope < -2 < -0.5 < features(NOISE).slope < 0.5


def test_what_repeats_is_similar_to_itself() -> None:
    stripes = np.tile(np.sin(np.arange(64) / 2), (64, 1)) + 0.01 * NOISE
    assert features(stripes).similarity > 0.9 > 0.6 > features(NOISE).similarity


def test_a_hole_is_a_larger_gap_than_scattered_pixels_of_the_same_number() -> None:
    hole = np.ones((64, 64))
    hole[16:48, 16:48] = 0
    scattered = np.ones(64 * 64)
    scattered[GENERATOR.permutation(64 * 64)[: 32 * 32]] = 0
    one, other = features(NOISE, observed=hole), features(NOISE, observed=scattered.reshape(64, 64))
    assert one.missing == other.missing == 0.25
    assert one.gap > 2 * other.gap > 0
    assert features(NOISE).gap == 0


def test_noise_is_told_in_its_own_units() -> None:
    assert features(NOISE, noise=NoiseModel("gaussian", 0.1, "given")).noise == pytest.approx(0.1)
    counted = features(NOISE, noise=NoiseModel("poisson", None, "given", gain=0.02)).noise
    assert counted == pytest.approx(math.sqrt(0.02 * NOISE.mean()), rel=1e-3)
    assert features(NOISE).noise == 0


@pytest.mark.parametrize(
    "picture",
    [
        np.full((32, 32), 0.4),
        np.zeros((1, 1)),
        np.zeros((2, 40)),
        GENERATOR.random((7, 7)),
        np.full((16, 16), np.nan),
        np.full((16, 16), np.inf),
        1e6 * GENERATOR.random((16, 16)),
    ],
)
def test_degenerate_pictures_have_finite_features(picture: np.ndarray) -> None:
    found = features(picture).to_dict()
    assert set(found) == set(FEATURES)
    assert all(math.isfinite(value) for value in found.values())


def test_a_measurement_with_nothing_measured_has_them_too() -> None:
    found = features(NOISE, observed=np.zeros((64, 64)))
    assert found.missing == 1 and found.gap == pytest.approx(math.log2(65))


def test_a_restoration_of_something_else_is_refused() -> None:
    problem = Problem(
        torch.zeros(1, 1, 8, 8), Identity(), NO_NOISE, (1, 1, 8, 8), observed=torch.ones(1, 1, 8, 8)
    )
    with pytest.raises(InputError, match="has the shape"):
        features_of(problem, torch.zeros(1, 1, 8, 9))
