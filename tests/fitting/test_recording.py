"""Recording on a GPU, and what happens when it fails; the parts of PyTorch that need a GPU are stand-ins here.

The same on a GPU is in ``test_recorded_fits``.
"""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest
import torch

from dipsearch.fitting import Compute, Step, cuda_graph, make_engine, precision
from dipsearch.fitting.cuda_graph import CudaGraphEngine, recorded, there_on
from dipsearch.fitting.engine import EagerEngine
from dipsearch.network import capture

from .test_engine import SMALL, after, parts, step_of


class Gpu:
    """PyTorch's side of a recording: what it is told, and how it fails.

    Args:
        errors: what the captures raise at their end, one after the other; ``None``: one succeeds.
    """

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.pools, self.ended, self.released, self.registered = 0, [], [], []
        self.asked_for: list[object] = []

    def handle(self) -> tuple[int, int]:
        self.pools += 1
        return (0, self.pools)

    @contextmanager
    def graph(self, graph: Graph, *, pool: object, stream: object, capture_error_mode: str) -> Iterator[None]:
        del stream
        self.asked_for.append(pool)
        graph.kept = pool
        assert capture_error_mode == "thread_local"  # other threads may go on
        yield
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def end(self, device: int | None, pool: object) -> None:
        if not isinstance(pool, tuple):
            raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
        self.ended.append(pool)

    def release(self, device: int | None, pool: object) -> None:
        self.released.append(pool)


class Graph:
    """A graph that plays nothing."""

    kept: object = None
    registered: list[torch.Generator]

    def __init__(self) -> None:
        self.registered = []

    def register_generator_state(self, draw: torch.Generator) -> None:
        self.registered.append(draw)

    def pool(self) -> object:
        return self.kept

    def replay(self) -> None:
        pass


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    one = Gpu()
    nothing = lambda *a, **k: None  # noqa: E731
    for name, stand_in in {
        "CUDAGraph": Graph,
        "graph": one.graph,
        "graph_pool_handle": one.handle,
        "stream": lambda stream: nullcontext(),
        "current_stream": nothing,
        "synchronize": nothing,
        "empty_cache": nothing,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(capture, "side_stream", nothing)
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", one.end, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_releasePool", one.release, raising=False)
    monkeypatch.setattr(cuda_graph, "_alive", type(cuda_graph._alive)())
    return one


def record(step: Step) -> object:
    problem, split = parts()
    return recorded(step, problem, split=split)


INVALID = RuntimeError("CUDA error: operation failed due to a previous error during capture\nmore of it")
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


FOREIGN = TypeError("this layer cannot be recorded")


@pytest.mark.parametrize("error", [INVALID, FULL, FOREIGN], ids=["invalid", "full", "foreign"])
def test_after_a_failed_capture_eager_steps_go_on_as_if_there_had_been_none(
    gpu: Gpu, error: Exception
) -> None:
    gpu.errors = [error]
    step = step_of()
    drawn = step.draw
    engine = record(step)
    assert isinstance(engine, EagerEngine)
    assert engine.reason == f"recording failed: {str(error).splitlines()[0]}"
    assert step.draw is not drawn  # the old one is registered with what failed
    for mine, theirs in zip(after(step, 5), after(step_of(), 5), strict=True):
        assert torch.equal(mine, theirs)


def test_the_pool_of_a_failed_capture_is_given_back(gpu: Gpu) -> None:
    gpu.errors = [INVALID]
    record(step_of())
    assert gpu.ended == gpu.released == [(0, 1)]
    assert gpu.asked_for == [(0, 1), None]  # the second one is what brings the device's generator back


def test_that_there_is_nothing_to_give_back_is_no_error(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.errors = [INVALID, INVALID]
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "an id of a newer PyTorch")
    assert isinstance(record(step_of()), EagerEngine)
    assert gpu.released == []


def test_graphs_that_are_there_at_once_share_a_pool_and_the_next_ones_have_another(gpu: Gpu) -> None:
    first, second = record(step_of()), record(step_of())
    assert isinstance(first, CudaGraphEngine) and isinstance(second, CudaGraphEngine)
    assert gpu.asked_for == [(0, 1), (0, 1)]
    del first
    third = record(step_of())
    assert gpu.asked_for[-1] == (0, 1) and len(there_on(torch.device("cpu"))) == 2
    del second, third
    record(step_of())
    assert gpu.asked_for[-1] == (0, 2)


