"""Restorations against the reference: what cannot be said is None."""

from __future__ import annotations

import pytest
import torch

from dipsearch.problem import psnr
from dipsearch.trials.true_quality import true_luma


def pair(channels: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(channels)
    reference = torch.rand(1, channels, side, side, generator=generator)
    return (reference + 0.1 * torch.rand(reference.shape, generator=generator)).clamp(0, 1), reference


def test_the_luma_of_a_grey_picture_is_its_inside() -> None:
    x, reference = pair(1, 24)
    inside = (..., slice(4, 20), slice(4, 20))
    assert true_luma(x, reference) == pytest.approx(psnr(x[inside], reference[inside]), abs=1e-4)


@pytest.mark.parametrize(("channels", "side"), [(2, 24), (4, 24), (3, 12)])
def test_other_channels_and_tiny_pictures_have_no_luma(channels: int, side: int) -> None:
    assert true_luma(*pair(channels, side)) is None


def test_without_a_reference_nothing_is_known() -> None:
    assert true_luma(pair(3, 24)[0], None) is None
