"""The fused kernels give the numbers of PyTorch's operations; on a CPU they run in Triton's interpreter."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

pytest.importorskip("triton", reason="Triton is not installed")

from dipsearch.network.gene_rules import Activation, Padding
from dipsearch.network.kernels import Scaling, joined, prepared
from dipsearch.network.kernels.launch import blocks
from dipsearch.network.layers import ACTIVATIONS

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = [pytest.mark.gpu] if DEVICE == "cuda" else []  # there it is the compiled kernels that are tested
NOBODY = nn.Identity()
ROUNDING = 3e-6
"""Of a sum of some hundred numbers in 32 bits, against 64."""


def random(*shape: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale + shift
    x = x.to(DEVICE)
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def doubled(*tensors: Tensor) -> list[Tensor]:
    return [one.double().detach().requires_grad_() for one in tensors]


def extended(x: Tensor, border: int, padding: Padding) -> Tensor:
    return F.pad(x, (border,) * 4, mode=padding) if border else x


def normalised(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, weight, bias, True, 0.0, 1e-5)


def assert_close(ours: Tensor | None, theirs: Tensor, *, rounding: float = ROUNDING) -> None:
    assert ours is not None and ours.shape == theirs.shape
    distance = (ours.double() - theirs).norm() / theirs.norm()
    assert distance < rounding, f"off by {distance:.1e}"


@pytest.mark.parametrize(
    ("channels", "height", "width", "borders", "padding"),
    [
        (4, 7, 9, (1,), "reflect"),
        (6, 5, 4, (3, 1), "reflect"),
        (3, 2, 5, (1,), "reflect"),
        (36, 6, 8, (2, 0), "replicate"),
        (20, 1, 6, (2,), "replicate"),
        (32, 9, 8, (0,), "zero"),
    ],
)
def test_an_image_is_normalised_activated_and_extended(
    channels: int, height: int, width: int, borders: tuple[int, ...], padding: Padding
) -> None:
    x = random(1, channels, height, width, seed=0, scale=2, shift=3).requires_grad_()
    weight, bias = (random(channels, seed=seed, shift=1).requires_grad_() for seed in (1, 2))
    ours = prepared(
        x, Scaling(NOBODY, weight, bias), activation="leaky_relu", padding=padding, borders=borders
    )
    x64, weight64, bias64 = doubled(x, weight, bias)
    y = F.leaky_relu(normalised(x64, weight64, bias64), 0.2)
    theirs = [extended(y, border, padding) for border in borders]
    gradients = [random(*one.shape, seed=3 + index) for index, one in enumerate(ours)]
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one.detach(), other.detach())
        assert one.is_contiguous(memory_format=torch.channels_last)
    torch.autograd.backward(ours, [one.clone() for one in gradients])
    torch.autograd.backward(theirs, [one.double() for one in gradients])
    for mine, right in ((x, x64), (weight, weight64), (bias, bias64)):
        assert_close(mine.grad, right.grad)


@pytest.mark.parametrize("activation", [None, "relu", "elu", "silu", "gelu"])
@pytest.mark.parametrize("statistics", [True, False])
def test_every_activation_has_its_slope(activation: Activation | None, statistics: bool) -> None:
    x = random(1, 8, 4, 5, seed=0, scale=2, shift=0.5).requires_grad_()
    (ours,) = prepared(
        x, Scaling(NOBODY, statistics=statistics), activation=activation, padding="zero", borders=(0,)
    )
    (x64,) = doubled(x)
    y = F.batch_norm(x64, None, None, None, None, True, 0.0, 1e-5) if statistics else x64
    theirs = y if activation is None else ACTIVATIONS[activation](y.clone())
    gradient = random(*ours.shape, seed=1)
    ours.backward(gradient)
    theirs.backward(gradient.double())
    assert_close(ours.detach(), theirs.detach())
    assert_close(x.grad, x64.grad)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize(
    ("near_channels", "far_channels", "height", "width", "border", "padding", "batch"),
    [
        (4, 8, 3, 5, 1, "reflect", True),
        (0, 8, 4, 2, 2, "replicate", True),
        (3, 5, 4, 4, 0, "zero", True),
        (4, 36, 3, 2, 1, "reflect", False),
        (2, 6, 1, 3, 1, "reflect", True),
    ],
)
def test_two_scales_are_joined(
    near_channels: int,
    far_channels: int,
    height: int,
    width: int,
    border: int,
    padding: Padding,
    batch: bool,
    upsampling: str,
) -> None:
    far = random(1, far_channels, height, width, seed=0, shift=-1).requires_grad_()
    near = random(1, near_channels, 2 * height, 2 * width, seed=1).requires_grad_() if near_channels else None
    weight, bias = (
        random(near_channels + far_channels, seed=seed, shift=1).requires_grad_() for seed in (2, 3)
    )
    scaling = Scaling(NOBODY, weight, bias) if batch else Scaling(NOBODY, statistics=False)
    ours = joined(near, far, scaling, upsampling=upsampling, padding=padding, border=border)
    far64, weight64, bias64 = doubled(far, weight, bias)
    corners = None if upsampling == "nearest" else False
    y = F.interpolate(far64, scale_factor=2, mode=upsampling, align_corners=corners)
    parts = doubled(near) if near is not None else []
    y = torch.cat([*parts, y], 1)
    theirs = extended(normalised(y, weight64, bias64) if batch else y, border, padding)
    gradient = random(*ours.shape, seed=4)
    ours.backward(gradient.clone())
    theirs.backward(gradient.double())
    assert_close(ours.detach(), theirs.detach())
    assert_close(far.grad, far64.grad)
    if near is not None:
        assert_close(near.grad, parts[0].grad)
    if batch:
        assert_close(weight.grad, weight64.grad)
        assert_close(bias.grad, bias64.grad)


def test_a_mean_that_is_large_against_the_deviation_costs_no_digits() -> None:
    x = random(1, 8, 16, 16, seed=0, scale=0.01, shift=100)
    (ours,) = prepared(x, Scaling(NOBODY), activation=None, padding="zero", borders=(0,))
    theirs = F.batch_norm(x.double(), None, None, None, None, True, 0.0, 1e-5)
    assert_close(ours, theirs, rounding=1e-3)  # the mean itself is kept in 32 bits


def test_images_in_16_bits_have_statistics_in_32() -> None:
    x = random(1, 16, 12, 12, seed=0, shift=5).bfloat16().requires_grad_()
    (ours,) = prepared(x, Scaling(NOBODY), activation="relu", padding="reflect", borders=(1,))
    (x64,) = doubled(x)
    theirs = extended(F.relu(F.batch_norm(x64, None, None, None, None, True, 0.0, 1e-5)), 1, "reflect")
    assert ours.dtype is torch.bfloat16
    assert_close(ours.detach(), theirs.detach(), rounding=2**-8)
    gradient = random(*ours.shape, seed=1).bfloat16()
    ours.backward(gradient.clone())
    theirs.backward(gradient.double())
    assert x.grad is not None and x.grad.dtype is torch.bfloat16
    assert_close(x.grad, x64.grad, rounding=2**-6)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_joined_images_in_16_bits_have_statistics_in_32(upsampling: str) -> None:
    far = random(1, 24, 5, 6, seed=0, shift=4).bfloat16().requires_grad_()
    near = random(1, 8, 10, 12, seed=1, shift=-3).bfloat16().requires_grad_()
    weight, bias = (random(32, seed=seed, shift=1).requires_grad_() for seed in (2, 3))
    ours = joined(
        near, far, Scaling(NOBODY, weight, bias), upsampling=upsampling, padding="reflect", border=1
    )
    gradient = random(*ours.shape, seed=4).bfloat16()
    ours.backward(gradient.clone())
    right = doubled(near, far, weight, bias)
    theirs = joined_plainly(*right, upsampling=upsampling, border=1)
    theirs.backward(gradient.double())
    assert ours.dtype is torch.bfloat16
    assert_close(ours.detach(), theirs.detach(), rounding=2**-8)
    for mine, other in zip((near, far, weight, bias), right, strict=True):
        assert mine.grad is not None and mine.grad.dtype is mine.dtype
        assert_close(mine.grad, other.grad, rounding=2**-6)


def joined_plainly(
    near: Tensor, far: Tensor, weight: Tensor, bias: Tensor, *, upsampling: str, border: int
) -> Tensor:
    """PyTorch's operations, in the precision of the tensors."""
    corners = None if upsampling == "nearest" else False
    y = torch.cat([near, F.interpolate(far, scale_factor=2, mode=upsampling, align_corners=corners)], 1)
    return extended(normalised(y, weight, bias), border, "reflect")


