"""The choice among the answers: the better one, a mixture where that is better, and the simpler one of equals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dipsearch.delivery.answers import COMBINED, Answer, Choice, choose, only
from dipsearch.delivery.picture_outputs import answer_rows
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Problem, make_split, psnr
from dipsearch.trials.problem_files import SplitProblem

SHAPE = (1, 3, 32, 32)
NO_NOISE = NoiseModel("none", None, "none")


def truth() -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 3, 32), indexing="ij")
    return torch.stack([0.5 + 0.3 * (rows + k).sin() * columns.cos() for k in range(3)])[None].float()


def error(seed: int, size: float) -> Tensor:
    return size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def noisy() -> SplitProblem:
    y = truth() + error(100, 0.1)
    problem = Problem(y, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=torch.ones(1, 1, 32, 32))
    return SplitProblem("picture", problem, make_split(problem, seed=0))


def half_missing() -> SplitProblem:
    observed = (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    noise = NoiseModel("none", None, "none")
    problem = Problem(truth() * observed, Mask(observed), noise, SHAPE, observed=observed)
    return SplitProblem("picture", problem, make_split(problem, seed=0))


def answer(name: str, off: Tensor, *, seconds: float = 3.0) -> Answer:
    return Answer(name, truth() + off, truth() + off, seconds)


def chosen(*answers: Answer, picture: SplitProblem | None = None) -> Choice:
    given = picture or noisy()
    return choose(answers, given.problem, split=given.split, seconds=9.0)


@pytest.mark.parametrize("better", ["first", "polished"])
def test_where_one_has_all_the_errors_of_the_other_and_more_the_better_one_is_delivered(better: str) -> None:
    # The same error at two sizes: no mixture of both is better than the smaller one.
    sizes = {"first": 0.06, "polished": 0.06} | {better: 0.03}
    found = chosen(*(answer(name, error(1, size)) for name, size in sizes.items()))
    assert found.chosen == better
    assert found.shares == {better: 1.0}
    assert found.answer.seconds == 3.0
    split = noisy().split
    assert found.validation_mse == pytest.approx(float(split.validation_mse(truth() + error(1, 0.03))))
    assert found.validation_mse < float(split.validation_mse(truth() + error(1, 0.06))) - 1e-3


def test_answers_with_errors_of_their_own_are_mixed() -> None:
    found = chosen(answer("first", error(1, 0.05)), answer("polished", error(2, 0.05)))
    assert found.chosen == COMBINED
    assert sum(found.shares.values()) == pytest.approx(1)
    assert min(found.shares.values()) > 0.25
    assert psnr(found.answer.image, truth()) > psnr(found.answers[0].image, truth()) + 2
    mixed = sum(share * one.image for one, share in zip(found.answers, found.shares.values(), strict=False))
    assert torch.allclose(found.answer.image, mixed, atol=1e-6)
    assert found.answer.seconds == 9.0  # of the choice
    assert found.found[-1].standard_error == 0.0  # it is the best one, and compared with itself


def test_what_was_observed_exactly_is_in_the_mixture() -> None:
    picture = half_missing()
    found = chosen(answer("first", error(1, 0.05)), answer("polished", error(2, 0.05)), picture=picture)
    assert found.chosen == COMBINED
    seen = picture.problem.observed.bool().expand(SHAPE)
    assert torch.equal(found.answer.image[seen], truth()[seen])


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_delivered_that_the_score_says_is_worse_than_the_first_answer(seed: int) -> None:
    sizes = torch.rand(3, generator=torch.Generator().manual_seed(seed)) * 0.08 + 0.01
    names = ("first", "best", "polished")
    answers = [
        answer(name, error(seed + i, float(size)))
        for i, (name, size) in enumerate(zip(names, sizes, strict=True))
    ]
    picture = noisy()
    found = chosen(*answers, picture=picture)
    alone = float(picture.split.validation_mse(picture.problem.view(answers[0].judged)))
    assert found.validation_mse <= alone + 1e-7
    assert found.validation_mse == pytest.approx(
        float(picture.split.validation_mse(picture.problem.view(found.answer.judged)))
    )


@pytest.mark.parametrize("part", ["judged", "image"])
def test_what_is_not_finite_is_left_out(part: str) -> None:
    broken = torch.full(SHAPE, float("nan"))
    other = truth() + error(2, 0.01)
    images = {"judged": other, "image": other} | {part: broken}
    found = chosen(answer("first", error(1, 0.05)), Answer("polished", seconds=4.0, **images))
    assert [one.name for one in found.answers] == ["first"]
    assert (found.chosen, found.shares) == ("first", {"first": 1.0})


def test_of_equals_the_simpler_one_is_delivered_in_whatever_order_they_come() -> None:
    same = [answer(name, error(1, 0.05)) for name in ("polished", "best", "first")]
    found = chosen(*same)
    assert [one.name for one in found.answers][:3] == ["first", "best", "polished"]
    assert found.chosen == "first"
    assert found.shares == {"first": 1.0}


def test_without_a_first_answer_the_networks_are_delivered() -> None:
    found = chosen(answer("best", error(1, 0.05)))
    assert (found.chosen, found.shares) == ("best", {"best": 1.0})


@pytest.mark.parametrize(("size", "better"), [(0.02, "ensemble"), (0.09, "first")])
def test_before_networks_are_polished_they_are_mixed_with_the_first_answer_as_the_score_says(
    size: float, better: str
) -> None:
    answers = answer("first", error(1, 0.05)), answer("ensemble", error(2, size))
    found = chosen(*answers, picture=half_missing())
    assert found.shares[better] > 0.6
    assert (
        psnr(found.answer.image, truth()) > max(psnr(one.image, truth()) for one in found.answers[:2]) - 0.3
    )


def test_a_blind_score_leaves_the_usual_shares_alone_unless_the_first_answer_is_better() -> None:
    x, small = truth(), (1, 1, 16, 16)
    problem = Problem(
        Downsample(2, SHAPE).A(x), Downsample(2, SHAPE), NO_NOISE, SHAPE, observed=torch.ones(small)
    )
    picture = SplitProblem("picture", problem, make_split(problem, seed=0))
    assert picture.split.indirect
    names = ("first", "ensemble", "polished")
    found = chosen(*(answer(name, error(i, 0.02)) for i, name in enumerate(names)), picture=picture)
    assert found.chosen == COMBINED
    assert found.shares == pytest.approx(dict(zip(names, (0.25, 0.25, 0.5), strict=True)))
    found = chosen(answer("first", error(0, 0.01)), answer("ensemble", error(1, 0.2)), picture=picture)
    assert found.shares == {"first": 1.0}
    # Two decibels behind: half of it makes the first answer worse in what is seen.
    same = error(0, 0.02)
    found = chosen(answer("first", same), answer("ensemble", 1.26 * same), picture=picture)
    assert (found.chosen, found.shares) == ("first", {"first": 1.0})


def test_an_only_answer_is_delivered_unjudged() -> None:
    found = only(answer("first", error(1, 0.05)), noisy().problem)
    assert (found.chosen, found.shares) == ("first", {"first": 1.0})
    assert found.validation_mse != found.validation_mse and found.found[0].standard_error is None


def test_noise_that_was_cut_leaves_no_bias_in_what_is_delivered_and_is_judged_with_it() -> None:
    dark = torch.full(SHAPE, 0.02)
    y = (dark + error(100, 0.1)).clamp(0, 1)
    problem = Problem(y, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=torch.ones(1, 1, 32, 32))
    split = make_split(problem, seed=0)
    mean = torch.full(SHAPE, float(y.mean()))
    assert float(mean.mean()) > 0.045  # what a perfect filter of y gives
    found = choose([Answer("first", mean, mean, 1.0)], problem, split=split, seconds=2.0)
    assert float(found.answer.image.mean()) == pytest.approx(0.02, abs=0.004)
    assert torch.equal(found.answer.judged, mean)
    assert only(Answer("first", mean, mean, 1.0), problem).answer.image.equal(found.answer.image)
    # A measurement that was not cut has no bias.
    assert torch.equal(chosen(answer("first", error(1, 0.0))).answer.image, truth())


def test_photons_that_were_cut_at_white_leave_no_bias_and_at_black_none_is_taken_out() -> None:
    def delivered(level: float) -> float:
        generator = torch.Generator().manual_seed(1)
        y = (torch.poisson(torch.full(SHAPE, 20 * level), generator=generator) / 20).clamp(0, 1)
        problem = Problem(
            y, Identity(), NoiseModel("poisson", gain=1 / 20), SHAPE, observed=torch.ones(1, 1, 32, 32)
        )
        mean = torch.full(SHAPE, float(y.mean()))
        return float(only(Answer("first", mean, mean, 1.0), problem).answer.image.mean())

    assert delivered(0.95) == pytest.approx(0.95, abs=0.02)  # their mean is 0.88
    assert delivered(0.05) == pytest.approx(0.05, abs=0.004)


def test_the_gain_of_what_is_delivered_has_a_standard_error_of_its_own() -> None:
    found = chosen(answer("first", error(1, 0.2)), answer("polished", error(2, 0.2)))
    names = [one.name for one in found.answers]
    assert found.chosen == COMBINED and found.fitted
    apart = dict(zip(names, found.beside_first, strict=True))
    assert apart["first"] == 0
    # The mixture is nearer to the first answer, of which it holds a part, than the polished one is.
    assert 0 < (apart[COMBINED] or 0) < (apart["polished"] or 0)
    row = next(row for row in answer_rows(found, None) if row["name"] == COMBINED)
    assert (row["error_beside_first"], row["flattered"]) == (pytest.approx(apart[COMBINED], abs=1e-4), True)


def test_without_a_first_answer_there_is_nothing_that_is_gained() -> None:
    found = chosen(answer("best", error(1, 0.05)))
    assert (found.beside_first, found.fitted) == ((), False)
    assert answer_rows(found, None)[0]["error_beside_first"] is None
