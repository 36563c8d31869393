"""A fit that is cut into slices, saved and gone on with is the fit that was never interrupted, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from dipsearch.errors import FormatError
from dipsearch.fitting import Ended, Fit, LowestVariance, OngoingFit, fit, fit_all_data, pack, unpack
from dipsearch.fitting.saved_step import DRAW, Changing
from dipsearch.network import Genome
from dipsearch.problem import Identity, NoiseModel, Problem, make_split

from .test_loop import inpainting, picture, piloted, tiny_genome

CPU = torch.device("cpu")


def ongoing(genome: Genome, problem: Problem, **more: object) -> OngoingFit:
    arguments = {"split": make_split(problem, seed=0), "seed": 3, "max_steps": 120, "keep_weights": True}
    return OngoingFit(genome, problem, **arguments | more)


def in_slices(genome: Genome, problem: Problem, sizes: list[int], **more: object) -> Fit:
    """Each slice in a process of its own, as far as it can tell."""
    part = ongoing(genome, problem, **more)
    for size in sizes:
        part.advance(size)
        (state,), _ = unpack(pack([part.state()], {}))
        part = ongoing(genome, problem, state=state, **more)
    part.advance(1000)
    return part.fit()


def denoising() -> Problem:
    clean, ones = picture(), torch.ones(1, 1, 24, 20)
    y = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    return Problem(y, Identity(), NoiseModel("gaussian", 0.1, "given"), tuple(clean.shape), observed=ones)


PROBLEMS = {"inpainting": inpainting(), "denoising": denoising()}


@cache
def whole_fit(name: str) -> Fit:
    """Without an interruption."""
    whole = ongoing(tiny_genome(), PROBLEMS[name])
    whole.advance(1000)
    return whole.fit()


@pytest.mark.parametrize(
    ("name", "sizes"),
    [*(("inpainting", sizes) for sizes in ([10], [30, 1, 50], [5] * 11, [119])), ("denoising", [30, 1, 50])],
)
def test_slices_make_the_same_fit_bit_for_bit(name: str, sizes: list[int]) -> None:
    expected, found = whole_fit(name), in_slices(tiny_genome(), PROBLEMS[name], sizes)
    assert torch.equal(expected.image, found.image)
    assert (expected.step, expected.ended, expected.validation_mse, expected.loss) == (
        found.step,
        found.ended,
        found.validation_mse,
        found.loss,
    )
    for name in ("step", "loss", "validation_mse"):
        assert np.array_equal(getattr(expected.curves, name), getattr(found.curves, name))
    assert expected.weights is not None and found.weights is not None
    for name, value in expected.weights.items():
        assert torch.equal(value, found.weights[name]), name


def test_the_same_holds_with_a_pilot_and_with_a_rule_that_watches_the_outputs() -> None:
    for more in ({"pilot": picture()}, {"rule": LowestVariance("windowed")}):
        genome = piloted() if "pilot" in more else tiny_genome()
        whole = ongoing(genome, inpainting(), **more)
        whole.advance(1000)
        assert torch.equal(whole.fit().image, in_slices(genome, inpainting(), [40, 40], **more).image)


def test_fitting_all_data_goes_on_from_a_resumed_fit_as_from_the_other() -> None:
    problem, split = inpainting(), make_split(inpainting(), seed=0)
    whole = fit(tiny_genome(), problem, split=split, seed=3, max_steps=120, keep_weights=True)
    sliced = in_slices(tiny_genome(), problem, [50, 20])
    images = [fit_all_data(done, tiny_genome(), problem, seed=3).full for done in (whole, sliced)]
    assert images[0] is not None and images[1] is not None and torch.equal(images[0], images[1])


def test_weights_that_were_just_chosen_are_written_once() -> None:
    part = ongoing(tiny_genome(), inpainting(), keep_weights=True)
    part.advance(40)
    just = part.state()
    assert just.weights is not None and part.fit().step in (20, 30, 40)
    packed = pack([just], {})
    ((again,), _) = unpack(packed)
    assert again.weights is not None and again.weights.keys() == just.weights.keys()
    assert all(torch.equal(value, again.weights[name]) for name, value in just.weights.items())
    apart = replace(just, weights=replace(just.weights))
    assert len(pack([apart], {})) > 1.5 * len(packed)


def test_a_slice_ends_at_a_check_point_and_the_fit_can_be_looked_at_there() -> None:
    part = ongoing(tiny_genome(), inpainting())
    part.advance(25)
    assert part.step == 30 and part.ended is None
    assert part.fit().step in (20, 30) and part.fit().ended is Ended.TIME
    part.advance(1, seconds=0.0)
    assert part.step == 40


def test_a_fit_that_is_over_stays_as_it_is() -> None:
    part = ongoing(tiny_genome(), inpainting(), max_steps=20)
    part.advance(50)
    assert part.ended is Ended.STEPS
    before = part.fit().image
    part.advance(50)
    assert part.step == 20 and torch.equal(part.fit().image, before)


def test_notes_travel_with_the_states_of_several_pictures() -> None:
    parts = [ongoing(tiny_genome(), inpainting()), ongoing(tiny_genome(), denoising())]
    for part in parts:
        part.advance(10)
    states, notes = unpack(pack([part.state() for part in parts], {"lean": True}))
    assert notes == {"lean": True} and [state.step for state in states] == [10, 10]


def test_the_check_points_of_a_state_have_the_names_of_its_format() -> None:
    part = ongoing(tiny_genome(), inpainting())
    part.advance(10)
    state = part.state()
    check = state.recent[0].check
    memory = replace(state.memory, checks=(check,), lowest=check)
    packed = pack([replace(state, memory=memory)], {})
    (words,) = json.loads(bytes(load(packed)["json"].numpy()))["fits"]
    for there in (words["checks"][0], words["memory"]["checks"][0], words["memory"]["lowest"]):
        assert list(there) == ["step", "loss", "validation_mse", "windowed", "moving", "parts"]
    assert str(unpack(packed)[0][0].memory) == str(memory)  # a NaN is not equal to itself


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64, torch.int64, torch.bool])
def test_numbers_of_any_kind_come_back_as_they_were(kind: torch.dtype) -> None:
    """A network of the user's may have weights of any kind, and scalars among them."""
    part = ongoing(tiny_genome(), inpainting())
    part.advance(10)
    state = part.state()
    values = {"own": torch.arange(6).reshape(2, 3).t().to(kind), "scalar": torch.tensor(1).to(kind)}
    steps = Changing({name: value for name, value in {**state.steps, **values}.items() if name != DRAW}, CPU)
    (found,), _ = unpack(pack([replace(state, steps=steps.saved(state.steps.draw.clone()))], {}))
    for name, value in {**state.steps, **values}.items():
        assert found.steps[name].dtype == value.dtype and torch.equal(found.steps[name], value), name


