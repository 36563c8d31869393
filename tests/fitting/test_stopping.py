"""The rules, on curves that are written down."""

from __future__ import annotations

import math

import pytest
import torch

from dipsearch.fitting import Check, Ended, LossMatched, StoppingRule, ValidationMinimum, default_rule
from dipsearch.fitting.stopping import sampling_tolerance
from dipsearch.problem import Identity, NoiseModel, Problem, make_split, whole


def play(
    rule: StoppingRule, scores: list[float], *, every: int = 10
) -> tuple[int | None, int | None, Ended | None]:
    """Feed a curve; return the delivered step, the step of the end, and why."""
    memory, best = rule.init(), None
    for index, score in enumerate(scores):
        step = (index + 1) * every
        memory, decision = rule.update(memory, Check(step, score, score))
        if decision.best is not None:
            best = step - decision.best * every
        if decision.ended:
            return best, step, decision.ended
    return best, None, None


def valley(lowest: int, length: int, *, every: int = 10) -> list[float]:
    return [1 + abs((index + 1) * every - lowest) / lowest for index in range(length)]


def test_the_minimum_of_a_valley_is_delivered() -> None:
    best, _, ended = play(ValidationMinimum(), valley(400, 200))
    assert best == pytest.approx(400, abs=20)
    assert ended is Ended.RISEN


def test_one_lucky_dip_is_not_delivered() -> None:
    scores = valley(400, 200)
    scores[9] = 0.0
    assert play(ValidationMinimum(), scores)[0] == pytest.approx(400, abs=20)


def test_patience_grows_with_the_iteration_of_the_minimum() -> None:
    _, early, _ = play(ValidationMinimum(patience=300), valley(200, 400))
    _, late, _ = play(ValidationMinimum(patience=300), valley(1000, 400))
    assert early == pytest.approx(200 + 300, abs=30)
    assert late == pytest.approx(1000 + 500, abs=30)


def test_no_stop_before_the_floor() -> None:
    assert play(ValidationMinimum(floor=200, patience=10), valley(10, 100))[1] == 200


def test_a_falling_curve_never_stops() -> None:
    best, end, _ = play(ValidationMinimum(), [1 / (index + 1) for index in range(300)])
    assert end is None
    assert best == pytest.approx(3000, abs=30)


def test_scores_that_are_not_numbers_never_win() -> None:
    assert play(ValidationMinimum(), [math.nan] * 50)[0] is None


def test_loss_matching_ends_below_the_target_and_after_the_floor() -> None:
    losses = [1 / (index + 1) for index in range(100)]
    best, end, ended = play(LossMatched(0.1), losses)
    assert ended is Ended.MATCHED
    assert best == end == pytest.approx(120, abs=20)


def test_a_fit_that_is_cut_off_while_its_score_falls_delivers_the_newest_iterate() -> None:
    memory, rule = ValidationMinimum().init(), ValidationMinimum()
    for step in range(10, 110, 10):
        memory, _ = rule.update(memory, Check(step, 0.1, 1 / step))
    assert rule.finish(memory).best == 0


def test_a_fit_that_is_cut_off_after_its_minimum_keeps_the_smoothed_choice() -> None:
    memory, rule = ValidationMinimum().init(), ValidationMinimum()
    for step in range(10, 210, 10):
        memory, _ = rule.update(memory, Check(step, 0.1, 1 + abs(step - 100) / 100))
    assert rule.finish(memory).best is None


def test_a_last_value_above_the_smoothed_minimum_is_not_delivered() -> None:
    memory, rule = ValidationMinimum(window=3).init(), ValidationMinimum(window=3)
    for step, score in ((10, 1.0), (20, 0.8), (30, 0.6), (40, 0.75)):
        memory, _ = rule.update(memory, Check(step, 0.1, score))
    assert rule.finish(memory).best is None


def test_a_fit_that_dwells_on_a_plain_colour_is_waited_for() -> None:
    plateau = [0.05 + 0.001 * (index % 3) for index in range(80)]
    learning = [0.05 - 0.0005 * index for index in range(60)]
    rule = ValidationMinimum(begun_below=0.035)
    assert play(rule, plateau + learning)[1] is None
    assert play(ValidationMinimum(), plateau + learning)[1] is not None


def test_the_default_rule_knows_what_an_image_of_one_colour_is_worth() -> None:
    y = torch.linspace(0, 1, 32 * 32).view(1, 1, 32, 32)
    problem = Problem(
        "denoise", y, Identity(), NoiseModel("unknown", 0.0), (1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    )
    split = make_split(problem, seed=0)
    assert split.trivial_score() == pytest.approx(1 / 12, rel=0.2)
    assert default_rule(split).begun_below == pytest.approx(0.7 * split.trivial_score())
    assert default_rule(whole(problem)).begun_below == math.inf


def test_on_a_plateau_that_sampling_cannot_resolve_the_latest_iterate_is_delivered() -> None:
    plateau = [1 - 0.02 * index for index in range(40)] + [0.2 + 0.001 * (index % 4) for index in range(60)]
    assert play(ValidationMinimum(), plateau)[0] == pytest.approx(410, abs=30)
    best, end, _ = play(ValidationMinimum(tolerance=0.02), plateau)
    assert end is None
    assert best == pytest.approx(980, abs=30)


def test_a_score_that_has_clearly_risen_ends_the_fit_in_spite_of_the_tolerance() -> None:
    best, end, _ = play(ValidationMinimum(tolerance=0.02), valley(400, 200))
    assert best == pytest.approx(408, abs=20)  # 2 % above the minimum
    assert end == pytest.approx(408 + 300, abs=40)


def test_only_sampled_scores_have_a_tolerance() -> None:
    y = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(1, 1, 64, 64)
    for kind, expected in (("gaussian", 0.0), ("unknown", 0.5 / 410**0.5)):
        problem = Problem("denoise", y, Identity(), NoiseModel(kind, 0.1), (1, 3, 64, 64), ones)
        assert sampling_tolerance(make_split(problem, seed=0)) == pytest.approx(expected, rel=0.01)
