"""Warming up does on any device what tasks will do, and never stands in their way."""

from __future__ import annotations

import pytest
import torch

from dipsearch.execution import warm_up as module
from dipsearch.execution.warm_up import warm_up, warm_up_patches


def test_it_answers_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("answer", "OngoingFit"):
        original = getattr(module, name)

        def noted(
            *arguments: object, name: str = name, original: object = original, **more: object
        ) -> object:
            done.append(name)
            return original(*arguments, **more)

        monkeypatch.setattr(module, name, noted)
    before = torch.random.get_rng_state()
    warm_up("cpu")
    assert done == ["answer", "OngoingFit"]
    warm_up_patches.cache_clear()
    for _ in range(3):  # pictures of one process
        warm_up_patches("cpu")
    assert done == ["answer", "OngoingFit", "answer"]
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        AssertionError("Torch not compiled with CUDA enabled"),
        torch.cuda.DeferredCudaCallError("CUDA call failed lazily at initialization"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_device_that_cannot_do_it_says_so_with_its_first_task(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise error

    handed_back: list[str] = []
    monkeypatch.setattr(module, "answer", full)
    monkeypatch.setattr(module, "give_back_memory", handed_back.append)
    warm_up("cpu")  # says nothing
    assert handed_back == ["cpu"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_leaves_next_to_no_memory_behind() -> None:
    warm_up("cuda:0")
    assert torch.cuda.memory_allocated("cuda:0") < 64 * 2**20
