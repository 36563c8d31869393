"""The fused network gives the image and the gradients of the plain one, and is taken only where it runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from dipsearch.network import Generator, Genome, Scale, build, fused
from dipsearch.network.convolution import as_on

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def genome(depth: int = 2, kernel: int = 3, kernel_skip: int | None = 1, **changes: Any) -> Genome:
    scale = Scale(
        8,
        8,
        channels_skip=4 if kernel_skip else 0,
        kernel_skip=kernel_skip,
        kernel_down=kernel,
        kernel_up=kernel,
    )
    return Genome(scales=(scale,) * depth, input_channels=8, **changes)


GENOMES = {
    "usual": genome(),
    "no skips": genome(kernel_skip=None, upsampling="nearest"),
    "wide skips": genome(kernel_skip=3, padding="replicate", activation="gelu"),
    "instance": genome(1, norm="instance", activation="silu", up_1x1=False, downsampling="average"),
    "group": genome(1, norm="group", activation="relu", upsampling="pixel_shuffle"),
    "none": genome(1, norm="none", activation="elu", padding="zero"),
    "deep": genome(depth=3, kernel=5, downsampling="max"),
    "points": genome(1, kernel=1, upsampling="bicubic", downsampling="lanczos2"),
}
"""Every value of every gene once: Triton's interpreter needs seconds for a scale."""


def image_and_gradients(generator: Generator, z: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
    generator.zero_grad()
    image = generator(z)
    weights = torch.randn(image.shape, generator=torch.Generator().manual_seed(2)).to(image)
    (image * weights).sum().backward()
    return image.detach(), {name: value.grad for name, value in generator.named_parameters()}


# What is lean of a network is how it is cut into parts: that does not know what they are made of.
@pytest.mark.parametrize(("name", "lean"), [(name, name == "wide skips") for name in GENOMES])
def test_a_fused_network_is_the_plain_one(name: str, lean: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    one = GENOMES[name]
    height, width = (8, 16) if name == "deep" else (8, 12)  # which is mirrored at its smallest scale, too
    z = torch.randn(1, 8, height, width, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    z = z.contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(fused, "usable", lambda x: False)
    right, gradients = image_and_gradients(build(one, channels=3, seed=0).double().to(DEVICE), z.double())
    monkeypatch.setattr(fused, "usable", lambda x: True)
    ours, made = image_and_gradients(build(one, channels=3, seed=0, lean=lean).to(DEVICE), z)
    assert torch.allclose(ours.double(), right, atol=3e-6)
    for parameter, gradient in made.items():
        if gradient is None:  # a constant before a normalisation
            assert gradients[parameter].abs().max() < 1e-9, parameter
        else:
            distance = (gradient.double() - gradients[parameter]).norm()
            assert distance < 2e-5 * gradients[parameter].norm() + 1e-5, parameter


def test_kernels_are_for_cuda_and_what_stands_for_it() -> None:
    assert not fused.usable(torch.zeros(1, 8, 16, 16))
    with as_on("cuda"):
        assert fused.usable(torch.zeros(1, 8, 16, 16, device="meta"))
        assert not fused.usable(torch.zeros(2, 8, 16, 16, device="meta"))
        assert not fused.usable(torch.zeros(1, 8, 16, 16, device="meta", dtype=torch.float64))
    with as_on("mps"):
        assert not fused.usable(torch.zeros(1, 8, 16, 16, device="meta"))


def test_where_nothing_compiles_the_reason_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object, **settings: object) -> None:
        raise RuntimeError("Failed to find C compiler\nand more")

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr("dipsearch.network.kernels.prepared", fails)
    monkeypatch.setattr(torch, "zeros", lambda *shape, **settings: torch.empty(1, 4, 4, 4, device="meta"))
    fused.compiles.cache_clear()
    with pytest.warns(
        UserWarning, match="Failed to find C compiler\\); networks run on PyTorch's operations"
    ):
        assert not fused.compiles(7)
    assert not fused.compiles(7)
    fused.compiles.cache_clear()


def test_what_is_launched_only_once_is_not_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    # The second launch of a kernel takes another way through Triton than the first one.
    launched = []

    def fails_later(*given: object, **settings: object) -> None:
        launched.append(given)
        if len(launched) > 1:
            raise TypeError("function takes exactly 20 arguments (24 given)")

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr("dipsearch.network.kernels.prepared", fails_later)
    monkeypatch.setattr(torch, "zeros", lambda *shape, **settings: torch.empty(1, 4, 4, 4, device="meta"))
    fused.compiles.cache_clear()
    with pytest.warns(UserWarning, match="exactly 20 arguments"):
        assert not fused.compiles(7)
    fused.compiles.cache_clear()


def test_an_old_gpu_keeps_pytorchs_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (6, 1))
    fused.compiles.cache_clear()
    assert not fused.compiles(0)
    fused.compiles.cache_clear()
