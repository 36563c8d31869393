"""Our network computes what the plain one computes: the equality that every fast form has to keep."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dipsearch.bench import NETWORKS
from dipsearch.bench.costs.memory_prediction import random_problem
from dipsearch.bench.costs.textbook import TextbookLoop, textbook_network
from dipsearch.errors import InputError
from dipsearch.fitting import Step
from dipsearch.network import Genome, Scale, build, make_input
from dipsearch.problem import whole

WIDE = Genome(scales=(Scale(48, 48), Scale(48, 52)), input_channels=48)  # takes every fast form at 56 × 48
SMALL = Genome(scales=(Scale(8, 8), Scale(12, 8)), input_channels=4, upsampling="nearest")


def gradients(network: torch.nn.Module, z: Tensor, y: Tensor) -> list[Tensor]:
    (network(z) - y).square().mean().backward()
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("genome", [WIDE, SMALL], ids=["wide", "small"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-4)])
def test_gradients_of_one_step_equal_those_of_the_plain_network(
    genome: Genome, dtype: torch.dtype, tolerance: float
) -> None:
    ours = build(genome, channels=3, seed=0)
    plain = textbook_network(genome, channels=3, like=ours).to(dtype)
    ours = ours.to(dtype)
    z = make_input(genome, height=56, width=48, seed=0).to(dtype)
    y = torch.rand(1, 3, 56, 48, generator=torch.Generator().manual_seed(0), dtype=dtype)
    pairs = list(zip(gradients(ours, z, y), gradients(plain, z.contiguous(), y), strict=True))
    assert len(pairs) == len(list(ours.parameters()))
    scale = max(float(theirs.abs().max()) for _, theirs in pairs)
    for mine, theirs in pairs:
        assert float((mine - theirs).abs().max()) <= tolerance * scale


def losses_of(genome: Genome, *, steps: int, perturbed: float = 0.0) -> tuple[list[float], list[float]]:
    problem = random_problem(32)
    step = Step(genome, problem, split=whole(problem), seed=0)
    like = build(genome, channels=3, seed=0)
    with torch.no_grad():
        next(like.parameters()).mul_(1 + perturbed)
    z = make_input(genome, height=32, width=32, seed=0)
    loop = TextbookLoop(genome, z, problem.y, like=like)
    ours, theirs = [], []
    for _ in range(steps):
        step()
        ours.append(step.loss.item())
        theirs.append(loop.step())
    return ours, theirs


def test_fifty_steps_diverge_no_more_than_two_references_that_differ_by_rounding() -> None:
    genome = Genome(scales=SMALL.scales, input_channels=4, jitter=0.0)
    ours, theirs = losses_of(genome, steps=50)
    _, nudged = losses_of(genome, steps=50, perturbed=1e-6)
    apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    noise = max(abs(a - b) for a, b in zip(nudged, theirs, strict=True))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
    assert apart <= max(2 * noise, 1e-4 * theirs[0])


def test_the_default_network_has_the_published_number_of_parameters() -> None:
    genome = NETWORKS["128x5"]
    plain = textbook_network(genome, channels=3, like=build(genome, channels=3, seed=0))
    assert sum(parameter.numel() for parameter in plain.parameters()) == 2_217_831


def test_a_network_that_no_notebook_has_is_refused() -> None:
    genome = Genome(norm="none")
    with pytest.raises(InputError, match="textbook loop knows"):
        textbook_network(genome, channels=3, like=build(genome, channels=3, seed=0))
