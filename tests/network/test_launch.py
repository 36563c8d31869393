"""Launches: the compiled kernel is asked for once for every kind of arguments, and called by itself from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import CalledProcessError
from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from triton.runtime.errors import PTXASError

from dipsearch.errors import KernelError, out_of_memory
from dipsearch.network.kernels import launch as launching
from dipsearch.network.kernels.launch import ACROSS, ALONG, Workspace, launch


class Compiled:
    """What Triton gives back from a launch, as far as it is used."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        return lambda *given: self.calls.append((grid, *given))


class Kernel:
    """A kernel of two arrays, a size and three constants."""

    arg_names = ("x", "y", "size", "UP", "BLOCK_P", "BLOCK_C")

    def __init__(self) -> None:
        self.compiled: list[Compiled] = []

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., Compiled]:
        def run(*given: Any, **constants: Any) -> Compiled:
            assert set(constants) == {"UP", "BLOCK_P", "BLOCK_C", "enable_fp_fusion"}
            self.compiled.append(Compiled())
            return self.compiled[-1]

        return run


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_COMPILED", {})


def test_the_second_launch_calls_what_was_compiled_with_all_arguments_in_their_order() -> None:
    kernel, x, y = Kernel(), torch.zeros(64), torch.zeros(64)
    launch(kernel, (3, 2), x, y, 7, UP=1)
    launch(kernel, (5, 1), y, x, 9, UP=1)
    assert len(kernel.compiled) == 1
    (call,) = kernel.compiled[0].calls
    assert call[0] == (5, 1, 1) and call[1] is y and call[2] is x
    assert call[3:] == (9, 1, ALONG, ACROSS)


@pytest.mark.parametrize(
    "changed",
    [
        {"x": torch.zeros(64, dtype=torch.bfloat16)},
        {"x": torch.zeros(65)[1:]},  # no longer aligned to 16 bytes
        {"size": 2**31},
        {"UP": 2},
    ],
)
def test_what_a_kernel_is_compiled_for_asks_for_another_one(changed: dict[str, Any]) -> None:
    kernel = Kernel()
    usual: dict[str, Any] = {"x": torch.zeros(64), "y": torch.zeros(64), "size": 7, "UP": 1}
    for given in (usual, usual | changed, usual | changed):
        launch(kernel, (1, 1), given["x"], given["y"], given["size"], UP=given["UP"])
    assert [len(one.calls) for one in kernel.compiled] == [0, 1]


@pytest.mark.parametrize(("triton", "constants"), [("3.2.0", ()), ("3.3.0+git1", (1, ALONG, ACROSS))])
def test_an_older_triton_gives_a_compiled_kernel_no_constants(
    triton: str, constants: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triton.__version__", triton)
    launching._takes_constants.cache_clear()
    kernel, x, y = Kernel(), torch.zeros(64), torch.zeros(64)
    for _ in range(2):
        launch(kernel, (1, 1), x, y, 7, UP=1)
    launching._takes_constants.cache_clear()
    (call,) = kernel.compiled[0].calls
    assert call[3:] == (7, *constants)


FAILURES = {
    "Triton": PTXASError("`ptxas` failed"),
    "disk": OSError(28, "No space left on device"),
    "compiler": CalledProcessError(1, ["gcc"]),
    "no compiler": RuntimeError("Failed to find C compiler"),
}


class Failing(Kernel):
    """One that cannot be compiled."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., Compiled]:
        def run(*given: Any, **constants: Any) -> Compiled:
            raise self.error

        return run


@pytest.mark.parametrize("kind", FAILURES)
def test_whatever_triton_raises_is_one_kind_of_error(kind: str) -> None:
    with pytest.raises(KernelError) as caught:
        launch(Failing(FAILURES[kind]), (1, 1), torch.zeros(4), torch.zeros(4), 1, UP=0)
    assert caught.value.given == f"Triton says: {FAILURES[kind]}" and not out_of_memory(caught.value)
    assert caught.value.__cause__ is FAILURES[kind]


def test_that_memory_is_short_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="Triton Error") as caught:
        full = Failing(RuntimeError("Triton Error [CUDA]: out of memory"))
        launch(full, (1, 1), torch.zeros(4), torch.zeros(4), 1, UP=0)
    assert out_of_memory(caught.value) and not isinstance(caught.value, KernelError)


def test_a_kernel_is_launched_on_the_device_of_its_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[torch.device] = []

    @contextmanager
    def device(one: torch.device) -> Iterator[None]:
        chosen.append(one)
        yield

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    for name, others in (("cpu", 0), ("cuda:1", 0), ("cuda:0", 1)):
        with launching._current(torch.device(name)):
            assert len(chosen) == others
    assert chosen == [torch.device("cuda:0")]


def test_nothing_is_launched_where_nothing_is_computed() -> None:
    kernel = Kernel()
    launch(kernel, (1, 1), torch.zeros(4, device="meta"), torch.zeros(4), 1, UP=0)
    assert kernel.compiled == []


def test_scratch_memory_stays_where_it_was_when_somebody_needs_more() -> None:
    workspace, nobody, cpu = Workspace(), torch.nn.Identity(), torch.device("cpu")
    small = workspace.of(nobody, (4, 1), device=cpu)
    large = workspace.of(nobody, (8, 2), device=cpu)
    assert large[0].data_ptr() != small[0].data_ptr() and int(large[1].sum()) == 0
    for grid, there in (((4, 1), small), ((8, 2), large), ((2, 2), large)):
        assert workspace.of(nobody, grid, device=cpu)[0].data_ptr() == there[0].data_ptr()
    assert workspace.of(torch.nn.Identity(), (1, 1), device=cpu)[0].data_ptr() != small[0].data_ptr()
