"""A and its adjoint belong together, and the reduction is the one of the Deep Image Prior paper."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from dipsearch.errors import InputError
from dipsearch.problem import Downsample, Identity, Mask
from dipsearch.problem.operators.registry import operator_from_arrays, operator_to_arrays

SHAPES = [(24, 24), (23, 30), (17, 9)]


def operators(height, width):
    mask = (torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    return [Identity(), Mask(mask)] + [
        Downsample(factor, (1, 3, height, width)) for factor in (2, 3, 4, 5, 8)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_adjoint_is_exact_and_is_what_autograd_finds(shape):
    generator = torch.Generator().manual_seed(0)
    for operator in operators(*shape):
        x = torch.randn(1, 3, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
        Ax = operator.A(x)
        y = torch.randn(Ax.shape, generator=generator, dtype=torch.float64)
        back = operator.A_adjoint(y)
        assert abs(float(((Ax * y).sum() - (x * back).sum()).detach())) < 1e-10
        (gradient,) = torch.autograd.grad((Ax * y).sum(), x)
        assert torch.allclose(gradient, back, atol=1e-12, rtol=0)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_an_even_factor_gives_the_papers_kernel(factor):
    # The kernel as the paper's code defines it: taps at ±0.5, ±1.5 … pixels, 4·factor of them, sum 1.
    def tap(i):
        t = abs(i + 0.5 - (4 * factor + 2) / 2) / factor
        return 2 * math.sin(math.pi * t) * math.sin(math.pi * t / 2) / (math.pi * t) ** 2

    taps = torch.tensor([tap(i) for i in range(1, 4 * factor + 1)], dtype=torch.float64)
    kernel = torch.outer(taps, taps)
    kernel /= kernel.sum()
    x = torch.rand(
        1, 1, 8 * factor, 9 * factor, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    padded = F.pad(x, [3 * factor // 2] * 4, mode="replicate")
    expected = F.conv2d(padded, kernel[None, None], stride=factor)
    assert torch.allclose(Downsample(factor, tuple(x.shape)).A(x), expected, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("size", [(28, 35), (29, 31)])
def test_sizes_are_rounded_up_and_flat_stays_flat(factor, size):
    y = Downsample(factor, (1, 2, *size)).A(torch.full((1, 2, *size), 0.7))
    assert y.shape == (1, 2, math.ceil(size[0] / factor), math.ceil(size[1] / factor))
    assert torch.allclose(y, torch.full_like(y, 0.7), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_a_ramp_is_sampled_at_the_middle_of_each_block(factor):
    size = 12 * factor
    x = torch.arange(size, dtype=torch.float64).expand(1, 1, size, size)
    y = Downsample(factor, tuple(x.shape)).A(x)
    middles = torch.arange(12, dtype=torch.float64) * factor + (factor - 1) / 2
    assert torch.allclose(y[0, 0, 5, 2:-2], middles[2:-2], atol=1e-4)


def test_channels_last_input_changes_nothing():
    x = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    operator = Downsample(4, (1, 3, 24, 24))
    assert torch.allclose(operator.A(x.to(memory_format=torch.channels_last)), operator.A(x), atol=1e-6)


def test_a_moved_operator_keeps_its_kind():
    for operator in operators(24, 24):
        assert type(operator.to("cpu")) is type(operator)
    assert Downsample(4, (1, 3, 24, 24)).to("cpu").factor == 4


def test_a_factor_below_one_is_refused():
    with pytest.raises(InputError, match="factor is 0"):
        Downsample(0, (1, 1, 8, 8))


@pytest.mark.parametrize(
    ("kernel", "filter_"), [("lanczos3", "LANCZOS"), ("bicubic", "BICUBIC"), ("box", "BOX")]
)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_other_kernels_are_those_of_pillow(kernel, filter_, factor):
    x = torch.rand(1, 1, 12 * factor, 15 * factor, generator=torch.Generator().manual_seed(0))
    smaller = Image.fromarray(x[0, 0].numpy()).resize((15, 12), getattr(Image.Resampling, filter_))
    found = Downsample(factor, tuple(x.shape), kernel=kernel).A(x)[0, 0]
    # Pillow cuts its kernel at the border, where we repeat the edge pixel.
    inner = (slice(3, -3), slice(3, -3))
    assert torch.allclose(found[inner], torch.from_numpy(np.array(smaller))[inner], atol=2e-6)


@pytest.mark.parametrize(("kernel", "reach"), [("lanczos2", 2), ("lanczos3", 3), ("bicubic", 2), ("box", 0)])
def test_a_measured_pixel_sees_no_further_than_its_reach(kernel, reach):
    operator = Downsample(4, (1, 1, 64, 64), kernel=kernel)
    x = torch.zeros(1, 1, 64, 64)
    x[..., 32:36, 32:36] = 1
    touched = operator.A(x)[0, 0].abs().amax(0).nonzero().flatten().tolist()
    assert operator.reach == reach and touched == list(range(8 - reach, 8 + reach + 1))


def test_the_kernel_of_a_reduction_is_written_and_read_again():
    operator = Downsample(3, (1, 3, 24, 24), kernel="bicubic")
    again = operator_from_arrays(operator_to_arrays(operator))
    assert again.kernel == "bicubic" and torch.equal(again.rows, operator.rows)


@pytest.mark.parametrize("kernel", ["nearest", "", 3])
def test_an_unknown_kernel_is_refused_by_name(kernel):
    with pytest.raises(InputError, match="lanczos2, lanczos3, bicubic, box"):
        Downsample(2, (1, 1, 8, 8), kernel=kernel)