SLACK = 1e-6 if DEVICE == "cuda" else 1e-7
"""Compiled kernels take a GPU's own exponential and division, which are off by two units in the last place."""


def off(ours: Tensor | None, right: Tensor | None) -> float:
    assert ours is not None and right is not None
    return float((ours.double() - right).norm() / right.norm())


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_the_kernels_are_no_less_exact_than_pytorchs_operations_in_32_bits(upsampling: str) -> None:
    given = [
        random(1, 12, 20, 12, seed=0, shift=2),
        random(1, 20, 10, 6, seed=1, shift=-5),
        *(random(32, seed=seed, shift=1) for seed in (2, 3)),
    ]
    gradient = random(1, 32, 22, 14, seed=4)
    found = []
    for kind in ("kernels", "32 bits", "64 bits"):
        tensors = [one.clone().requires_grad_() for one in given] if kind != "64 bits" else doubled(*given)
        if kind == "kernels":
            near, far, weight, bias = tensors
            scaling = Scaling(NOBODY, weight, bias)
            y = joined(near, far, scaling, upsampling=upsampling, padding="reflect", border=1)
            (y,) = prepared(
                y, Scaling(NOBODY, statistics=False), activation="silu", padding="zero", borders=(0,)
            )
        else:
            y = F.silu(joined_plainly(*tensors, upsampling=upsampling, border=1))
        y.backward(gradient.clone() if kind != "64 bits" else gradient.double())
        found.append([y.detach(), *(one.grad for one in tensors)])
    for ours, plain, right in zip(*found, strict=True):
        assert off(ours, right) < 2 * off(plain, right) + SLACK


