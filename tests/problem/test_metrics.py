"""The figures are those of scikit-image, or of the literature under a name of their own."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dipsearch.errors import InputError
from dipsearch.problem import psnr, psnr_luma, psnr_peak, ssim


def pair(channels, height=24, width=31):
    generator = torch.Generator().manual_seed(channels)
    reference = torch.rand(1, channels, height, width, generator=generator)
    return (reference + 0.1 * torch.randn(reference.shape, generator=generator)).clamp(0, 1), reference


def rows_first(x):
    return x[0].permute(1, 2, 0).double().numpy()


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_psnr_and_ssim_equal_scikit_image(channels):
    x, reference = pair(channels)
    a, b = rows_first(x), rows_first(reference)
    assert psnr(x, reference) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-9)
    expected = structural_similarity(b, a, data_range=1, channel_axis=-1)
    assert ssim(x, reference) == pytest.approx(expected, abs=1e-9)


def test_equal_pictures_are_infinitely_close():
    x, _ = pair(3)
    assert psnr(x, x) == math.inf
    assert ssim(x, x) == pytest.approx(1)


def test_windows_in_the_middle_of_what_was_not_measured_do_not_count() -> None:
    reference = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    x = (reference + 0.2 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(1))).clamp(
        0, 1
    )
    left_out = torch.zeros(1, 1, 40, 40, dtype=torch.bool)
    left_out[..., :20] = True
    told = torch.where(left_out, reference, x)
    right = ssim(x[..., 17:], reference[..., 17:])
    assert ssim(told, reference) > right + 0.05
    assert ssim(told, reference, left_out=left_out) == pytest.approx(right, abs=0.02)
    assert math.isnan(ssim(told, reference, left_out=torch.ones_like(left_out)))


def test_the_slides_take_the_peak_from_the_restoration():
    x, reference = pair(3)
    x = 0.8 * x
    mse = float((x.double() - reference.double()).square().mean())
    assert psnr_peak(x, reference) == pytest.approx(20 * math.log10(x.max()) - 10 * math.log10(mse), abs=1e-6)
    assert psnr_peak(torch.zeros_like(x), reference) == -math.inf


def test_luma_is_studio_swing_inside_the_border():
    x, reference = pair(3)
    a, b = (rgb2ycbcr(rows_first(picture))[4:-4, 4:-4, 0] for picture in (x, reference))
    expected = 10 * np.log10(255**2 / np.mean((a - b) ** 2))
    assert psnr_luma(x, reference) == pytest.approx(expected, abs=1e-3)


def test_a_grey_picture_is_its_own_luma():
    x, reference = pair(1)
    assert psnr_luma(x, reference, border=0) == pytest.approx(psnr(x, reference))


def test_what_cannot_be_compared_is_refused():
    x, reference = pair(3)
    with pytest.raises(InputError, match="shapes"):
        psnr(x, reference[..., 1:])
    with pytest.raises(InputError, match="7 pixels per side"):
        ssim(x[..., :6], reference[..., :6])
    with pytest.raises(InputError, match="5 channels"):
        psnr_luma(*pair(5))
    with pytest.raises(InputError, match="4 pixels on each side"):
        psnr_luma(x[..., :8], reference[..., :8])
