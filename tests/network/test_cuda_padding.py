"""Borders and doubling from slices are PyTorch's, bit by bit or to rounding, and keep the layout."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dipsearch.network import cuda_padding as cuda_padding


def picture(height: int, width: int) -> Tensor:
    x = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last).requires_grad_()


def gradient_of(y: Tensor, x: Tensor) -> Tensor:
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    return torch.autograd.grad(y, x, weights)[0]


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize("border", [1, 2, 3])
def test_borders_are_those_of_pytorch(border: int, mode: Literal["reflect", "replicate"]) -> None:
    x = picture(5, 8)
    ours, theirs = cuda_padding.extend(x, border, mode), F.pad(x, (border,) * 4, mode=mode)
    assert torch.equal(ours, theirs)
    assert torch.allclose(gradient_of(ours, x), gradient_of(theirs, x), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (6, 4)])
def test_doubling_is_bilinear_interpolation(height: int, width: int) -> None:
    x = picture(height, width)
    ours = cuda_padding.double(x)
    theirs = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)
    assert torch.allclose(gradient_of(ours, x), gradient_of(theirs, x), rtol=0, atol=1e-14)


def test_results_and_gradients_are_channels_last() -> None:
    x = picture(6, 4)
    for y in (cuda_padding.extend(x, 1, "reflect"), cuda_padding.double(x)):
        assert y.is_contiguous(memory_format=torch.channels_last)
        assert gradient_of(y, x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gradients_repeat_bit_for_bit_on_a_gpu() -> None:
    x = picture(64, 64).detach().float().cuda().requires_grad_()
    weights = torch.randn(1, 3, 132, 132, generator=torch.Generator().manual_seed(1)).cuda()
    first, second = (
        torch.autograd.grad(cuda_padding.extend(cuda_padding.double(x), 2, "reflect"), x, weights)[0]
        for _ in range(2)
    )
    assert torch.equal(first, second)
