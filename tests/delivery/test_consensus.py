"""The consensus: it decides where scores are blind, and only there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.delivery.consensus import consensus_errors, luck_of
from dipsearch.delivery.delivering import Member, deliver
from dipsearch.delivery.finalists import verdict_on_first, verdict_on_second
from dipsearch.network import Genome, Scale
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Problem, make_split
from dipsearch.run import Trial
from dipsearch.trials.problem_files import SplitProblem
from dipsearch.trials.trial_files import Output

SHAPE = (1, 3, 96, 96)


def candidate(number: int) -> Trial:
    genome = Genome(scales=(Scale(8, 8),))
    return Trial(number, "complete", genome, genome.digest, 30.0 - number, step=100, seconds=10.0)


def truth() -> Tensor:
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.interpolate(coarse, size=SHAPE[-2:], mode="bicubic").clamp(0, 1)


def enlarged(*, seed: int = 0) -> SplitProblem:
    operator = Downsample(4, SHAPE)
    noise = NoiseModel("none", None, "none")
    y = operator.A(truth())
    problem = Problem(y, operator, noise, SHAPE, observed=torch.ones(1, 1, 24, 24))
    return SplitProblem("cat", problem, make_split(problem, seed=seed))


def detail(size: float, *, seed: int) -> Tensor:
    """The truth with wrong detail that a measurement at a quarter of the size does not show."""
    wrong, operator = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)), Downsample(4, SHAPE)
    rows, columns = torch.linalg.pinv(operator.rows), torch.linalg.pinv(operator.columns)
    return truth() + size * (wrong - rows @ operator.A(wrong) @ columns.mT)


def flat(size: float) -> Tensor:
    return truth() + size


def members(images: list[Tensor], picture: SplitProblem) -> list[Member]:
    return [
        Member(n, Output(image, image), float(picture.split.validation_mse(picture.problem.view(image))))
        for n, image in enumerate(images)
    ]


def ranked(found: list[Member]) -> list[Trial]:
    return [candidate(member.number) for member in sorted(found, key=lambda member: member.validation_mse)]


def noisy(*, sigma: float = 0.05, seed: int = 0) -> SplitProblem:
    y = truth() + sigma * torch.randn(SHAPE, generator=torch.Generator().manual_seed(8 + seed))
    ones = torch.ones(1, 1, 96, 96)
    problem = Problem(y, Identity(), NoiseModel("gaussian", sigma, "given"), SHAPE, observed=ones)
    return SplitProblem("cat", problem, make_split(problem, seed=seed))


def errors_of(images: list[Tensor], picture: SplitProblem) -> list[float]:
    found = consensus_errors(images, picture.problem, split=picture.split)
    assert found is not None
    return found


def test_scores_are_shrunk_to_the_distances_by_what_luck_explains() -> None:
    picture = noisy(sigma=0.2)
    draw = torch.Generator().manual_seed(2)
    images = [truth() + 0.05 * torch.randn(SHAPE, generator=draw) for _ in range(6)]
    scores = [float(picture.split.validation_mse(image)) for image in images]
    mean = torch.stack(images).mean(dim=0)
    distances = [float((image - mean).square().mean()) for image in images]
    found = errors_of(images, picture)
    trust = [
        (one - distance) / (score - distance)
        for one, score, distance in zip(found, scores, distances, strict=True)
    ]
    assert trust == pytest.approx([trust[0]] * 6, abs=1e-6)
    assert 0 <= trust[0] < 0.6
    # Equally good candidates should not be told apart by the luck of their scores.
    assert max(found) - min(found) < 0.7 * (max(scores) - min(scores))


def test_sure_scores_are_believed() -> None:
    picture = noisy(sigma=0.01)
    # They share an error, which the consensus cannot see, and the score can.
    images = [truth() + 0.03 + 0.004 * k * truth() for k in range(-2, 3)]
    truths = [float((image - truth()).square().mean()) for image in images]
    assert np.argsort(errors_of(images, picture)).tolist() == np.argsort(truths).tolist()


def test_the_luck_of_noisy_scores_is_what_repetition_shows() -> None:
    images = [
        truth() + 0.05 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(k)) for k in range(4)
    ]
    found = []
    for seed in range(40):
        picture = noisy(sigma=0.2, seed=seed)
        scores = np.array([float(picture.split.validation_mse(image)) for image in images])
        found.append(scores - scores.mean())
    seen = float(np.var(np.array(found), axis=0).mean())
    picture = noisy(sigma=0.2)
    assert luck_of(images, split=picture.split) == pytest.approx(seen, rel=0.4)


def test_of_an_enlargement_the_score_counts_by_the_share_that_it_sees() -> None:
    picture, values = enlarged(), (0.024, 0.028, 0.032)
    share = picture.split.share
    assert share == pytest.approx(0.1, abs=0.01)
    expected = [share * value**2 + (1 - share) * (value - 0.028) ** 2 for value in values]
    assert errors_of([flat(value) for value in values], picture) == pytest.approx(expected, rel=0.02)


def test_where_hidden_pixels_stand_for_missing_ones_the_score_alone_decides() -> None:
    observed = torch.ones(1, 1, 96, 96)
    observed[..., 24:72, 24:72] = 0
    problem = Problem(
        truth() * observed, Mask(observed), NoiseModel("none", None, "none"), SHAPE, observed=observed
    )
    images = [flat(value) for value in (0.024, 0.028, 0.032)]
    assert consensus_errors(images, problem, split=make_split(problem, seed=0)) is None


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


def test_a_cheaper_candidate_gives_way_to_the_best_one_where_the_consensus_says_so() -> None:
    picture = enlarged(seed=1)
    # Within one standard error the cheapest wins; here it has wrong detail, and candidate 1 the best score.
    cheap = dataclasses.replace(candidate(0), genome=Genome(scales=(Scale(4, 4),)))
    images = [detail(0.3, seed=1) + 0.0201, flat(0.02), flat(0.0202), flat(0.0204)]
    found = members(images, picture)
    verdict = verdict_on_second([cheap, *(candidate(n) for n in (1, 2, 3))], [found], [picture], seeds=1)
    assert verdict.number != 0
    if verdict.number == verdict.finalists[0].number:
        assert "best score" in verdict.because
    else:
        assert f"the score of candidate {verdict.finalists[0].number} is better" in verdict.because


def test_without_a_consensus_the_verdict_stays_and_so_do_its_words() -> None:
    picture = enlarged(seed=1)
    found = members([flat(0.02), flat(0.0201), flat(0.4)], picture)
    verdict = verdict_on_second([candidate(n) for n in range(3)], [found], [picture], seeds=1)
    assert "agree" not in verdict.because
