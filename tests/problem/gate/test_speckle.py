"""Speckle in colour: it makes the darker channels cleaner, and is speckle all the same."""

from dataclasses import replace

import pytest
import torch

from dipsearch.problem import diagnose, read_image
from dipsearch.problem.gate.photons import NO_LINE


def half_size(name):
    return torch.nn.functional.avg_pool2d(read_image(f"sample:{name}").pixels, 2)


def test_darker_channels_of_speckle_are_not_clean_channels():
    x = half_size("coffee")[..., 40:104, 90:154]
    draw = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    found = diagnose(torch.round((x * (1 + 0.2 * draw)).clamp(0, 1) * 255) / 255)
    assert found.branch == "held-out"
    assert found.noise.share == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(("zero", "speckled"), [(0.10, True), (0.04, False)])
def test_a_line_without_noise_above_the_darkest_places_is_that_of_speckle(zero, speckled):
    line = replace(NO_LINE, gain=0.05, gain_error=0.001, growth=4.0, straight=1.0, zero=zero, zero_error=0.01)
    assert replace(line, dark=0.02).speckled == speckled
