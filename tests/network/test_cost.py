"""Costs: counted without building, equal to what PyTorch counts, and turned into seconds."""

import random
from contextlib import nullcontext
from dataclasses import asdict
from importlib import import_module
from typing import NoReturn

import pytest
import torch

from dipsearch.network import Calibration, Generator, Genome, Scale, calibrate, cost
from dipsearch.network.convolution import Convolution
from dipsearch.network.gene_rules import WORDS
from dipsearch.network.peak_memory import memory_bytes

cost_module = import_module("dipsearch.network.cost")  # the room's name for it is its function's


def drawn(seed: int) -> Genome:
    pick = random.Random(seed)
    scales = []
    for _ in range(pick.randint(1, 3)):
        skip = pick.choice([0, 3])
        kernels = (pick.choice([1, 3, 5]), pick.choice([1, 3]))
        scales.append(
            Scale(
                pick.choice([5, 8]),
                pick.choice([6, 8]),
                *kernels,
                skip,
                pick.choice([1, 3]) if skip else None,
            )
        )
    words = {gene: pick.choice(allowed) for gene, allowed in WORDS.items()}
    bare = words["input_kind"] == "meshgrid"
    return Genome(
        tuple(scales),
        up_1x1=pick.random() < 0.5,
        input_channels=None if bare else 3,
        input_scale=None if bare else 0.1,
        pilot_scale=1.0 if words["input_kind"] == "pilot" else None,
        **words,  # type: ignore[arg-type]
    )


def counted_by_pytorch(genome: Genome, height: int, width: int) -> tuple[int, int, int]:
    """Parameters, multiply-adds (not of transposed convolutions) and bytes of saved pictures, on `meta`."""
    with torch.device("meta"):
        generator = Generator(genome, channels=3)
        z = torch.empty(1, genome.width_of_input(3), height, width)
    own = {parameter.untyped_storage()._cdata for parameter in generator.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}
    adds: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if tensor.ndim == 4 and storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    for module in generator.modules():
        if isinstance(module, Convolution):
            module.register_forward_hook(
                lambda module, _, y: adds.append(module.weight.numel() * y.shape[2] * y.shape[3])
            )
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        generator(z)
    parameters = sum(parameter.numel() for parameter in generator.parameters())
    return parameters, sum(adds), sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("seed", range(24))
def test_the_count_is_that_of_pytorch(seed: int) -> None:
    genome = drawn(seed)
    parameters, adds, saved = counted_by_pytorch(genome, 32, 64)
    counted = cost(genome, image_shape=(1, 3, 32, 64))
    assert counted.parameters == parameters
    assert abs(counted.saved_bytes - saved) <= 0.001 * saved  # the eight taps of Lanczos are not counted
    if genome.upsampling != "transposed":
        assert counted.multiply_adds == adds


def test_the_published_network_at_512_pixels() -> None:
    counted = cost(Genome(), image_shape=(1, 3, 512, 512))
    assert counted.parameters == 2_217_831
    assert 2 * counted.multiply_adds == pytest.approx(155.0e9, rel=0.001)
    assert counted.saved_bytes == pytest.approx(1.62e9, rel=0.01)
    assert counted.seconds_per_step is None


def test_the_image_is_padded_to_the_stride() -> None:
    genome = Genome((Scale(8, 8),) * 3)
    assert cost(genome, image_shape=(1, 3, 17, 9)) == cost(genome, image_shape=(1, 3, 24, 16))


def test_a_pilot_costs_as_much_as_the_channels_that_it_adds() -> None:
    scales, shape = (Scale(8, 8),) * 2, (1, 3, 16, 16)
    beside = Genome(scales, input_kind="pilot", input_channels=4, pilot_scale=1.0)
    plain, narrow = (Genome(scales, input_channels=channels) for channels in (7, 4))
    assert cost(beside, image_shape=shape) == cost(plain, image_shape=shape)
    assert memory_bytes(beside, image_shape=shape) == memory_bytes(plain, image_shape=shape)
    more = cost(beside, image_shape=shape).parameters - cost(narrow, image_shape=shape).parameters
    assert more == 3 * (8 * 3**2 + 4)  # the first convolution down, and the skip beside it


def test_a_calibration_turns_counts_into_seconds() -> None:
    rates = Calibration("cpu", 0.01, 0.001, 1e-9, 1e-10, 1e-8)
    counted = cost(Genome((Scale(8, 8),)), image_shape=(1, 3, 16, 16), calibration=rates)
    expected = (
        0.01 + 0.001 * counted.convolutions + 1e-9 * counted.multiply_adds
        + 1e-10 * counted.saved_bytes + 1e-8 * counted.parameters
    )  # fmt: skip
    assert counted.seconds_per_step == pytest.approx(expected)
    assert Calibration(**asdict(rates)) == rates


@pytest.mark.slow
def test_the_machine_is_measured_in_seconds_and_left_as_it_was() -> None:
    threads = torch.get_num_threads()
    rates = calibrate("cpu")
    assert torch.get_num_threads() == threads
    values = list(asdict(rates).values())[2:]
    assert min(values) >= 0 < max(values)  # which of them is zero depends on what else the machine was doing
    small, large = (
        cost(
            Genome((Scale(width, width),) * 4), image_shape=(1, 3, 128, 128), calibration=rates
        ).seconds_per_step
        for width in (16, 128)
    )
    assert small is not None and large is not None
    assert 0.003 < small < 2 and 4 * small < large < 400 * small


def test_a_step_that_cannot_be_recorded_is_measured_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs a GPU is a stand-in here."""
    made: list[str] = []

    def fails(*arguments: object, **more: object) -> NoReturn:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "a pool")
    monkeypatch.setattr(cost_module, "beside", lambda device: nullcontext())
    monkeypatch.setattr(cost_module, "capturing", fails)
    monkeypatch.setattr(cost_module, "recover", lambda device, pool: made.append(f"{pool} of {device}"))
    advance = cost_module._recorded(lambda: made.append("a step"), torch.device("cuda:1"))
    assert made == ["a step", "a pool of cuda:1"]
    advance()
    assert made[-1] == "a step"
