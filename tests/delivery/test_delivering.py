"""What is delivered of several fits: ensembles, and the mean of what two splits led to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dipsearch.delivery.delivering import Delivery, Member, averaged, comparable, deliver, searched_members
from dipsearch.errors import StudyError
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Problem, make_split, psnr
from dipsearch.trials.problem_files import SplitProblem
from dipsearch.trials.trial import Trial
from dipsearch.trials.trial_files import Output

SHAPE = (1, 3, 32, 32)


def truth() -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 3, 32), indexing="ij")
    return torch.stack([0.5 + 0.3 * (rows + k).sin() * columns.cos() for k in range(3)])[None].float()


def off(seed: int, size: float) -> Tensor:
    """The truth with an error of its own."""
    return truth() + size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def half_missing(*, seed: int = 0) -> SplitProblem:
    observed = (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    noise = NoiseModel("none", None, "none")
    problem = Problem(truth() * observed, Mask(observed), noise, SHAPE, observed=observed)
    return SplitProblem("picture", problem, make_split(problem, seed=seed))


def noisy(*, seed: int = 0) -> SplitProblem:
    y = truth() + 0.1 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(6))
    problem = Problem(y, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=torch.ones(1, 1, 32, 32))
    return SplitProblem("picture", problem, make_split(problem, seed=seed))


def delivery_of(images: list[Tensor], picture: SplitProblem) -> Delivery:
    members = [
        Member(number, Output(image, image), float(picture.split.validation_mse(picture.problem.view(image))))
        for number, image in enumerate(images)
    ]
    return deliver(picture, members)


def test_unlike_members_of_like_quality_are_stacked_and_observed_pixels_put_back() -> None:
    picture = half_missing()
    found = delivery_of([off(1, 0.1), off(2, 0.1), off(3, 0.1)], picture)
    assert found.chosen == found.base == "stack"
    assert sum(found.used.values()) == pytest.approx(1)
    assert psnr(found.combined, truth()) > psnr(found.best_image, truth()) + 2
    seen = picture.problem.observed.bool().expand(SHAPE)
    assert torch.equal(found.image[seen], truth()[seen])
    assert not torch.allclose(found.judged[seen], truth()[seen])  # what is judged is as it was fitted


def test_where_the_score_is_blind_all_members_within_3_db_count_alike() -> None:
    shrinks = Downsample(2, SHAPE)
    problem = Problem(
        shrinks.A(truth()),
        shrinks,
        NoiseModel("none", None, "none"),
        SHAPE,
        observed=torch.ones(1, 1, 16, 16),
    )
    picture = SplitProblem("picture", problem, make_split(problem, seed=0))
    images = [off(1, 0.02), off(2, 0.021), off(3, 0.022), off(4, 0.08)]
    scores = [float(picture.split.validation_mse(picture.problem.view(image))) for image in images]
    members = comparable([Member(n, Output(images[n], images[n]), scores[n]) for n in range(4)])
    found = deliver(picture, members)
    assert found.chosen == "stack" and found.used == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3})
    assert torch.allclose(found.judged, sum(images[:3]) / 3)
    # Even where the score prefers one: of the detail that is sought it knows nothing.
    lucky = replace(members[0], validation_mse=found.ensemble.validation_mse / 2)
    assert deliver(picture, [lucky, *members[1:]]).chosen == "stack"


def test_nothing_to_deliver_is_an_error() -> None:
    with pytest.raises(StudyError, match="no candidate was fitted to picture"):
        deliver(half_missing(), [])


@pytest.mark.parametrize("make", [half_missing, noisy])
def test_the_mean_of_two_splits_is_delivered_where_it_is_better_than_either(make) -> None:  # type: ignore[no-untyped-def]
    first, second = make(seed=0), make(seed=1)
    one, other = delivery_of([off(1, 0.1)], first), delivery_of([off(2, 0.1)], second)
    both = averaged(one, other, first.problem)
    assert both.chosen == "stacks"
    assert both.base == "best"
    assert psnr(both.image, truth()) == pytest.approx(psnr(one.image, truth()) + 3, abs=0.5)
    assert both.second is other


def test_a_second_split_that_led_to_less_is_kept_out() -> None:
    first, second = half_missing(seed=0), half_missing(seed=1)
    one, other = delivery_of([off(1, 0.05)], first), delivery_of([off(2, 0.2)], second)
    both = averaged(one, other, first.problem)
    assert both.chosen == "best"
    assert both.image is one.image
    assert both.second is other


def test_what_both_have_in_common_cannot_be_averaged_away() -> None:
    first, second = half_missing(seed=0), half_missing(seed=1)
    one, same = delivery_of([off(1, 0.1)], first), delivery_of([off(1, 0.1)], second)
    both = averaged(one, replace(same), first.problem)
    # The two scores differ by luck only; half of that difference is all that a mean promises.
    assert psnr(both.image, truth()) == pytest.approx(psnr(one.image, truth()), abs=1e-4)


def test_an_ensemble_is_chosen_from_the_twelve_best(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    asked: list[int] = []

    def read(path, *, index):  # type: ignore[no-untyped-def]
        asked.append(int(path.parent.name))
        return Output(truth(), truth())

    monkeypatch.setattr("dipsearch.delivery.delivering.read_output", read)
    best = [Trial(number, "complete", estimated_psnr=30.0 - number) for number in range(20)]
    found = searched_members(tmp_path, best, half_missing(), index=0)
    assert asked == [member.number for member in found] == list(range(12))
