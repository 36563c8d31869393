"""Warm weights: read back, fitted to other pictures, resumed bit for bit, and refused where they do not fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from dipsearch.errors import FormatError
from dipsearch.fitting import OngoingFit, StepState, fit, pack, unpack
from dipsearch.library import preset
from dipsearch.library.warm_weights import (
    AUTO,
    FOLDER,
    SUFFIX,
    begins_warm,
    read_warm_weights,
    warm_name,
    warm_names,
    warm_state,
    weights_for,
    write_warm_weights,
)
from dipsearch.library.warm_words import cold_words, warm_words
from dipsearch.network import Genome, build
from dipsearch.problem import Mask, NoNoise, Problem, make_split

NAME = "dipsearch_pilot_16"


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights for one preset."""
    folder = tmp_path_factory.mktemp("warm")
    tensors = dict(build(preset(NAME), channels=3, seed=7).state_dict())
    write_warm_weights(folder / f"{NAME}{SUFFIX}", tensors, notes={"course": "none"})
    return folder


def measured(channels: int = 3, side: int = 32) -> Problem:
    picture = torch.linspace(0, 1, side * side).reshape(1, 1, side, side).expand(1, channels, side, side)
    picture = (
        picture * torch.tensor([1.0, 0.9, 0.8])[:channels, None, None]
    )  # equal ones are worked on as one
    observed = (torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    return Problem(picture[0].permute(1, 2, 0).numpy(), Mask(observed), NoNoise())


def ongoing(start: StepState | None, problem: Problem, **more: object) -> OngoingFit:
    split = make_split(problem, seed=0)
    return OngoingFit(
        preset(NAME),
        problem,
        split=split,
        seed=3,
        max_steps=40,
        start=start,
        pilot=torch.full(problem.image_shape, 0.5),
        **more,  # type: ignore[arg-type]
    )


def test_weights_are_read_back_in_half_precision(learnt: Path) -> None:
    found = read_warm_weights(learnt / f"{NAME}{SUFFIX}")
    begun = build(preset(NAME), channels=3, seed=7).state_dict()
    assert found.name == NAME and set(found.tensors) == set(begun)
    assert all(torch.equal(found.tensors[name], value.half().float()) for name, value in begun.items())


def test_they_fit_whatever_the_settings_of_the_fit_and_nothing_else(learnt: Path) -> None:
    genome = preset(NAME)
    assert warm_names(learnt) == (NAME,)
    for network, channels, fits in (
        (genome, 3, True),
        (replace(genome, learning_rate=0.02, jitter=0.01), 1, True),
        (replace(genome, norm="instance"), 3, False),
        (preset("dipsearch_pilot_32"), 3, False),
        (genome, 2, False),
    ):
        assert (weights_for(network, channels=channels, folder=learnt) is not None) is fits
    with pytest.raises(FormatError, match=r"has none for its network.*--start cold"):
        warm_state(preset("dipsearch_pilot_32"), channels=3, folder=learnt)


def test_a_grey_picture_is_one_of_three_equal_colours(learnt: Path) -> None:
    genome = preset(NAME)
    state = {n.removeprefix("network."): v for n, v in warm_state(genome, channels=3, folder=learnt).items()}
    for name in ("head.weight", "head.bias"):  # with equal heads the mean of the colours is each of them
        state[name] = state[name].mean(dim=0, keepdim=True).expand_as(state[name]).contiguous()
    coloured, grey = build(genome, channels=3, seed=0), build(genome, channels=1, seed=0)
    coloured.load_state_dict(state)
    found = warm_state(genome, channels=1, folder=learnt)
    grey.load_state_dict({name.removeprefix("network."): value for name, value in found.items()})
    noise, pilot = torch.rand(1, 16, 32, 32), torch.rand(1, 1, 32, 32)

    def seen(network: torch.nn.Module, *parts: Tensor) -> Tensor:
        result: Tensor = network(torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last))
        return result

    assert genome.input_channels == 16
    difference = seen(coloured, noise, pilot, pilot, pilot)[:, :1] - seen(grey, noise, pilot)
    assert difference.abs().max() < 1e-4


def test_a_warm_fit_differs_from_a_cold_one_repeats_and_goes_on_bit_for_bit(learnt: Path) -> None:
    problem = measured()
    start = warm_state(preset(NAME), channels=3, folder=learnt)
    through = ongoing(start, problem)
    through.advance(40)
    again = ongoing(start, problem)
    again.advance(20)
    states, _ = unpack(pack([again.state()], {}))
    resumed = ongoing(start, problem, state=states[0])
    resumed.advance(20)
    assert torch.equal(through.fit().image, resumed.fit().image)
    assert through.curves().loss.tolist() == resumed.curves().loss.tolist()
    cold = fit(
        preset(NAME),
        problem,
        split=make_split(problem, seed=0),
        seed=3,
        max_steps=10,
        pilot=torch.full(problem.image_shape, 0.5),
    )
    assert cold.curves.loss[0] != through.curves().loss[0]


@pytest.mark.parametrize("damage", ["cut off", "another network", "not finite", "no preset"])
def test_damaged_weights_are_refused_in_a_sentence(damage: str, learnt: Path, tmp_path: Path) -> None:
    content = (learnt / f"{NAME}{SUFFIX}").read_bytes()
    tensors = dict(read_warm_weights(learnt / f"{NAME}{SUFFIX}").tensors)
    file = tmp_path / f"{NAME}{SUFFIX}"
    if damage == "cut off":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "another network":
        file.write_bytes(save({name: value for name, value in tensors.items() if "head" not in name}))
    elif damage == "not finite":
        file.write_bytes(save(tensors | {"head.bias": torch.full((3,), float("nan"))}))
    else:
        file = tmp_path / f"nobody{SUFFIX}"
        file.write_bytes(content)
    with pytest.raises(FormatError, match=r"cannot be used .*--start cold"):
        read_warm_weights(file)


def test_what_is_shipped_can_be_read_and_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.glob("*")) <= 3_000_000
    assert {read_warm_weights(FOLDER / f"{name}{SUFFIX}").name for name in warm_names()} == set(warm_names())
    assert {file.name.removesuffix(SUFFIX) for file in FOLDER.glob(f"*{SUFFIX}")} == set(warm_names())


def test_auto_begins_warm_only_where_that_was_measured() -> None:
    assert begins_warm("warm", "sr") and not begins_warm("cold", "denoise")
    assert [begins_warm("auto", task) for task in ("denoise", "inpaint", "sr", "deblur")] == [
        task in AUTO for task in ("denoise", "inpaint", "sr", "deblur")
    ]
    assert warm_name("cold", preset(NAME), task="denoise", channels=3) is None


def test_what_begins_cold_is_said() -> None:
    queue = [("small", Genome())]
    assert warm_words("cold", queue, task="sr", channels=[3]) == ""
    assert "all begin cold" in warm_words("warm", queue, task="sr", channels=[3])
    assert "begins cold" in cold_words(Genome())
