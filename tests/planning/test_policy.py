"""Policies: what a free worker is given, and what never."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dipsearch.bench.tabular.comparisons.known_policies import FreezeThaw, SuccessiveHalving
from dipsearch.planning.policy import (
    Contestant,
    ExpectedGain,
    Policy,
    Situation,
    WholeFits,
    expected_rise,
)

PLACES = 512
ALL = (WholeFits(), SuccessiveHalving(), FreezeThaw(), ExpectedGain())


def errors(seed: int) -> NDArray[np.float64]:
    """Errors of size 1 at every place, unlike those of other seeds."""
    return np.random.default_rng(seed).choice((-1.0, 1.0), PLACES)


def one(
    number: int,
    *,
    steps: int = 200,
    decibels: float = 30.0,
    slope: float = 0.0,
    seconds: float = 0.1,
    ended: bool = False,
    busy: bool = False,
    alike: int | None = None,
) -> Contestant:
    """A candidate whose curve rises by ``slope`` dB per doubling of its iterations up to ``decibels``."""
    curve = tuple((at, decibels + slope * math.log2(at / steps)) for at in range(10, steps + 1, 10))
    mse = 10 ** (-decibels / 10)
    drawn = 0.5 + math.sqrt(mse) * errors(number if alike is None else alike)
    return Contestant(
        number, steps, seconds, curve, ended, busy, 200, drawn.astype(np.float32) if steps else None, mse
    )


def situation(*contestants: Contestant, left: float = 1000.0, can_begin: bool = True) -> Situation:
    return Situation(contestants, left, 2, 0.1, 200, can_begin)


@pytest.mark.parametrize("policy", ALL, ids=lambda policy: type(policy).__name__)
class TestEveryPolicy:
    def test_begins_with_a_candidate(self, policy: Policy) -> None:
        decision = policy.decide(situation())
        assert decision is not None and decision.number is None and decision.steps == 200

    def test_begins_one_even_where_there_is_no_time_for_a_look(self, policy: Policy) -> None:
        assert policy.decide(situation(left=5.0)) is not None

    def test_hands_out_nobody_who_is_busy_or_has_ended(self, policy: Policy) -> None:
        nobody = situation(one(0, busy=True, slope=2), one(1, ended=True, slope=2), can_begin=False)
        assert policy.decide(nobody) is None

    def test_begins_none_when_the_time_is_too_short_for_a_look(self, policy: Policy) -> None:
        late = situation(one(0, slope=1, steps=300), one(1, slope=1, steps=300), left=15.0)
        decision = policy.decide(late)
        assert decision is None or decision.number is not None

    def test_begins_none_when_there_are_no_more(self, policy: Policy) -> None:
        decision = policy.decide(situation(one(0, slope=1, steps=300), can_begin=False))
        assert decision is None or decision.number == 0


@pytest.mark.parametrize(
    "policy", (WholeFits(), SuccessiveHalving(), ExpectedGain()), ids=lambda p: type(p).__name__
)
class TestLooks:
    def test_goes_on_with_a_look_that_was_begun(self, policy: Policy) -> None:
        begun = situation(one(0, busy=True), one(1, steps=50, slope=3, decibels=20))
        decision = policy.decide(begun)
        assert decision is not None and decision.number == 1 and decision.steps > 0


class TestExpectedGain:
    def test_a_bad_start_is_no_reason_to_give_up_before_the_first_look(self) -> None:
        slow = one(2, steps=190, decibels=15)
        decision = ExpectedGain().decide(situation(one(0, slope=2), one(1, slope=2), slow))
        assert decision is not None and (decision.number, decision.steps) == (2, 10)

    def test_what_still_improves_is_advanced_and_what_does_not_rests(self) -> None:
        decision = ExpectedGain().decide(situation(one(0), one(1, slope=1.0), can_begin=False))
        assert decision is not None and decision.number == 1

    def test_of_two_that_improve_alike_the_cheaper_is_advanced(self) -> None:
        decision = ExpectedGain().decide(
            situation(one(0, slope=1, seconds=0.2), one(1, slope=1, seconds=0.1), can_begin=False)
        )
        assert decision is not None and decision.number == 1

    def test_what_the_ensemble_has_no_use_for_is_not_advanced(self) -> None:
        hopeless = one(2, decibels=15, slope=1.0)
        decision = ExpectedGain().decide(
            situation(one(0, slope=0.1), one(1, slope=0.1), hopeless, can_begin=False)
        )
        assert decision is not None and decision.number != 2

    def test_a_new_one_is_begun_where_nobody_improves(self) -> None:
        decision = ExpectedGain().decide(situation(one(0), one(1), one(2)))
        assert decision is not None and decision.number is None

    def test_a_new_one_promises_little_where_all_are_alike(self) -> None:
        unlike = situation(*(one(k, slope=0.1) for k in range(3)), left=30)
        alike = situation(*(one(k, slope=0.1, alike=0) for k in range(3)), left=30)
        new, old = (ExpectedGain().decide(each) for each in (unlike, alike))
        assert new is not None and new.number is None
        assert old is not None and old.number is not None

    def test_where_nobody_is_expected_to_gain_the_best_goes_on(self) -> None:
        decision = ExpectedGain().decide(situation(one(0, decibels=29), one(1, decibels=30), can_begin=False))
        assert decision is not None and decision.number == 1

    def test_without_a_budget_everybody_has_a_look_before_anybody_goes_on(self) -> None:
        there = [one(0, slope=1), one(1, slope=1)]
        first = ExpectedGain().decide(situation(*there, left=math.inf))
        assert first is not None and first.number is None
        then = ExpectedGain().decide(situation(*there, left=math.inf, can_begin=False))
        assert then is not None and then.number is not None and then.steps == 50

    def test_at_the_end_no_more_iterations_are_asked_for_than_there_is_time_for(self) -> None:
        decision = ExpectedGain().decide(situation(one(0, slope=1), one(1), left=1.0))
        assert decision is not None and (decision.number, decision.steps) == (0, 10)

    def test_every_decision_says_why(self) -> None:
        for there in (situation(), situation(one(0, slope=1), can_begin=False), situation(one(0, steps=50))):
            decision = ExpectedGain().decide(there)
            assert decision is not None and decision.why


class TestExpectedRise:
    def test_a_curve_goes_on_as_before_per_doubling(self) -> None:
        assert expected_rise(one(0, steps=300, slope=1.5).curve, 300) == pytest.approx(1.5, abs=0.02)

    def test_a_curve_that_rests_is_not_expected_to_rise(self) -> None:
        assert expected_rise(one(0).curve, 100) == 0

    def test_nothing_is_expected_of_no_curve_and_of_no_iterations(self) -> None:
        assert expected_rise((), 100) == 0
        assert expected_rise(one(0, slope=1).curve, 0) == 0


class TestWholeFits:
    def test_as_many_at_a_time_as_workers_each_to_its_end(self) -> None:
        first, second = one(0, busy=True, steps=250), one(1, steps=250)
        decision = WholeFits().decide(situation(first, second))
        assert decision is not None and decision.number == 1

    def test_one_that_used_its_share_of_the_time_makes_room(self) -> None:
        # 2.5 fits of the usual 400 iterations have room in 100 s; half of that is 1.25, so each may take 80 s.
        decision = WholeFits().decide(situation(one(0, busy=True, steps=800), one(1, steps=800), left=20.0))
        assert decision is not None and decision.number is None


class TestSuccessiveHalving:
    def test_the_better_half_at_a_rung_goes_on_to_the_next(self) -> None:
        decision = SuccessiveHalving().decide(situation(one(0, decibels=29), one(1, decibels=30)))
        assert decision is not None and (decision.number, decision.steps) == (1, 200)

    def test_a_new_one_is_begun_where_the_better_half_has_gone_on(self) -> None:
        decision = SuccessiveHalving().decide(situation(one(0, decibels=29), one(1, steps=400, decibels=30)))
        assert decision is not None and decision.number is None


class TestFreezeThaw:
    def test_one_that_may_overtake_the_best_goes_on(self) -> None:
        best, rising = one(0, decibels=30), one(1, decibels=29.9, slope=1.0)
        decision = FreezeThaw().decide(situation(best, rising, can_begin=False))
        assert decision is not None and decision.number == 1
