"""The search's gain: known against made, with a standard error where both outputs are at hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dipsearch.delivery.delivering import Member, deliver
from dipsearch.delivery.search_gain import SearchGain, search_gain
from dipsearch.network import Genome, Scale
from dipsearch.problem import Identity, NoiseModel, Problem, make_split
from dipsearch.trials.problem_files import SplitProblem
from dipsearch.trials.trial import Trial
from dipsearch.trials.trial_files import Output

SHAPE = (1, 3, 64, 64)


def picture() -> SplitProblem:
    y = 0.5 + 0.05 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    problem = Problem(y, Identity(), NoiseModel("gaussian", 0.05), SHAPE, observed=torch.ones(1, 1, 64, 64))
    return SplitProblem("cat", problem, make_split(problem, seed=0))


def image(error: float, *, seed: int) -> Tensor:
    return 0.5 + error * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def candidate(number: int, operator: str) -> Trial:
    genome = replace(Genome(), scales=(Scale(8, 8),), jitter=0.01 * number)
    return Trial(number, "complete", genome, genome.digest, 30.0 - number, operator=operator)


@pytest.mark.parametrize(("errors", "sign"), [((0.02, 0.03), -1), ((0.03, 0.02), 1)])
def test_the_better_one_is_told_with_its_standard_error(errors: tuple[float, float], sign: int) -> None:
    there = picture()
    members = [
        Member(n, Output(x, x), float(there.split.validation_mse(x)))
        for n, x in enumerate(image(e, seed=n) for n, e in enumerate(errors))
    ]
    best = [candidate(0, "known"), candidate(1, "crossover")]
    found = search_gain(best, [deliver(there, members)], [there])
    assert (found.known, found.made) == (0, 1)
    assert found.gain == pytest.approx(
        10 * math.log10(members[0].validation_mse / members[1].validation_mse), abs=1e-3
    )
    assert sign * found.gain > 2
    assert found.standard_error is not None and 0 < found.standard_error < 10


def test_without_the_outputs_the_scores_are_compared_and_no_error_is_told() -> None:
    found = search_gain([candidate(1, "random"), candidate(3, "known")], [], [])
    assert found == SearchGain(known=3, made=1, gain=2.0, standard_error=None)


def test_where_one_is_missing_nothing_is_compared() -> None:
    assert search_gain([candidate(2, "known")], [], []) == SearchGain(2, None)
    assert search_gain([candidate(2, "random")], [], []) == SearchGain(None, 2)
