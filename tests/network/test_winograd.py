"""The 3×3 convolution in another basis is the same convolution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dipsearch.network import winograd


def drawn(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("tiles", [1, 5, 512])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (16, 24), (28, 8)])
def test_output_and_gradients_are_those_of_the_direct_sum(
    height: int, width: int, tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "_TILES_AT_ONCE", tiles)  # bands overlap by two rows of pixels
    x = drawn(1, 3, height + 2, width + 2).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight, bias = drawn(5, 3, 3, 3, seed=1).requires_grad_(), drawn(5, seed=2).requires_grad_()
    direct = F.conv2d(x, weight, bias)
    gradient = drawn(*direct.shape, seed=3)
    fast = winograd.winograd(x, weight, bias)
    assert torch.allclose(fast, direct, rtol=0, atol=1e-11)
    for mine, theirs in zip(
        torch.autograd.grad(fast, (x, weight, bias), gradient),
        torch.autograd.grad(direct, (x, weight, bias), gradient),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-10)


def test_gradients_pass_the_check_by_differences() -> None:
    x, weight, bias = drawn(1, 2, 6, 10), drawn(3, 2, 3, 3, seed=1), drawn(3, seed=2)
    inputs = tuple(value.requires_grad_() for value in (x, weight, bias))
    assert torch.autograd.gradcheck(winograd.winograd, inputs)


def test_in_single_precision_the_error_is_a_few_times_that_of_the_direct_sum() -> None:
    x, weight = drawn(1, 64, 34, 34, dtype=torch.float32), drawn(64, 64, 3, 3, dtype=torch.float32, seed=1)
    bias = torch.zeros(64)
    exact = F.conv2d(x.double(), weight.double())
    error = float((winograd.winograd(x, weight, bias) - exact).abs().max())
    assert error < 2e-6 * float(exact.abs().max()) * 5


def test_results_are_channels_last_for_pytorch_too() -> None:
    # One wrong stride, of the batch of size 1, makes every following operation copy.
    x = drawn(1, 3, 10, 10).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = winograd.winograd(x, drawn(5, 3, 3, 3), drawn(5))
    (of_x,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert y.stride() == (8 * 8 * 5, 1, 8 * 5, 5)
    assert of_x.stride() == (10 * 10 * 3, 1, 10 * 3, 3)


def test_an_input_that_needs_no_gradient_gets_none() -> None:
    x, weight, bias = drawn(1, 3, 10, 10), drawn(4, 3, 3, 3).requires_grad_(), drawn(4).requires_grad_()
    winograd.winograd(x, weight, bias).sum().backward()
    assert x.grad is None
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("channels", "size", "kernel", "expected"),
    [(128, 128, 3, True), (16, 128, 3, False), (128, 16, 3, False), (128, 126, 3, False), (64, 64, 5, False)],
)
def test_it_is_for_wide_layers_on_whole_tiles(channels: int, size: int, kernel: int, expected: bool) -> None:
    with torch.device("meta"):
        x, weight = torch.empty(1, channels, size, size), torch.empty(channels, channels, kernel, kernel)
    assert winograd.pays(x, weight, border=1) is expected
