"""Speckle in colour: it makes the darker channels cleaner, and is speckle all the same."""

import pytest
import torch

from dipsearch.problem import diagnose, read_image


def half_size(name):
    return torch.nn.functional.avg_pool2d(read_image(f"sample:{name}").pixels, 2)


def test_darker_channels_of_speckle_are_not_clean_channels():
    x = half_size("coffee")[..., 40:104, 90:154]
    draw = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    found = diagnose(torch.round((x * (1 + 0.2 * draw)).clamp(0, 1) * 255) / 255)
    assert found.branch == "held-out"
    assert found.noise.share == pytest.approx(0.2, abs=0.03)
