"""A budget that turns out to be too short for a first look: it is used all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dipsearch.planning.policy import Contestant, ExpectedGain, Situation, WholeFits

BEGUN = Contestant(0, 10, 0.1, ((10, 20.0),), False, False, 200, None, 0.01)


def short(*contestants: Contestant, left: float = 10.0) -> Situation:
    """Ten seconds of a hundred iterations, where a first look takes two hundred."""
    return Situation(contestants, left, 2, 0.1, 200, can_begin=True)


@pytest.mark.parametrize("policy", [ExpectedGain(), WholeFits()], ids=["gain", "whole"])
def test_the_only_candidate_goes_on_to_the_end_of_the_time(policy: ExpectedGain | WholeFits) -> None:
    decision = policy.decide(short(BEGUN))
    assert decision is not None
    assert decision.number == 0 and decision.steps >= 50


def test_of_several_the_best_one_does() -> None:
    others = [replace(BEGUN, number=1, curve=((10, 21.0),)), replace(BEGUN, number=2, busy=True)]
    decision = ExpectedGain().decide(short(BEGUN, *others, left=4.0))
    assert decision is not None and (decision.number, decision.steps) == (1, 40)


def test_without_time_for_an_iteration_nobody_goes_on() -> None:
    assert ExpectedGain().decide(short(BEGUN, left=0.05)) is None
