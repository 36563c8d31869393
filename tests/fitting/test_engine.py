"""Engines: the same step however it is run, and what it is measured by."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from dipsearch.fitting import Compute, Step, fit, make_engine
from dipsearch.fitting.cuda_graph import recorded, warm_up
from dipsearch.fitting.engine import EagerEngine
from dipsearch.network import Genome, OwnNetwork, Scale
from dipsearch.problem import Identity, NoiseModel, Problem, Split, make_split

SIZE = 24
SMALL = Genome(scales=(Scale(8, 8, channels_skip=2), Scale(12, 8, channels_skip=2)), input_channels=4)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def denoising(size: int = SIZE) -> Problem:
    y = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    seen = torch.ones(1, 1, size, size)
    return Problem(y, Identity(), NoiseModel("gaussian", 0.1, "given"), (1, 3, size, size), observed=seen)


def parts(device: str = "cpu", size: int = SIZE) -> tuple[Problem, Split]:
    problem = denoising(size)
    return problem.to(device), make_split(problem, seed=0).to(device)


def step_of(genome: Genome = SMALL, **changes: bool) -> Step:
    problem, split = parts()
    return Step(genome, problem, split=split, seed=1, **changes)


def after(step: Step, steps: int) -> list[torch.Tensor]:
    for _ in range(steps):
        step()
    return [*(value.detach().clone() for value in step.network.parameters()), *step.average.tensors()]


SHORT = Compute(precision="bf16")
VARIANTS = [
    dataclasses.replace(SMALL, **genes)
    for genes in (
        {},
        {"padding": "zero", "norm": "group", "upsampling": "bilinear"},
        {
            "padding": "replicate",
            "norm": "instance",
            "upsampling": "pixel_shuffle",
            "downsampling": "lanczos2",
        },
        {"upsampling": "transposed", "downsampling": "max", "activation": "elu"},
        {"upsampling": "bicubic", "downsampling": "average", "activation": "gelu", "norm": "none"},
    )
]


@pytest.fixture
def with_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any processor computes in bf16, if slowly, when it is told so."""
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: True)


@pytest.mark.usefixtures("with_amx")
@pytest.mark.parametrize("genome", VARIANTS)
def test_bf16_on_a_processor_makes_nearly_the_same_step(genome: Genome) -> None:
    problem, split = parts()
    short, long = (
        Step(genome, problem, split=split, seed=1, compute=compute) for compute in (SHORT, Compute())
    )
    short(), long()
    assert (short.precision, long.precision) == ("bf16", "fp32")
    assert short.output.dtype == short.loss.dtype == torch.float32
    assert not torch.equal(short.output, long.output)
    assert torch.allclose(short.output, long.output, atol=0.02)  # 8 bits, through some ten layers
    for mine, theirs in zip(short.network.parameters(), long.network.parameters(), strict=True):
        assert mine.dtype == torch.float32 and mine.grad is not None and theirs.grad is not None
    mine, theirs = (
        torch.cat([one.grad.flatten() for one in step.network.parameters() if one.grad is not None])
        for step in (short, long)
    )
    assert torch.cosine_similarity(mine, theirs, dim=0) > 0.98


@pytest.mark.usefixtures("with_amx")
def test_a_fit_in_bf16_says_so_and_goes_on_bit_for_bit() -> None:
    problem, split = parts()
    done = fit(SMALL, problem, split=split, seed=0, max_steps=20, compute=SHORT)
    assert done.precision == "bf16" and done.notes == () and done.curves.loss[-1] < done.curves.loss[0]
    straight, begun = (make_engine(SHORT, SMALL, problem, split=split, seed=0) for _ in range(2))
    straight.advance(20)
    begun.advance(10)
    resumed = make_engine(SHORT, SMALL, problem, split=split, seed=0, start=begun.save())
    resumed.advance(10)
    assert all(torch.equal(value, resumed.save()[name]) for name, value in straight.save().items())


@pytest.mark.usefixtures("with_amx")
def test_ones_own_network_may_end_in_short_numbers() -> None:
    problem, split = parts()
    module = torch.nn.Sequential(
        torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 3, 1)
    )
    own = OwnNetwork(module, torch.rand(1, 4, SIZE, SIZE))
    done = fit(own, problem, split=split, seed=0, max_steps=10, compute=SHORT)
    assert (
        done.image.dtype == torch.float32 and done.precision == "bf16" and bool(done.image.isfinite().all())
    )


@pytest.mark.usefixtures("with_amx")
def test_gradients_as_products_are_for_long_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.network.convolution._instruction_set", lambda: "AVX2")
    wide = dataclasses.replace(SMALL, scales=(Scale(64, 64, channels_skip=4),) * 2, input_channels=32)
    problem, split = parts(size=64)
    step = Step(wide, problem, split=split, seed=1, compute=SHORT)
    step()
    assert step.precision == "bf16" and bool(step.output.isfinite().all())
    gradients = [one.grad for one in step.network.parameters()]
    assert all(
        one is not None and one.dtype == torch.float32 and bool(one.isfinite().all()) for one in gradients
    )


