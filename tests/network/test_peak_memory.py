"""Memory foretold: blocks followed to their end, and what operations take besides their results."""

from __future__ import annotations

import pytest
import torch

from dipsearch.network import Genome, Scale, cost
from dipsearch.network.allocations import Allocations, peak_size
from dipsearch.network.peak_memory import BESIDE, LEAST, MOST, fits_in, memory_bytes
from dipsearch.network.workspace import workspace_bytes

SHAPE = (1, 3, 64, 64)
aten = torch.ops.aten


def test_the_peak_is_what_is_allocated_at_once() -> None:
    assert peak_size([(1, 100), (2, 50), (1, 0), (3, 60), (2, 0), (3, 0)]) == 150


def test_a_tensor_counts_from_its_making_to_its_end() -> None:
    with torch.device("meta"), Allocations("cuda") as follow:
        x = torch.empty(1000)
        y = x + 1
        del x
        y = y * 2
        del y
    assert [size for _, size in follow.events] == [4000, 4000, 0, 4000, 0, 0]
    assert peak_size(list(follow.events)) == 8000


def test_a_border_keeps_images_channels_last_on_a_cpu() -> None:
    with torch.device("meta"), Allocations("cpu"):
        x = torch.empty(1, 8, 6, 6, memory_format=torch.channels_last)
        padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
    assert padded.shape == (1, 8, 8, 8)
    assert padded.is_contiguous(memory_format=torch.channels_last)


def test_a_small_convolution_writes_out_its_patches_and_a_large_one_copies_its_weights() -> None:
    weight = torch.empty(8, 16, 3, 3, device="meta")
    small, large = (torch.empty(1, 16, side, side, device="meta") for side in (18, 66))
    y = torch.empty(1, 8, 16, 16, device="meta")
    assert workspace_bytes(aten.convolution.default, (small, weight), y) == 4 * 16 * 9 * 16 * 16
    assert workspace_bytes(aten.convolution.default, (large, weight), y) == 4 * 16 * 9 * 24
    gradient = torch.empty(1, 8, 64, 64, device="meta")
    arguments = (gradient, large, weight, [True, False, False])
    assert workspace_bytes(aten.convolution_backward.default, arguments, None) == 4 * 8 * 9 * 24


def test_prediction_grows_with_the_pixels() -> None:
    genome = Genome(scales=(Scale(64, 64),) * 3)
    small = memory_bytes(genome, image_shape=SHAPE)
    large = memory_bytes(genome, image_shape=(1, 3, 128, 128))
    assert 1.8 * small < large < 4.2 * small


def test_an_input_of_one_channel_is_predicted_too() -> None:
    narrow = Genome(scales=(Scale(8, 8),) * 2, input_channels=1)
    assert 0 < memory_bytes(narrow, image_shape=SHAPE) < 20 * 10**6


def test_prediction_does_not_depend_on_what_was_asked_before() -> None:
    genome = Genome(scales=(Scale(16, 16),) * 2)
    first = memory_bytes(genome, image_shape=SHAPE)
    memory_bytes.cache_clear()
    assert memory_bytes(genome, image_shape=SHAPE) == first


@pytest.mark.parametrize("width", [4, 24, 96])
def test_the_quick_bounds_hold_the_prediction_between_them(width: int) -> None:
    genome = Genome(scales=(Scale(width, width),) * 2)
    peak = memory_bytes(genome, image_shape=SHAPE)
    counted = cost(genome, image_shape=SHAPE)
    least = counted.saved_bytes + 16 * counted.parameters
    assert LEAST * least <= peak <= MOST * least + BESIDE
    assert fits_in(peak, genome, image_shape=SHAPE)
    assert not fits_in(peak - 1, genome, image_shape=SHAPE)
