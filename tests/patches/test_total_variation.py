"""Total variation: the numbers are those of scikit-image, without all that it imports."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import coffee
from skimage.restoration import denoise_tv_chambolle

from dipsearch.patches.total_variation import total_variation


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
