"""Recorded fits on a GPU: several at once, put aside, dropped, saved and gone on with, and what a failure leaves."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from dipsearch.fitting import Compute, OngoingFit, Step, give_back_memory, pack, unpack
from dipsearch.fitting.cuda_graph import recorded
from dipsearch.network import Genome, Scale
from dipsearch.patches import HURRIED, answer
from dipsearch.problem import (
    Blur,
    Downsample,
    Fourier,
    Identity,
    LinearOperator,
    Mask,
    NoiseModel,
    Problem,
    Product,
    Radon,
    make_split,
)
from dipsearch.problem.operators import as_operator

from .test_engine import SMALL, needs_cuda, parts
from .test_loop import picture

pytestmark = [pytest.mark.gpu, needs_cuda]

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
LARGE = Genome(scales=(Scale(48, 48, channels_skip=4),) * 4, input_channels=16)


@pytest.fixture(autouse=True)
def deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of cuDNN's convolutions add in whatever order their blocks come; these fits are compared for long."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


def noisy(size: int) -> Problem:
    clean = picture(size, size)
    y = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    return Problem(
        y,
        Identity(),
        NoiseModel("gaussian", 0.1, "given"),
        tuple(clean.shape),
        observed=torch.ones(1, 1, size, size),
    )


def begun(genome: Genome = SMALL, size: int = 64, device: torch.device = GPU, **more: object) -> OngoingFit:
    """A fit in 32 bits, so that two ways to the same iteration can be compared."""
    problem = noisy(size)
    split = make_split(problem, seed=0).to(device)
    arguments = {"split": split, "seed": 3, "max_steps": 400, "compute": Compute("auto", "fp32")}
    return OngoingFit(genome, problem.to(device), **arguments | more)


def moved(one: OngoingFit, genome: Genome = SMALL, *, to: torch.device) -> OngoingFit:
    """It, as another process takes it up from its bytes."""
    (state,), _ = unpack(pack([one.state()], {}))
    return begun(genome, device=to, state=state)


def same(one: OngoingFit, other: OngoingFit) -> bool:
    ours, theirs = one.curves(), other.curves()
    return ours.step.tolist() == theirs.step.tolist() and bool(
        torch.allclose(torch.tensor(ours.loss), torch.tensor(theirs.loss), rtol=0.02)
    )


def reserved() -> int:
    gc.collect()
    give_back_memory("cuda")
    return torch.cuda.memory_reserved(GPU)


def test_a_fit_that_is_put_aside_keeps_its_graph_and_goes_on_as_if_nothing_had_been() -> None:
    alone, one, other = begun(), begun(), begun(LARGE)
    graph = one._engine._graph
    for _ in range(4):
        one.advance(20)
        other.advance(10)
        alone.advance(20)
    assert one._engine._graph is graph and one._engine.name == "cuda_graph"
    assert same(one, alone)


def test_a_graph_may_be_recorded_while_others_are_in_use() -> None:
    alone = begun()
    alone.advance(60)
    there = begun()
    there.advance(20)
    fits = []
    for size in (96, 64, 128):
        fits.append(begun(LARGE, size))
        fits[-1].advance(10)
        there.advance(10)
    there.advance(10)
    assert [one._engine.name for one in fits] == ["cuda_graph"] * 3
    assert same(there, alone)


def test_dropped_fits_free_their_memory() -> None:
    begun(LARGE, 256).advance(10)  # libraries keep what they take for themselves
    before = reserved()
    for size in (256, 192, 320, 256, 224):
        begun(LARGE, size).advance(10)
    assert reserved() <= before + 8 * 2**20


def test_fits_that_take_turns_need_the_memory_of_one() -> None:
    before = reserved()
    first = begun(LARGE, 512)
    first.advance(10)
    alone = reserved() - before
    others = [begun(LARGE, 512) for _ in range(2)]
    for one in (*others, first):
        one.advance(10)
    assert reserved() - before < 2 * alone


@pytest.mark.parametrize("width", [8, 24, 64])
@pytest.mark.parametrize("size", [48, 100, 256])
def test_candidates_of_changing_sizes_are_all_recorded(width: int, size: int) -> None:
    one = begun(replace(SMALL, scales=(Scale(width, width, channels_skip=2),) * 3), size)
    one.advance(20)
    assert (one.fit().engine, one.fit().notes) == ("cuda_graph", ())


def test_a_saved_fit_goes_on_in_another_process_as_in_this_one() -> None:
    one = begun()
    one.advance(40)
    other = moved(one, to=GPU)
    for fit in (one, other):
        fit.advance(40)
    assert other._engine.name == "cuda_graph" and same(one, other)


@pytest.mark.parametrize(("start", "end"), [(GPU, CPU), (CPU, GPU)], ids=["to the CPU", "to the GPU"])
def test_a_saved_fit_goes_on_on_another_kind_of_device(start: torch.device, end: torch.device) -> None:
    one = begun(device=start)
    one.advance(100)
    other = moved(one, to=end)
    other.advance(100)
    losses = other.curves().loss
    assert other.step == 200 and other.fit().image.device == end
    # It goes on from where it was, and not from the beginning.
    assert losses[10] < 1.3 * losses[9] and losses[10] < 0.5 * losses[0]


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_a_fit_runs_on_another_gpu_than_the_current_one() -> None:
    one, other = begun(), begun(device=torch.device("cuda", 1))
    for fit in (one, other):
        fit.advance(40)
    assert torch.cuda.current_device() == 0 and other.fit().image.device.index == 1
    assert other._engine.name == "cuda_graph" and same(one, other)


def failing(fails: Callable[[torch.Tensor], object]) -> Step:
    """A step of which one part cannot be recorded, though it can be made."""
    problem, split = parts("cuda:0", 64)
    step = Step(SMALL, problem, split=split, seed=0)
    original = step.average.update

    def update(output: torch.Tensor) -> None:
        if torch.cuda.is_current_stream_capturing():
            fails(output)
        original(output)

    step.average.update = update  # type: ignore[method-assign]
    return step


FAILURES = {
    "reads": lambda output: output.sum().item(),  # which no capture survives
    "needs too much": lambda output: torch.empty(2**50, dtype=torch.uint8, device=output.device),
    "raises": lambda output: (_ for _ in ()).throw(RuntimeError("no such kernel")),
    "raises something else": lambda output: (_ for _ in ()).throw(TypeError("no such layer")),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_capture_of_any_kind_leaves_a_working_process(kind: str) -> None:
    problem, split = parts("cuda:0", 64)
    reserved()
    stream = torch.cuda.current_stream(GPU)
    engine = recorded(failing(FAILURES[kind]), problem, split=split)
    assert engine.name == "eager" and engine.reason.startswith("recording failed: ")
    assert torch.cuda.current_stream(GPU) == stream
    assert not torch.cuda.is_current_stream_capturing()
    assert bool(torch.isfinite(torch.rand(8, device=GPU)).all())  # from the device's own generator
    first = engine.advance(10).loss
    assert engine.advance(60).loss < first
    again = begun()  # and the next one is recorded, beside it
    again.advance(20)
    assert again._engine.name == "cuda_graph"


@pytest.mark.parametrize("kind", FAILURES)
def test_failed_captures_leave_no_memory_behind(kind: str) -> None:
    problem, split = parts("cuda:0", 64)
    recorded(failing(FAILURES[kind]), problem, split=split).advance(2)
    before = reserved()
    for _ in range(5):
        recorded(failing(FAILURES[kind]), problem, split=split).advance(2)
    assert reserved() <= before + 4 * 2**20


def test_the_steps_after_a_failed_capture_are_those_of_an_eager_fit() -> None:
    problem, split = parts("cuda:0", 64)
    ours = recorded(failing(FAILURES["reads"]), problem, split=split)
    step = Step(SMALL, problem, split=split, seed=0)
    for _ in range(20):
        step()
    assert ours.advance(20).loss == pytest.approx(step.loss.item(), rel=1e-2)


def test_without_memory_beside_another_graph_the_worker_is_asked_to_make_room() -> None:
    there = begun()
    problem, split = parts("cuda:0", 64)
    with pytest.raises(torch.OutOfMemoryError, match="recording failed"):
        recorded(failing(FAILURES["needs too much"]), problem, split=split)
    there.advance(20)
    assert there.curves().loss[-1] > 0


def measured(operator: object, *, channels: int = 1) -> Problem:
    """A picture that some operator measured, with noise."""
    operator = as_operator(operator)
    clean = picture(64, 64)[:, :channels]
    y = operator.A(clean)
    seen = getattr(operator, "observed", torch.ones_like(y[:, :1]))
    y = (y + 0.02 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))) * seen
    return Problem(y, operator, NoiseModel("gaussian", 0.02, "given"), (1, channels, 64, 64), observed=seen)


HALF = (torch.rand(64, 64, generator=torch.Generator().manual_seed(1)) > 0.5).float()
SHAPE = (1, 1, 64, 64)
OPERATORS: dict[str, Callable[[], Problem]] = {
    "blur, circular": lambda: measured(Blur(torch.ones(5, 5) / 25)),
    "blur, reflected": lambda: measured(Blur(torch.ones(5, 5) / 25, border="reflect")),
    "Fourier": lambda: measured(Fourier(HALF)),
    "Fourier, complex": lambda: measured(Fourier(HALF, complex_image=True), channels=2),
    "Radon": lambda: measured(Radon(list(range(0, 180, 10)), SHAPE)),
    "product": lambda: measured(Product(Downsample(2, SHAPE), Blur(torch.ones(3, 3) / 9))),
    "downsample": lambda: measured(Downsample(2, SHAPE)),
    "mask": lambda: measured(Mask(HALF)),
    "a pair in PyTorch": lambda: measured(
        LinearOperator(lambda x: 2 * x, lambda y: 2 * y, image_shape=SHAPE)
    ),
}


def fitted_with(problem: Problem) -> OngoingFit:
    split = make_split(problem, seed=0).to(GPU)
    one = OngoingFit(SMALL, problem.to(GPU), split=split, seed=0, max_steps=400)
    one.advance(20)
    return one


@pytest.mark.parametrize("kind", OPERATORS)
def test_every_operator_is_recorded_and_answered_by_similar_patches(kind: str) -> None:
    problem = OPERATORS[kind]()
    one = fitted_with(problem)
    assert (one.fit().engine, one.fit().notes) == ("cuda_graph", ())
    losses = one.curves().loss
    assert losses[-1] < losses[0]
    left = iter(range(20))  # enough for a guess and some passes of patches
    found = answer(problem.to(GPU), settings=HURRIED, over=lambda: next(left, None) is None)
    assert found.device == GPU and found.shape == problem.image_shape and bool(found.isfinite().all())


def test_a_pair_in_numpy_is_fitted_eagerly_and_says_why() -> None:
    def flipped(x: torch.Tensor) -> object:
        return np.flip(x.numpy(), -1)

    done = fitted_with(measured(LinearOperator(flipped, flipped, image_shape=SHAPE))).fit()
    assert done.engine == "eager" and done.notes[0].startswith("recording failed: ")
