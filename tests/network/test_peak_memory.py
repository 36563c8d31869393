"""Memory foretold: blocks followed to their end, and laid out as the C library lays them out."""

from __future__ import annotations

from dipsearch.network import Genome, Scale
from dipsearch.network.peak_memory import ALIGNING, heap_size, memory_bytes, peak_size

SHAPE = (1, 3, 64, 64)


def test_the_peak_is_what_is_allocated_at_once() -> None:
    assert peak_size([(1, 100), (2, 50), (1, 0), (3, 60), (2, 0), (3, 0)]) == 150


def test_a_heap_reuses_gaps_that_are_large_enough() -> None:
    big, small = 10_000, 1_000
    events = [(1, big), (2, small), (1, 0), (3, small), (4, small)]
    assert heap_size(events) == big + small  # both small blocks lie in the gap
    assert heap_size([(1, big), (2, small), (1, 0), (3, big)]) == 2 * big + small  # no room to align it
    assert heap_size([(1, big), (2, small), (1, 0), (3, big - ALIGNING)]) == big + small


def test_a_heap_joins_neighbouring_gaps_and_shrinks_at_its_end() -> None:
    events = [(1, 500), (2, 500), (3, 500), (1, 0), (2, 0), (4, 800), (3, 0), (5, 600)]
    assert heap_size(events) == 1500


def test_prediction_grows_with_the_pixels_and_falls_in_the_lean_way() -> None:
    genome = Genome(scales=(Scale(64, 64),) * 3)
    small = memory_bytes(genome, image_shape=SHAPE)
    large = memory_bytes(genome, image_shape=(1, 3, 128, 128))
    lean = memory_bytes(genome, image_shape=(1, 3, 128, 128), lean=True)
    assert 1.8 * small < large < 4.2 * small
    assert lean < large


def test_prediction_does_not_depend_on_what_was_asked_before() -> None:
    genome = Genome(scales=(Scale(16, 16),) * 2)
    first = memory_bytes(genome, image_shape=SHAPE)
    memory_bytes.cache_clear()
    assert memory_bytes(genome, image_shape=SHAPE) == first
