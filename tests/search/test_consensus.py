"""The consensus: it decides where scores are blind, and only there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dipsearch.network import Genome, Scale
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Problem, make_split
from dipsearch.search import Evaluation
from dipsearch.search.candidate import Output
from dipsearch.search.consensus import consensus_errors
from dipsearch.search.delivering import Member, deliver
from dipsearch.search.finalists import verdict_on_first, verdict_on_second
from dipsearch.search.prepared import Prepared

SHAPE = (1, 3, 96, 96)


def candidate(number: int) -> Evaluation:
    genome = Genome(scales=(Scale(8, 8),))
    return Evaluation(number, "complete", genome, genome.digest, 30.0 - number, step=100, seconds=10.0)


def truth() -> Tensor:
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.interpolate(coarse, size=SHAPE[-2:], mode="bicubic").clamp(0, 1)


def enlarged(*, seed: int = 0) -> Prepared:
    operator = Downsample(4, SHAPE)
    noise = NoiseModel("none", None, "none")
    y = operator.A(truth())
    problem = Problem("sr", y, operator, noise, SHAPE, torch.ones(1, 1, 24, 24))
    return Prepared("cat", problem, make_split(problem, seed=seed))


def detail(size: float, *, seed: int) -> Tensor:
    """The truth with wrong detail that a measurement at a quarter of the size does not show."""
    wrong, operator = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)), Downsample(4, SHAPE)
    rows, columns = torch.linalg.pinv(operator.rows), torch.linalg.pinv(operator.columns)
    return truth() + size * (wrong - rows @ operator.A(wrong) @ columns.mT)


def flat(size: float) -> Tensor:
    return truth() + size


def members(images: list[Tensor], picture: Prepared) -> list[Member]:
    return [
        Member(n, Output(image, image), float(picture.split.score(picture.problem.view(image))))
        for n, image in enumerate(images)
    ]


def ranked(found: list[Member]) -> list[Evaluation]:
    return [candidate(member.number) for member in sorted(found, key=lambda member: member.score)]


def noisy(*, sigma: float = 0.05) -> Prepared:
    y = truth() + sigma * torch.randn(SHAPE, generator=torch.Generator().manual_seed(8))
    ones = torch.ones(1, 1, 96, 96)
    problem = Problem("denoise", y, Identity(), NoiseModel("gaussian", sigma, "given"), SHAPE, ones)
    return Prepared("cat", problem, make_split(problem, seed=0))


def errors_of(images: list[Tensor], picture: Prepared) -> list[float]:
    found = consensus_errors(images, picture.problem, split=picture.split)
    assert found is not None
    return found


def test_the_error_is_half_the_score_and_the_distance_to_the_mean() -> None:
    picture, images = noisy(), [flat(value) for value in (0.024, 0.028, 0.032)]
    scores = [float(picture.split.score(image)) for image in images]
    expected = [
        score / 2 + (value - 0.028) ** 2 for score, value in zip(scores, (0.024, 0.028, 0.032), strict=True)
    ]
    assert errors_of(images, picture) == pytest.approx(expected, abs=1e-6)


def test_of_an_enlargement_the_score_counts_by_the_share_that_it_sees() -> None:
    picture, images = enlarged(), [flat(value) for value in (0.024, 0.028, 0.032)]
    share = picture.split.share
    assert share == pytest.approx(0.1, abs=0.01)
    expected = [share * value**2 + (value - 0.028) ** 2 for value in (0.024, 0.028, 0.032)]
    assert errors_of(images, picture) == pytest.approx(expected, rel=0.02)


def test_measured_pixels_have_no_say_in_the_distance() -> None:
    observed = torch.ones(1, 1, 96, 96)
    observed[..., 24:72, 24:72] = 0
    problem = Problem(
        "inpaint", truth() * observed, Mask(observed), NoiseModel("none", None, "none"), SHAPE, observed
    )
    picture = Prepared("cat", problem, make_split(problem, seed=0))
    images = [flat(value) for value in (0.024, 0.028, 0.032)]
    elsewhere = [image + 0.3 * observed * (1 - picture.split.score_weight) for image in images]
    assert errors_of(elsewhere, picture) == pytest.approx(errors_of(images, picture), rel=1e-4)


def test_hopeless_candidates_do_not_move_the_mean() -> None:
    picture, images = noisy(), [flat(value) for value in (0.024, 0.028, 0.032)]
    assert errors_of([*images, flat(0.9)], picture)[:3] == pytest.approx(errors_of(images, picture))


def test_of_two_comparable_candidates_there_is_no_consensus() -> None:
    picture = enlarged()
    for images in ([flat(0.02), flat(0.03)], [flat(0.02), flat(0.021), flat(0.5)]):
        assert consensus_errors(images, picture.problem, split=picture.split) is None


def test_a_fit_that_delivers_nothing_is_infinitely_far_from_the_consensus() -> None:
    images = [*(flat(value) for value in (0.024, 0.028, 0.032)), torch.full(SHAPE, float("nan"))]
    errors = errors_of(images, enlarged())
    assert errors[3] == float("inf")
    assert max(errors[:3]) < 1


def test_of_enlarged_pictures_the_one_with_agreed_detail_is_chosen_and_the_words_say_so() -> None:
    picture = enlarged()
    found = members([detail(0.3, seed=1) + 0.019, *(flat(0.02 + 0.002 * n) for n in range(4))], picture)
    order = ranked(found)
    assert order[0].number == 0  # its score does not see the wrong detail
    verdict = verdict_on_first(order, [deliver(picture, found)], [picture], whole=False)
    assert verdict.number != 0
    assert verdict.because == (
        "it is nearest to what the candidates agree on; the score of candidate 0 is better, but does not see detail "
        "that the measurement lacks"
    )


def test_a_second_split_sees_no_more_detail_than_the_first() -> None:
    picture = enlarged(seed=1)
    found = members([detail(0.3, seed=1) + 0.019, *(flat(0.02 + 0.002 * n) for n in range(3))], picture)
    verdict = verdict_on_second([candidate(n) for n in range(4)], [found], [picture], seeds=1)
    assert verdict.number != 0
    assert verdict.because.startswith("it is nearest to what the candidates agree on")


def test_without_a_consensus_the_verdict_stays_and_so_do_its_words() -> None:
    picture = enlarged(seed=1)
    found = members([flat(0.02), flat(0.0201), flat(0.4)], picture)
    verdict = verdict_on_second([candidate(n) for n in range(3)], [found], [picture], seeds=1)
    assert "agree" not in verdict.because
