"""Lack of memory: one function knows it by the words of every library, and nothing else by them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from dipsearch.errors import ResourceError, out_of_memory
from dipsearch.fitting.saved_step import Changing
from dipsearch.network import fused
from dipsearch.patches import bayes

FULL = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("CUDA error: out of memory"),  # torch.AcceleratorError in newer versions
        RuntimeError("cudaErrorMemoryAllocation: API call failed"),
        RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling cusolverDnCreate(handle)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        FULL,
    ],
)
def test_it_is_known_by_the_words_of_every_library(error: Exception) -> None:
    assert out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
        ValueError("the file is called out of memory.png"),
        ResourceError("the device is 'cuda'", "this machine has none", 'give device="cpu"'),
    ],
)
def test_nothing_else_is(error: Exception) -> None:
    assert not out_of_memory(error)


def test_kernels_are_tried_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Exception | None] = [FULL, None]

    def tried(*given: object, **more: object) -> None:
        if error := said.pop(0):
            raise error

    fused.compiles.cache_clear()
    monkeypatch.setattr(fused, "find_triton", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(fused, "try_out", tried)
    try:
        with pytest.raises(RuntimeError, match="ALLOC_FAILED"):
            fused.compiles(0, stored_in=torch.float32)
        assert fused.compiles(0, stored_in=torch.float32) and not said
    finally:
        fused.compiles.cache_clear()


def test_a_step_is_saved_on_the_processor_then(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2), "n": torch.tensor(3)}
    there, draw = Changing(state, torch.device("cpu")), torch.zeros(4, dtype=torch.uint8)
    there._device = torch.device("meta")  # a device that holds nothing, in the place of a full one
    cat, asked = torch.cat, list[torch.device]()

    def full(parts: list[torch.Tensor]) -> torch.Tensor:
        asked.append(parts[0].device)
        if len(asked) % 2:
            raise FULL
        return cat(parts)

    monkeypatch.setattr(torch, "cat", full)
    saved = there.saved(draw)
    assert len(asked) == 4 and {one.type for one in asked} == {"cpu"}  # of two kinds of numbers
    assert all(torch.equal(saved[name], value) for name, value in state.items())
    monkeypatch.setattr(torch, "cat", lambda parts: (_ for _ in ()).throw(RuntimeError("no such kernel")))
    with pytest.raises(RuntimeError, match="no such kernel"):
        there.saved(draw)


def test_eigenvalues_are_not_asked_for_in_double_precision_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.dtype] = []

    def full(matrix: torch.Tensor) -> SimpleNamespace:
        asked.append(matrix.dtype)
        raise FULL

    monkeypatch.setattr(torch.linalg, "eigh", full)
    with pytest.raises(RuntimeError, match="ALLOC_FAILED"):
        bayes._eigen(torch.eye(3)[None])
    assert asked == [torch.float32]
