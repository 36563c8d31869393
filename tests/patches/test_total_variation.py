"""Total variation: the numbers are those of scikit-image, without all that it imports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.data import chelsea, coffee
from skimage.restoration import denoise_tv_chambolle

from dipsearch.patches import first_guess
from dipsearch.patches.start import total_variation
from dipsearch.problem import Identity, NoiseModel, Problem


@pytest.mark.parametrize("sigma", [5, 25, 50])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_that_of_scikit_image_bit_for_bit(sigma: int, channels: int) -> None:
    clean = coffee()[100:148, 200:233, :channels].transpose(2, 0, 1) / 255
    noise = np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
    y = (clean + noise).clip(0, 1).astype(np.float32)
    ours = total_variation(y, weight=sigma / 255)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, denoise_tv_chambolle(y, weight=sigma / 255, channel_axis=0))


def test_a_plain_image_stays_as_it_is() -> None:
    y = np.full((1, 16, 16), 0.25, dtype=np.float32)
    np.testing.assert_array_equal(total_variation(y, weight=0.1), y)


@pytest.mark.parametrize("spread", [0.5, 0.8, 1.2])
def test_noise_that_neighbours_share_is_never_made_worse(spread: float) -> None:
    x = chelsea()[100:196, 120:216].transpose(2, 0, 1) / 255  # fur
    grain = gaussian_filter(np.random.default_rng(0).normal(size=x.shape), (0, spread, spread))
    y = torch.from_numpy((x + grain / grain.std() * 8 / 255).astype(np.float32))[None]
    lags = np.arange(-4, 5)
    table = np.exp(-(lags[:, None] ** 2 + lags**2) / (4 * spread**2))
    noise = NoiseModel("correlated", 8 / 255, "estimated", correlation=tuple(map(tuple, table.tolist())))
    problem = Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, 96, 96))
    white = replace(problem, noise=NoiseModel("gaussian", 8 / 255))

    def error(image: torch.Tensor) -> float:
        return float((image.double() - torch.from_numpy(x)[None]).square().mean())

    found, as_white = (first_guess(one, noise_sigma=8 / 255) for one in (problem, white))
    assert error(found) < error(y)
    assert error(found) < error(as_white)
    np.testing.assert_array_equal(as_white[0].numpy(), total_variation(y[0].numpy(), weight=8 / 255))