def test_without_memory_beside_other_graphs_it_is_for_the_worker_to_make_room(gpu: Gpu) -> None:
    other = record(step_of())
    gpu.errors = [FULL]
    with pytest.raises(torch.OutOfMemoryError, match="recording failed: CUDA out of memory"):
        record(step_of())
    del other


def test_an_error_that_leaves_the_device_unusable_is_not_hidden(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(device: torch.device) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    gpu.errors = [INVALID]
    monkeypatch.setattr(torch.cuda, "synchronize", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        record(step_of())


def test_an_old_gpu_computes_in_32_bits_and_says_so_where_others_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert [precision.effective(word, there) for word in ("tf32", "fp32", "bf16")] == ["fp32"] * 3
    assert precision.less_precise("tf32", there) == ""
    said = precision.less_precise("bf16", there)
    assert said == "bf16 needs a GPU of compute capability 8.0, and this one has 7.5: fp32 is used"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert precision.effective("bf16", there) == "bf16"
    assert precision.less_precise("bf16", there) == ""


def in_a_process_of_its_own(test: Callable[..., None]) -> Callable[..., None]:
    """What PyTorch was told of one kind of operations cannot be taken back; other tests read it."""

    @functools.wraps(test)
    def there(**values: object) -> None:
        child = os.fork()
        if child == 0:
            try:
                test(**values)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return there


newer_words = pytest.mark.skipif(
    not hasattr(torch.backends.cudnn, "conv") or not hasattr(os, "fork"),
    reason="PyTorch has these words from 2.9 on, and they are tried in a process of their own",
)

SWITCHES = {
    "convolutions": (torch.backends.cudnn, "conv"),
    "products": (torch.backends.cuda, "matmul"),
    "everything": (torch, "backends"),
}


@newer_words
@pytest.mark.parametrize("word", ["tf32", "ieee"])
@pytest.mark.parametrize("kind", SWITCHES)
@in_a_process_of_its_own
def test_what_somebody_has_set_by_pytorchs_newer_words_is_kept_and_no_error(kind: str, word: str) -> None:
    part = getattr(*SWITCHES[kind])
    usual, part.fp32_precision = part.fp32_precision, word
    try:
        _arithmetic_of_each_precision()
    finally:
        part.fp32_precision = usual


def _arithmetic_of_each_precision() -> None:
    there, products = torch.device("cuda", 0), torch.backends.cuda.matmul
    before = torch.backends.cudnn.conv.fp32_precision, products.fp32_precision
    for precision_word, convolutions in (("tf32", "tf32"), ("fp32", "ieee"), ("bf16", "tf32")):
        with precision.arithmetic(precision_word, there):
            assert torch.backends.cudnn.conv.fp32_precision == convolutions
            assert products.fp32_precision != "tf32"
    after = torch.backends.cudnn.conv.fp32_precision, products.fp32_precision
    assert [one == "tf32" for one in after] == [one == "tf32" for one in before]


@newer_words
@pytest.mark.parametrize("precision_word", ["tf32", "fp32"])
@pytest.mark.parametrize("asked", ["highest", "high", "medium"])
@in_a_process_of_its_own
def test_what_somebody_asked_of_products_can_still_be_read(
    asked: str, precision_word: precision.Precision
) -> None:
    products = torch.backends.cuda.matmul
    usual, word = torch.get_float32_matmul_precision(), products.fp32_precision
    torch.set_float32_matmul_precision(asked)
    set_by_it = products.fp32_precision
    try:
        with precision.arithmetic(precision_word, torch.device("cuda", 0)):
            assert products.fp32_precision != "tf32"
        assert (torch.get_float32_matmul_precision(), products.fp32_precision) == (asked, set_by_it)
    finally:
        torch.set_float32_matmul_precision(usual)
        products.fp32_precision = word


@newer_words
@in_a_process_of_its_own
def test_recurrent_layers_are_as_precise_as_convolutions() -> None:
    cudnn, usual = torch.backends.cudnn, torch.backends.cudnn.rnn.fp32_precision
    for word, wanted in (("fp32", "ieee"), ("tf32", "tf32"), ("bf16", "tf32")):
        with precision.arithmetic(word, torch.device("cuda", 0)):
            assert (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision) == (wanted, wanted)
        assert cudnn.rnn.fp32_precision == usual


@newer_words
@in_a_process_of_its_own
def test_where_nothing_has_to_be_set_nothing_is() -> None:
    # Once a word has been set, PyTorch raises when somebody reads an older switch that says something else.
    with precision.arithmetic("tf32", torch.device("cuda", 0)):
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.fp32_precision == "none"
        assert torch.get_float32_matmul_precision() == "highest"


@newer_words
@pytest.mark.parametrize("told_before", ["none", "tf32"])
@in_a_process_of_its_own
def test_a_word_to_all_operations_reaches_products_afterwards(told_before: str) -> None:
    everything, products = torch.backends, torch.backends.cuda.matmul
    usual, word = everything.fp32_precision, products.fp32_precision
    products.fp32_precision = "none"
    try:
        everything.fp32_precision = told_before
        with precision.arithmetic("fp32", torch.device("cuda", 0)):
            assert products.fp32_precision != "tf32"
        assert products.fp32_precision == told_before
        for later in ("ieee", "tf32"):
            everything.fp32_precision = later
            assert products.fp32_precision == later
    finally:
        everything.fp32_precision, products.fp32_precision = usual, word


def test_a_pytorch_without_these_words_has_its_switches_back_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Switches:
        allow_tf32 = True

    cudnn, products = Switches(), Switches()
    monkeypatch.setattr(torch.backends, "cudnn", cudnn)
    monkeypatch.setattr(torch.backends.cuda, "matmul", products)
    with pytest.raises(KeyError), precision.arithmetic("fp32", torch.device("cuda", 0)):
        assert (cudnn.allow_tf32, products.allow_tf32) == (False, False)
        raise KeyError
    assert (cudnn.allow_tf32, products.allow_tf32) == (True, True)


def test_a_processor_computes_in_bf16_only_where_it_multiplies_blocks_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, apple = torch.device("cpu"), torch.device("mps")
    monkeypatch.setattr(precision, "multiplies_blocks", lambda: True)
    assert [precision.effective(word, here) for word in ("tf32", "fp32", "bf16")] == ["fp32", "fp32", "bf16"]
    assert precision.less_precise("bf16", here) == ""
    assert precision.effective("bf16", apple) == "fp32" and "this is mps" in precision.less_precise(
        "bf16", apple
    )
    monkeypatch.setattr(precision, "multiplies_blocks", lambda: False)
    assert precision.effective("bf16", here) == "fp32"
    assert (precision.less_precise("tf32", here), precision.less_precise("bf16", here)) == (
        "", "bf16 needs a processor with AMX, and this one has none: fp32 is used",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "there"), [({"amx_bf16": True}, True), ({"amx_bf16": False}, False), ({}, False)]
)
def test_what_multiplies_blocks_is_asked_of_pytorch(
    told: dict[str, object], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert precision.multiplies_blocks.__wrapped__() is there


def test_a_pytorch_that_cannot_tell_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision.multiplies_blocks.__wrapped__() is False
    monkeypatch.setattr(precision, "multiplies_blocks", lambda: False)
    assert "PyTorch 2.10 or later" in precision.less_precise("bf16", torch.device("cpu"))


def test_a_pytorch_that_keeps_to_avx2_uses_no_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert precision.multiplies_blocks.__wrapped__() is False


def test_draws_of_another_kind_of_device_go_on_as_a_new_sequence_that_is_always_the_same() -> None:
    problem, split = parts()
    state = make_engine(Compute("eager"), SMALL, problem, split=split, seed=1).save()
    elsewhere = {**state, "draw": torch.arange(16, dtype=torch.uint8)}  # of a GPU: its seed and its offset
    one, other = (Step(SMALL, problem, split=split, seed=1, start=elsewhere) for _ in range(2))
    for mine, theirs in zip(after(one, 3), after(other, 3), strict=True):
        assert torch.equal(mine, theirs)
    fresh = after(Step(SMALL, problem, split=split, seed=1, start=state), 3)
    assert not torch.equal(after(one, 1)[0], fresh[0])
