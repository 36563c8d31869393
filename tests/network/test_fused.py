"""The fused network gives the image and the gradients of the plain one, and is taken only where it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from dipsearch.errors import KernelError, first_line
from dipsearch.fitting import Step
from dipsearch.network import Generator, Genome, Scale, build, fused
from dipsearch.network.convolution import as_on
from dipsearch.network.kernels import launch as launching
from dipsearch.problem import make_split

from ..fitting.test_engine import denoising

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = [pytest.mark.gpu] if DEVICE == "cuda" else []  # there it is the compiled kernels that are tested
LOOSER = 10 if DEVICE == "cuda" else 1
"""cuDNN may choose Winograd's convolutions, which are off by more in 32 bits than a plain sum."""


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
    assert torch.allclose(ours.double(), right, atol=LOOSER * 3e-6)
    for parameter, gradient in made.items():
        if gradient is None:  # a constant before a normalisation
            assert gradients[parameter].abs().max() < 1e-9, parameter
        else:
            distance = (gradient.double() - gradients[parameter]).norm()
            assert distance < LOOSER * (2e-5 * gradients[parameter].norm() + 1e-5), parameter


def test_kernels_are_for_cuda_and_what_stands_for_it() -> None:
    assert not fused.usable(torch.zeros(1, 8, 16, 16))
    with as_on("cuda"):
        assert fused.usable(torch.zeros(1, 8, 16, 16, device="meta"))
        assert not fused.usable(torch.zeros(2, 8, 16, 16, device="meta"))
        assert not fused.usable(torch.zeros(1, 8, 16, 16, device="meta", dtype=torch.float64))
    with as_on("mps"):
        assert not fused.usable(torch.zeros(1, 8, 16, 16, device="meta"))


@pytest.fixture
def nothing_given_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fused, "_given_up", set())
    tried = fused.compiles
    tried.cache_clear()
    yield
    tried.cache_clear()


FAILURES = [
    RuntimeError("Failed to find C compiler\nand more"),
    OSError(28, "No space left on device"),
    ImportError("libcuda.so cannot be found"),
    TypeError("function takes exactly 20 arguments (24 given)"),  # of a Triton of another version
    KernelError("Triton says: PTXAS error"),
]


@pytest.mark.usefixtures("nothing_given_up")
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_where_nothing_compiles_the_reason_is_said_once(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object, **settings: object) -> None:
        raise error

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(fused, "try_out", fails)
    said = re.escape(f"{first_line(error)}); networks run on PyTorch's operations")
    with pytest.warns(UserWarning, match=said):
        assert not fused.compiles(7, stored_in=torch.float32)
    assert not fused.compiles(7, stored_in=torch.float32)
    with as_on("cuda"):  # what is predicted of memory is that of the operations that are used
        assert not fused.usable(torch.zeros(1, 8, 16, 16, device="meta"))


@pytest.mark.usefixtures("nothing_given_up")
def test_a_gpu_that_is_full_says_nothing_of_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object, **settings: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(fused, "try_out", full)
    with pytest.raises(torch.OutOfMemoryError):
        fused.compiles(7, stored_in=torch.float32)
    monkeypatch.setattr(fused, "try_out", lambda *given, **settings: None)
    assert fused.compiles(7, stored_in=torch.float32)


KERNELS = {"moments", "prepare", "sums", "unprepare", "undouble"}


@pytest.mark.parametrize("stored_in", [torch.float32, torch.bfloat16])
def test_all_kernels_are_tried_twice(stored_in: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    # The second launch of a kernel takes another way through Triton than the first one.
    launched: list[tuple[str, torch.dtype]] = []

    def noted(kernel: Any, grid: object, arguments: tuple[Any, ...], constants: object) -> None:
        launched.append((kernel.__name__, arguments[0].dtype))

    monkeypatch.setattr(launching, "_launch", noted)
    fused.try_out(torch.device(DEVICE), stored_in=stored_in)
    half = len(launched) // 2
    assert launched[:half] == launched[half:]
    assert {name for name, kind in launched if kind is stored_in} == KERNELS


@pytest.mark.skipif(DEVICE == "cuda", reason="the interpreter has only some failures")
@pytest.mark.usefixtures("nothing_given_up")
def test_a_step_whose_kernel_fails_on_its_way_back_is_made_on_pytorchs_operations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = denoising(8)
    split = make_split(problem, seed=0)
    plain, ours = (Step(genome(1, jitter=0.0), problem, split=split, seed=1) for _ in range(2))
    plain()
    usual = launching._launch

    def fails(kernel: Any, grid: Any, arguments: Any, constants: Any) -> None:
        if kernel.__name__ == "undouble":
            raise KernelError("Triton says: [Errno 28] No space left on device", "", "")
        usual(kernel, grid, arguments, constants)

    monkeypatch.setattr(launching, "_launch", fails)
    monkeypatch.setattr(fused, "device_of", lambda x: "cuda")
    monkeypatch.setattr(fused, "compiles", lambda device, stored_in: True)
    with pytest.warns(UserWarning, match=r"No space left on device\); networks run on PyTorch's operations"):
        ours()
    for step in (plain, ours):
        step()
    assert float(ours.average.step) == 2
    assert torch.equal(ours.output, plain.output)


def test_an_old_gpu_keeps_pytorchs_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (6, 1))
    fused.compiles.cache_clear()
    assert not fused.compiles(0, stored_in=torch.float32)
    fused.compiles.cache_clear()