def test_a_processor_without_it_says_why_it_computes_in_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: False)
    problem, split = parts()
    done = fit(SMALL, problem, split=split, seed=0, max_steps=2, compute=SHORT)
    assert done.precision == "fp32" and done.notes == (
        "bf16 needs a processor with AMX, and this one has none: fp32 is used",
    )
    graph = make_engine(Compute("cuda_graph", "bf16"), SMALL, problem, split=split, seed=0)
    assert graph.reason.startswith("CUDA graphs need") and graph.reason.endswith("fp32 is used")


def test_warming_up_and_restoring_leaves_weights_moments_average_and_draws_as_they_were() -> None:
    # This is what recording a CUDA graph does to a step; only the recording itself needs a GPU.
    fresh, warmed = step_of(), step_of()
    before = warmed.save()
    warm_up(warmed)
    addresses = [value.data_ptr() for value in warmed.network.parameters()]
    warmed.load(before)
    assert [value.data_ptr() for value in warmed.network.parameters()] == addresses
    for mine, theirs in zip(after(warmed, 5), after(fresh, 5), strict=True):
        assert torch.equal(mine, theirs)


def test_a_snapshot_in_the_middle_of_a_fit_restores_adams_moments_too() -> None:
    straight, detour = step_of(), step_of()
    after(straight, 4)
    after(detour, 4)
    before = detour.save()
    warm_up(detour)
    detour.load(before)
    for mine, theirs in zip(after(detour, 3), after(straight, 3), strict=True):
        assert torch.equal(mine, theirs)


def test_an_engine_makes_the_same_steps_however_often_it_is_read() -> None:
    problem, split = parts()
    often, once = (make_engine(Compute("eager"), SMALL, problem, split=split, seed=0) for _ in range(2))
    for _ in range(6):
        reading = often.advance(2)
    assert torch.equal(reading.image, once.advance(12).image)


def test_the_lean_way_gives_the_same_numbers_bit_for_bit() -> None:
    for mine, theirs in zip(after(step_of(compute=Compute(lean=True)), 4), after(step_of(), 4), strict=True):
        assert torch.equal(mine, theirs)


def test_asking_for_graphs_on_a_cpu_gives_eager_steps_and_the_reason() -> None:
    problem, split = parts()
    engine = make_engine(Compute("cuda_graph"), SMALL, problem, split=split, seed=0)
    assert isinstance(engine, EagerEngine)
    assert engine.reason == "CUDA graphs need a CUDA device, and this is cpu"
    assert make_engine(Compute(), SMALL, problem, split=split, seed=0).reason == ""


def test_a_fit_says_what_made_its_steps_and_in_which_precision() -> None:
    problem, split = parts()
    done = fit(SMALL, problem, split=split, seed=0, max_steps=2, compute=Compute("cuda_graph", "tf32"))
    assert (done.engine, done.precision) == ("eager", "fp32")
    assert done.notes == ("CUDA graphs need a CUDA device, and this is cpu",)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_a_recorded_step_gives_the_numbers_of_an_eager_one(
    upsampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some of cuDNN's convolutions add in whatever order their blocks come.
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    genome = dataclasses.replace(SMALL, upsampling=upsampling)
    problem, split = parts("cuda", 64)
    eager, graph = (
        make_engine(Compute(word, "fp32"), genome, problem, split=split, seed=0)
        for word in ("eager", "cuda_graph")
    )
    assert (graph.name, graph.reason) == ("cuda_graph", "")
    for _ in range(2):
        one, other = eager.advance(10), graph.advance(10)
        assert other.loss == pytest.approx(one.loss, rel=1e-6)
        assert torch.allclose(other.image, one.image, atol=1e-6)


@pytest.mark.gpu
@needs_cuda
def test_recording_leaves_the_global_switches_alone() -> None:
    problem, split = parts("cuda", 64)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    make_engine(Compute("cuda_graph", "fp32"), SMALL, problem, split=split, seed=0).advance(2)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before


@pytest.mark.gpu
@needs_cuda
def test_a_step_that_cannot_be_recorded_is_made_eagerly_and_says_why() -> None:
    problem, split = parts("cuda", 64)
    step = Step(SMALL, problem, split=split, seed=0)
    original = step.average.update

    def waits(output: torch.Tensor) -> None:
        output.sum().item()  # reading from the device cannot be recorded
        original(output)

    step.average.update = waits  # type: ignore[method-assign]
    engine = recorded(step, problem, split=split)
    assert engine.name == "eager"
    assert engine.reason.startswith("recording failed")
    assert engine.advance(3).loss > 0
