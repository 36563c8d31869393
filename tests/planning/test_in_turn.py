"""In turn: without a clock, whoever was begun first goes on, whatever anybody reached and however fast they are."""

from __future__ import annotations

import random
from dataclasses import replace

from dipsearch.planning.policy import Contestant, InTurn, Move, Situation


def contestant(number: int, **changes: object) -> Contestant:
    one = Contestant(number, 100, 0.1, ((100, 25.0),), False, False, 450, None, 0.003)
    return replace(one, **changes)


def decide(*contestants: Contestant, can_begin: bool = True, **changes: object) -> Move | None:
    situation = Situation(contestants, float("inf"), 2, 0.1, 450, can_begin)
    return InTurn().decide(replace(situation, **changes))


def number_of(decision: Move | None) -> int | None:
    assert decision is not None
    return decision.number


def test_the_first_that_is_free_goes_on() -> None:
    assert number_of(decide(contestant(3), contestant(1), contestant(2))) == 1
    assert number_of(decide(contestant(1, busy=True), contestant(2), contestant(3))) == 2
    assert number_of(decide(contestant(1, ended=True), contestant(2, busy=True), contestant(3))) == 3


def test_it_goes_on_to_its_end() -> None:
    decision = decide(contestant(1))
    assert decision is not None and decision.steps >= 10**6


def test_another_one_is_begun_where_nobody_is_free() -> None:
    for nobody in ((), (contestant(1, busy=True),), (contestant(1, ended=True), contestant(2, busy=True))):
        decision = decide(*nobody)
        assert decision is not None and decision.number is None
        assert decide(*nobody, can_begin=False) is None


def test_who_was_begun_comes_before_a_new_one_although_that_may_begin() -> None:
    assert number_of(decide(contestant(1, steps=1), can_begin=True)) == 1
    assert number_of(decide(contestant(1), can_begin=False)) == 1


def test_neither_speed_nor_success_nor_the_clock_matters() -> None:
    draw = random.Random(0)
    for _ in range(200):
        several = [
            contestant(
                number,
                steps=draw.randrange(10, 2000, 10),
                seconds_per_step=draw.uniform(0.001, 10),
                curve=((10, draw.uniform(10, 40)),),
                mse=draw.uniform(1e-4, 1e-1),
                busy=number in (0, 1),
            )
            for number in range(5)
        ]
        draw.shuffle(several)
        left, each = draw.uniform(0, 1e4), draw.uniform(0.001, 10)
        assert number_of(decide(*several, left=left, fresh_seconds_per_step=each)) == 2
