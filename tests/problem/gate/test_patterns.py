"""Patterns that lie everywhere are not taken for noise, and noise on them is found where something tells it."""

import numpy as np
import pytest
import torch

from dipsearch.problem import diagnose, read_image

ORDERED = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8


def eight_bits(values):
    return torch.from_numpy(np.clip(np.round(values), 0, 255).astype(np.float32) / 255)[None, None]


def dithered(size=64):
    photo = torch.nn.functional.avg_pool2d(read_image("sample:chelsea").pixels, 2)[0].mean(0).numpy() * 255
    return 255.0 * (photo[10 : 10 + size, 60 : 60 + size] > np.tile(ORDERED, (size // 4, size // 4)))


def chess(side, size=96):
    rows, columns = np.mgrid[:size, :size] // side
    return 60.0 + 120 * ((rows + columns) % 2)


def white(sigma, shape, seed=1):
    return np.random.default_rng(seed).normal(0, sigma, shape)


@pytest.mark.parametrize("sigma", [5, 25])
def test_dither_with_noise_is_let_alone(sigma):
    x = dithered()
    found = diagnose(eight_bits(x + white(sigma, x.shape)))
    assert found.leaves_alone and found.evidence.patterned


def test_dither_with_counted_photons_has_no_impulses():
    counts = np.random.default_rng(1).poisson(dithered() / 255 * 30) / 30 * 255
    assert diagnose(eight_bits(counts)).leaves_alone


def test_impulses_on_a_chess_board_are_still_impulses():
    x, draw = chess(1), np.random.default_rng(1).random((96, 96))
    found = diagnose(eight_bits(np.where(draw < 0.05, 0, np.where(draw < 0.1, 255, x))))
    assert found.branch == "impulse"


@pytest.mark.parametrize("side", [1, 4])
def test_the_free_directions_tell_the_noise_on_a_chess_board(side):
    x = chess(side)
    found = diagnose(eight_bits(x + white(10, x.shape)))
    assert found.branch == "recorruption (white)"
    assert found.noise.sigma * 255 == pytest.approx(10, rel=0.08)


@pytest.mark.parametrize("size", [16, 24, 48])
def test_white_noise_alone_is_no_pattern(size):
    for seed in range(8):
        assert not diagnose(eight_bits(128 + white(20, (size, size), seed))).evidence.patterned