def test_many_programs_add_up_in_the_same_order_each_time() -> None:
    x = random(1, 8, 43, 25, seed=0, shift=2)  # 1,075 pixels: 34 programs, more than are added at once
    first, *again = (
        prepared(x, Scaling(NOBODY), activation=None, padding="zero", borders=(0,))[0]
        for _ in range(2 if DEVICE == "cuda" else 1)  # the interpreter has no other order
    )
    assert all(torch.equal(first, other) for other in again)
    assert_close(first, F.batch_norm(x.double(), None, None, None, None, True, 0.0, 1e-5))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_sums_are_in_32_bits_whatever_the_default_type_is(kind: torch.dtype) -> None:
    x, far = random(1, 8, 12, 10, seed=0, shift=2), random(1, 8, 6, 5, seed=1, shift=-1)
    found: list[list[Tensor]] = []
    for default in (torch.get_default_dtype(), kind):
        given = [one.clone().requires_grad_() for one in (x, far)]
        usual = torch.get_default_dtype()
        torch.set_default_dtype(default)
        try:
            # Modules of their own: they have no workspace yet.
            (near,) = prepared(
                given[0], Scaling(nn.Identity()), activation="elu", padding="zero", borders=(0,)
            )
            scaling = Scaling(nn.Identity())
            y = joined(near, given[1], scaling, upsampling="bilinear", padding="reflect", border=1)
            y.square().sum().backward()
        finally:
            torch.set_default_dtype(usual)
        found.append([y.detach(), *(one.grad for one in given if one.grad is not None)])
    assert len(found[0]) == 3
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE != "cuda", reason="the interpreter would need an hour")
@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize(("kind", "image", "gradient"), [
    (torch.float32, 1e-5, 5e-5),
    (torch.bfloat16, 2**-8, 2**-6),
])  # fmt: skip
def test_the_sizes_of_a_real_network_give_the_plain_numbers_and_the_same_bits_each_time(
    kind: torch.dtype, image: float, gradient: float, upsampling: str
) -> None:
    """128 channels of the scale below and 4 of the skip at 512², joined; and 128 at 512² after a convolution."""
    near, far = random(1, 4, 512, 512, seed=0, shift=-1).to(kind), random(1, 128, 256, 256, seed=1).to(kind)
    x = random(1, 128, 512, 512, seed=2, shift=3).to(kind)
    affine = [random(channels, seed=3 + seed, shift=1) for channels in (132, 128) for seed in (0, 1)]
    given = near, far, x, *affine
    sizes = (132, 514), (128, 514), (128, 512)
    towards = [random(1, channels, side, side, seed=7).to(kind) for channels, side in sizes]

    def ours() -> list[Tensor]:
        near, far, x, *rest = tensors = [one.clone().requires_grad_() for one in given]
        scaling = Scaling(NOBODY, *rest[:2])
        made = [
            joined(near, far, scaling, upsampling=upsampling, padding="reflect", border=1),
            *prepared(
                x, Scaling(NOBODY, *rest[2:]), activation="leaky_relu", padding="reflect", borders=(1, 0)
            ),
        ]
        torch.autograd.backward(made, [one.clone() for one in towards])
        assert all(one.dtype is kind for one in made)
        return [*(one.detach() for one in made), *(one.grad for one in tensors if one.grad is not None)]

    first, again = ours(), ours()
    assert len(first) == 10
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    near64, far64, x64, *rest64 = right = doubled(*given)
    y = F.leaky_relu(normalised(x64, *rest64[2:]), 0.2)
    theirs = [
        joined_plainly(near64, far64, *rest64[:2], upsampling=upsampling, border=1),
        *(extended(y, border, "reflect") for border in (1, 0)),
    ]
    torch.autograd.backward(theirs, [one.double() for one in towards])
    plain, roundings = [*theirs, *(one.grad for one in right)], [image] * 3 + [gradient] * 7
    for mine, other, rounding in zip(first, plain, roundings, strict=True):
        assert other is not None
        assert_close(mine, other.detach(), rounding=rounding)


def test_channels_are_read_in_groups_that_divide_all_parts() -> None:
    assert blocks(132, itemsize=4).vec == 4
    assert blocks(4, 128, itemsize=2).vec == 4
    assert blocks(3, 5, itemsize=4).vec == 1
    assert blocks(0, 64, itemsize=2).vec == 8
    assert blocks(128, itemsize=4).columns == 4
    assert blocks(12, itemsize=4).columns == 1


def test_nothing_is_computed_for_tensors_without_numbers() -> None:
    x = torch.empty(1, 8, 6, 6, device="meta", requires_grad=True)
    (y,) = prepared(x, Scaling(NOBODY), activation="gelu", padding="reflect", borders=(1,))
    z = joined(None, y, Scaling(NOBODY), upsampling="bilinear", padding="reflect", border=1)
    z.sum().backward()
    assert z.shape == (1, 8, 18, 18) and x.grad is not None and x.grad.shape == x.shape
