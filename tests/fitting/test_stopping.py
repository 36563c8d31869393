"""The rules, on curves that are written down."""

from __future__ import annotations

import math

import pytest
import torch

from dipsearch.fitting import (
    Check,
    Ended,
    StoppingRule,
    ValidationMinimum,
    default_rule,
    replay,
)
from dipsearch.fitting.stopping import difference_error
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Problem, make_split, whole


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


def test_the_fit_ends_when_the_patience_is_used_up_and_not_a_check_point_later() -> None:
    falling, flat = (
        [1 - index / 100 for index in range(30)],
        [1.0] * 60,
    )  # the last better median is seen at 290
    _, end, _ = play(ValidationMinimum(patience=200, patience_share=0), falling + flat)
    _, later, _ = play(ValidationMinimum(patience=210, patience_share=0), falling + flat)
    assert end is not None and later == end + 10
    smoothed = [sorted((falling + flat)[max(0, i - 4) : i + 1])[len((falling + flat)[max(0, i - 4) : i + 1]) // 2]
                for i in range(len(falling + flat))]  # fmt: skip
    lowest = min(range(len(smoothed)), key=lambda index: smoothed[index])
    assert end == (lowest + 1) * 10 + 200


def test_a_late_minimum_of_a_blind_score_is_waited_for_longer() -> None:
    # Every later check point is as good to a blind score: only the age of the minimum ends the fit.
    falling = [(index + 1, 2 - index / 200) for index in range(200)]
    checks = [Check(10 * n, v, v, parts=(v / 2, v / 2 + 0.001)) for n, v in falling]
    checks += [
        Check(10 * n, 1.02, 1.02, parts=(0.51 + 0.3 * (n % 2), 0.51 - 0.3 * (n % 2))) for n in range(201, 500)
    ]
    ends = {}
    for share in (0.0, 0.5):
        rule = ValidationMinimum(blind_patience=600, patience_share=share, patience=10**6)
        memory = rule.init()
        for check in checks:
            memory, decision = rule.update(memory, check)
            if decision.ended:
                ends[share] = check.step
                break
    assert ends[0.0] == pytest.approx(2000 + 600, abs=40)
    assert ends[0.5] == pytest.approx(2000 + 1000, abs=40)


def test_no_stop_before_the_floor() -> None:
    assert play(ValidationMinimum(floor=200, patience=10), valley(10, 100))[1] == 200


def test_a_falling_curve_never_stops() -> None:
    best, end, _ = play(ValidationMinimum(), [1 / (index + 1) for index in range(300)])
    assert end is None
    assert best == pytest.approx(3000, abs=30)


def test_scores_that_are_not_numbers_never_win() -> None:
    assert play(ValidationMinimum(), [math.nan] * 50)[0] is None


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
        y, Identity(), NoiseModel("unknown", 0.0), (1, 1, 32, 32), observed=torch.ones(1, 1, 32, 32)
    )
    split = make_split(problem, seed=0)
    assert split.trivial_mse() == pytest.approx(1 / 12, rel=0.2)
    assert default_rule(split).begun_below == pytest.approx(0.5 * split.trivial_mse())
    assert default_rule(whole(problem)).begun_below == math.inf


SQUARES = 16


def sampled(scores: list[float], *, spread: float) -> list[Check]:
    """Check points whose squares disagree about each change of the score: its standard error is ``spread`` of it."""
    signs = [1, -1] * (SQUARES // 2)
    checks = []
    for index, score in enumerate(scores):
        change = score - scores[0]
        deviation = spread * change * (SQUARES - 1) ** 0.5  # of each part, times SQUARES
        parts = tuple((score + sign * deviation) / SQUARES for sign in signs)
        checks.append(Check(10 * (index + 1), score, score, parts=parts))
    return checks


def test_the_error_of_a_difference_comes_from_how_much_the_squares_disagree() -> None:
    first, second = sampled([1.0, 1.5], spread=0.4)
    assert sum(second.parts) == pytest.approx(1.5)
    assert difference_error(second.parts, first.parts) == pytest.approx(0.4 * 0.5)


def test_the_latest_iterate_that_a_sample_cannot_tell_from_the_minimum_is_delivered() -> None:
    rise = [1 + 0.001 * index for index in range(100)]
    unsure = replay(ValidationMinimum(blind_patience=2000), sampled(rise, spread=1.1))
    assert (unsure.step, unsure.stopped) == (1000, None)
    bounded = replay(ValidationMinimum(), sampled(rise, spread=1.1))
    assert bounded.stopped == pytest.approx(600, abs=30)
    assert bounded.step == bounded.stopped - 20
    sure = replay(ValidationMinimum(), sampled(rise, spread=0.9))
    assert sure.step < 50
    assert sure.ended is Ended.RISEN


def test_more_standard_errors_deliver_later_iterates() -> None:
    curve = [
        Check(one.step, one.validation_mse, one.validation_mse, parts=one.parts)
        for one in sampled(valley(400, 200), spread=0.5)
    ]
    assert replay(ValidationMinimum(standard_errors=0), curve).step == pytest.approx(400, abs=20)
    assert replay(ValidationMinimum(standard_errors=3), curve).step > 600


def reduced(*, sigma: float | None = None) -> Problem:
    x = torch.rand(1, 3, 160, 256, generator=torch.Generator().manual_seed(0))
    operator = Downsample(4, (1, 3, 160, 256))
    noise = NoiseModel("none", None, "none") if sigma is None else NoiseModel("gaussian", sigma, "given")
    return Problem(operator.A(x), operator, noise, (1, 3, 160, 256), observed=torch.ones(1, 1, 40, 64))


def test_only_a_score_of_less_than_what_is_sought_is_indirect() -> None:
    y = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    missing = (torch.arange(64 * 64).view(1, 1, 64, 64) % 3 > 0).float()
    masked = Problem(y * missing, Mask(missing), NoiseModel("none", None), (1, 3, 64, 64), observed=missing)
    found = [make_split(one, seed=0).indirect for one in (reduced(), reduced(sigma=0.1), masked)]
    assert found == [True, True, False]


def test_the_parts_of_a_score_sum_up_to_it() -> None:
    split, problem = make_split(reduced(), seed=0), reduced()
    grey = problem.view(torch.full(problem.image_shape, 0.5))
    parts = split.validation_parts(grey)
    assert 1 < len(parts) <= 36
    assert float(parts.sum()) == pytest.approx(float(split.validation_mse(grey)), rel=1e-5)