@pytest.mark.parametrize("damage", ["cut", "nothing", "other"])
def test_damaged_bytes_are_refused_in_words(damage: str) -> None:
    part = ongoing(tiny_genome(), inpainting())
    part.advance(10)
    packed = pack([part.state()], {})
    damaged = {"cut": packed[: len(packed) // 2], "nothing": b"", "other": b"{}" * 100}[damage]
    with pytest.raises(FormatError, match="the state of a fit cannot be read"):
        unpack(damaged)


def test_tensors_of_two_devices_are_copied_to_one() -> None:
    """Where Adam is not fused it counts its steps on the CPU."""
    there = {"weight": torch.ones(2, 3, device="meta"), "step": torch.tensor(7.0)}
    saved = Changing(there, torch.device("meta")).saved(torch.zeros(4, dtype=torch.uint8))
    assert saved["step"].device.type == "meta" and saved["weight"].shape == (2, 3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda there: there | {"0/steps/float32": there["0/steps/float32"].reshape(-1, 1)},
        lambda there: there | {"0/steps/float32": there["0/steps/float32"].double()},
        lambda there: there | {"0/steps/draw": there["0/steps/draw"].float()},
        lambda there: there | {"0/steps/layout": _bytes('[["loss", "float32", [Infinity]]]')},
        lambda there: there | {"0/steps/layout": _bytes("[" * 100_000)},
        lambda there: there | {"0/steps/layout": _bytes('[["a", "float32", [0]], ["a", "float32", [0]]]')},
        lambda there: {name: value for name, value in there.items() if name != "0/steps/draw"},
    ],
)
def test_a_damaged_state_is_refused_in_words(
    damage: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    part = ongoing(tiny_genome(), inpainting())
    part.advance(10)
    there = load(pack([part.state()], {}))
    assert unpack(save(there))[0][0].step == 10
    with pytest.raises(FormatError):
        unpack(save(damage(there)))


def _bytes(words: str) -> Tensor:
    return torch.frombuffer(bytearray(words.encode()), dtype=torch.uint8)
