"""Convolutions: whatever form is chosen for speed, the numbers are PyTorch's."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dipsearch.network import convolution
from dipsearch.network.convolution import Convolution, convolve, pad, pointwise


@pytest.fixture
def avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with AVX2, whatever runs the tests."""
    monkeypatch.setattr(convolution, "_instruction_set", lambda: "AVX2")


def tensors(
    kernel: int, *, batch: int = 1, channels: tuple[int, int] = (24, 24)
) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(kernel)
    draw = lambda *shape: torch.randn(*shape, generator=source, dtype=torch.float64)  # noqa: E731
    x = draw(batch, channels[0], 14, 17).contiguous(memory_format=torch.channels_last)
    return x, draw(channels[1], channels[0], kernel, kernel), draw(channels[1])


def gradients(result: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    along = torch.cos(torch.arange(result.numel(), dtype=result.dtype)).view_as(result)
    return torch.autograd.grad(result, inputs, along)


@pytest.mark.parametrize("border", [0, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_gradients_equal_those_of_conv2d(avx2: None, kernel: int, stride: int, border: int) -> None:
    leaves = tuple(leaf.requires_grad_() for leaf in tensors(kernel))
    ours = convolve(*leaves, stride=stride, border=border)
    theirs = F.conv2d(*leaves, stride, border)
    assert type(ours.grad_fn).__name__ == "_PatchConvolutionBackward"
    assert torch.equal(ours, theirs)
    for one, other in zip(gradients(ours, leaves), gradients(theirs, leaves), strict=True):
        assert (one - other).abs().max() <= 1e-10 * other.abs().max()


def test_an_input_without_gradient_gets_none(avx2: None) -> None:
    x, weight, bias = tensors(3)
    result = convolve(x, weight.requires_grad_(), bias.requires_grad_())
    result.sum().backward()
    assert x.grad is None
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("instructions", "batch", "channels"),
    [("AVX512", 1, (24, 24)), ("AVX2", 2, (24, 24)), ("AVX2", 1, (24, 16))],
    ids=["other instruction set", "several images", "narrow layer"],
)
def test_other_cases_are_left_to_pytorch(
    monkeypatch: pytest.MonkeyPatch, instructions: str, batch: int, channels: tuple[int, int]
) -> None:
    monkeypatch.setattr(convolution, "_instruction_set", lambda: instructions)
    x, weight, bias = tensors(3, batch=batch, channels=channels)
    result = convolve(x, weight.requires_grad_(), bias)
    assert "Patch" not in type(result.grad_fn).__name__
    assert torch.equal(result, F.conv2d(x, weight, bias))


def test_meta_tensors_and_their_shapes_pass_through() -> None:
    layer = Convolution(24, 24, kernel=5, stride=2).to("meta")
    assert layer(torch.empty(1, 24, 16, 32, device="meta")).shape == (1, 24, 8, 16)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_pointwise_convolution_equals_conv2d(batch: int) -> None:
    leaves = tuple(leaf.requires_grad_() for leaf in tensors(1, batch=batch))
    ours, theirs = pointwise(*leaves), F.conv2d(*leaves)
    assert (ours - theirs).abs().max() < 1e-12
    for one, other in zip(gradients(ours, leaves), gradients(theirs, leaves), strict=True):
        assert (one - other).abs().max() <= 1e-12 * other.abs().max()


def test_weight_gradients_are_the_same_bits_every_time_and_channels_last(avx2: None) -> None:
    x, weight, bias = (leaf.float() for leaf in tensors(3))
    weight.requires_grad_()
    first, second = (gradients(convolve(x, weight, bias), (weight,))[0] for _ in range(2))
    assert torch.equal(first, second)
    assert first.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("padding", "mode"), [("reflect", "reflect"), ("zero", "zeros"), ("replicate", "replicate")]
)
def test_a_layer_equals_conv2d_with_its_padding(padding: str, mode: str) -> None:
    layer = Convolution(5, 4, kernel=5, stride=2, padding=padding)  # type: ignore[arg-type]
    theirs = nn.Conv2d(5, 4, 5, 2, 2, padding_mode=mode)
    layer.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 5, 12, 9, generator=torch.Generator().manual_seed(0))
    assert (layer(x) - theirs(x)).abs().max() < 1e-6


def test_reflection_becomes_replication_where_the_picture_is_too_small() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert torch.equal(pad(x, 1, "reflect"), F.pad(x, (1,) * 4, mode="reflect"))
    assert torch.equal(pad(x, 2, "reflect"), F.pad(x, (2,) * 4, mode="replicate"))


def test_initial_values_are_those_of_pytorch() -> None:
    layer = Convolution(6, 4, kernel=3)
    layer.initialise(torch.Generator().manual_seed(5))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        theirs = nn.Conv2d(6, 4, 3)
    assert torch.equal(layer.weight, theirs.weight)
    assert torch.equal(layer.bias, theirs.bias)
