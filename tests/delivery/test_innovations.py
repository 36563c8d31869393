"""Innovations: what was judged and what is delivered differ, and by how much is foreseen without the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.delivery.answers import COMBINED, Answer, Choice, choose
from dipsearch.delivery.innovations import innovation_products, sought
from dipsearch.problem import Identity, Mask, NoiseModel, Problem, make_split, psnr

SIDE = 64
SHAPE = (1, 3, SIDE, SIDE)


def truth() -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, SIDE), torch.linspace(0, 3, SIDE), indexing="ij")
    return torch.stack([0.5 + 0.3 * (rows + k).sin() * columns.cos() for k in range(3)])[None].float()


def error(seed: int, size: float) -> Tensor:
    return size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def half_missing() -> Problem:
    seen = (torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    return Problem(truth() * seen, Mask(seen), NoiseModel("none", None, "none"), SHAPE, observed=seen)


def noisy() -> Problem:
    y = truth() + error(100, 0.1)
    return Problem(y, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=torch.ones(1, 1, SIDE, SIDE))


LEFT, GAINED, OWN = error(1, 0.03), error(2, 0.03), error(3, 0.02)
"""The error that similar patches leave, what they gain by all of y, and the error of a network alone."""

PATCHES = truth() + LEFT - GAINED, truth() + LEFT
GONE_ON = truth() + 0.7 * LEFT - GAINED + OWN, truth() + 0.7 * LEFT + OWN
"""What was judged and what is delivered: of similar patches, and of a network that went on."""


def true_products(images: list[Tensor], where: Tensor) -> np.ndarray:
    rows = np.stack([(image - truth())[where.bool().expand(SHAPE)].double().numpy() for image in images])
    return np.asarray(rows @ rows.T / rows.shape[1])


@pytest.mark.parametrize("problem", [half_missing(), noisy()], ids=["half missing", "noisy"])
@pytest.mark.parametrize("went_on", [True, False])
def test_the_change_of_the_products_of_errors_is_foreseen_without_the_truth(
    problem: Problem, went_on: bool
) -> None:
    judged = [PATCHES[0], GONE_ON[0]]
    delivered = [PATCHES[1], GONE_ON[1] if went_on else GONE_ON[0]]
    found = innovation_products(judged, delivered, PATCHES[1], problem)
    where = sought(problem)
    change = true_products(delivered, where) - true_products(judged, where)
    assert found == pytest.approx(change, abs=1e-4)
    # Of the network's own error nothing changes where it did not go on.
    assert (found[1, 1] == pytest.approx(0.0, abs=1e-12)) is not went_on
    assert change[0, 0] < -5e-4


def test_where_nothing_is_sought_nothing_changes() -> None:
    seen = torch.ones(1, 1, SIDE, SIDE)
    problem = Problem(truth(), Mask(seen), NoiseModel("none", None, "none"), SHAPE, observed=seen)
    assert not innovation_products([PATCHES[0]], [PATCHES[1]], PATCHES[1], problem).any()


def delivered(network: tuple[Tensor, Tensor], problem: Problem, *, made: str = "as usual") -> Choice:
    answers = [Answer("first", *PATCHES, 1.0, made), Answer("best", *network, 2.0)]  # type: ignore[arg-type]
    return choose(answers, problem, split=make_split(problem, seed=0), seconds=3.0)


@pytest.mark.parametrize("problem", [half_missing(), noisy()], ids=["half missing", "noisy"])
def test_a_network_that_had_no_time_to_go_on_gets_a_smaller_share(problem: Problem) -> None:
    after, without = (delivered((GONE_ON[0], image), problem) for image in (GONE_ON[1], GONE_ON[0]))
    assert without.shares.get("best", 0.0) < after.shares["best"] - 0.05
    assert psnr(without.answer.image, truth()) > psnr(without.answers[0].image, truth()) - 0.1
    assert after.chosen == COMBINED
    assert psnr(after.answer.image, truth()) > psnr(after.answers[0].image, truth()) + 0.2


@pytest.mark.parametrize("problem", [half_missing(), noisy()], ids=["half missing", "noisy"])
def test_estimates_are_those_of_what_is_delivered(problem: Problem) -> None:
    found = delivered((GONE_ON[0], GONE_ON[0]), problem)
    estimates = {
        answer.name: one.estimated_psnr for answer, one in zip(found.answers, found.found, strict=True)
    }
    images = {"first": PATCHES[1], "best": GONE_ON[0]}
    true = {
        name: -10 * np.log10(true_products([image], sought(problem))[0, 0]) for name, image in images.items()
    }
    # What is luck of the score they have in common.
    assert estimates["first"] - estimates["best"] == pytest.approx(true["first"] - true["best"], abs=0.3)
    assert -10 * np.log10(found.validation_mse) == pytest.approx(estimates[found.chosen], abs=1e-4)
    judged = -10 * np.log10(true_products([PATCHES[0]], sought(problem))[0, 0])
    assert true["first"] > judged + 2.5


def test_a_first_answer_that_was_made_in_haste_says_nothing_of_what_all_data_bring() -> None:
    problem = half_missing()
    split = make_split(problem, seed=0)
    found = delivered((GONE_ON[0], GONE_ON[1]), problem, made="hurried")
    plain = [float(split.validation_mse(one.judged)) for one in found.answers]
    assert [one.estimated_psnr for one in found.found] == pytest.approx(
        [-10 * np.log10(mse) for mse in plain], abs=1e-4
    )


class TestANoisyPartOfAPicture:
    @staticmethod
    def problem() -> Problem:
        seen = torch.zeros(1, 1, SIDE, SIDE)
        seen[..., : SIDE // 2] = 1
        y = torch.where(seen.bool(), truth() + error(100, 0.1), truth())
        return Problem(y, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=seen)

    @pytest.mark.parametrize(("before", "after"), [(0.05, 0.25), (0.25, 0.05)])
    def test_what_networks_have_beside_it_is_not_looked_at(self, before: float, after: float) -> None:
        problem = self.problem()
        beside = 1 - problem.observed
        split = make_split(problem, seed=0)
        assert bool((sought(problem) == problem.observed).all())

        def chosen(strange: bool) -> Choice:
            network = [GONE_ON[0] + strange * before * beside, GONE_ON[1] + strange * after * beside]
            return choose(
                [Answer("first", *PATCHES, 1.0), Answer("best", network[0], network[1], 1.0)],
                problem,
                split=split,
                seconds=1.0,
            )

        plain, odd = chosen(False), chosen(True)
        assert odd.validation_mse == pytest.approx(plain.validation_mse)
        assert odd.shares == pytest.approx(plain.shares)


def test_an_error_below_nothing_is_luck_and_corrects_nothing() -> None:
    problem = noisy()
    split = make_split(problem, seed=0)
    network = truth() + 5 * LEFT, truth()
    found = choose(
        [Answer("first", truth() + 0.1 * LEFT, truth(), 1.0), Answer("best", *network, 1.0)],
        problem,
        split=split,
        seconds=1.0,
    )
    assert found.validation_mse == pytest.approx(
        float(split.validation_mse(problem.view(truth() + 0.1 * LEFT))), abs=1e-4
    )
