"""What an ensemble would reach, from scores and sketches."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from dipsearch.planning.mixture import MOST, Mixture, error_products, mixture_of


@dataclass(frozen=True, eq=False)
class Drawn:
    number: int
    sketch: NDArray[np.float32] | None
    mse: float


def drawn(*errors: NDArray[np.float64]) -> list[Drawn]:
    """Candidates with these errors, whose scores are right."""
    clean = np.random.default_rng(9).random(len(errors[0]))
    return [
        Drawn(number, (clean + error).astype(np.float32), float((error**2).mean()))
        for number, error in enumerate(errors)
    ]


def unlike(count: int) -> list[NDArray[np.float64]]:
    """Errors of the same size that have nothing in common."""
    return [0.1 * np.sqrt(count) * np.eye(count)[k].repeat(64) for k in range(count)]


def test_products_of_errors_follow_from_scores_and_differences() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 500)) * np.array([[0.1], [0.2], [0.3]])
    assert error_products(drawn(*errors)) == pytest.approx(errors @ errors.T / 500, abs=1e-6)


def test_two_unlike_networks_have_half_the_error() -> None:
    assert mixture_of(drawn(*unlike(2))).error == pytest.approx(0.01 / 2, rel=1e-3)


def test_a_candidate_without_a_sketch_or_a_score_takes_no_part() -> None:
    there = [*drawn(*unlike(2)), Drawn(2, None, 0.01), Drawn(3, np.zeros(128, np.float32), math.nan)]
    assert mixture_of(there).numbers == (0, 1)
    assert mixture_of([]).numbers == ()


def test_an_ensemble_gains_half_of_what_one_of_two_gains() -> None:
    mixture = mixture_of(drawn(*unlike(2)))
    # The weights follow, so it is a little more.
    assert mixture.gain_if_better(0, 1.0) == pytest.approx(0.5, abs=0.1)
    assert mixture.gain_if_better(0, 0.0) == 0
    assert mixture.gain_if_better(7, 1.0) == 0


def test_one_more_is_expected_to_bring_less_than_those_before() -> None:
    gains = [mixture_of(drawn(*unlike(count))).gain_of_one_more() for count in (2, 3, 4, 8)]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] == pytest.approx(10 * math.log10(9 / 8), abs=0.1)


def test_of_many_only_the_best_are_reckoned_with() -> None:
    errors = [error * (2 if k < 8 else 1) for k, error in enumerate(unlike(48))]
    mixture = mixture_of(drawn(*errors))
    assert len(mixture.numbers) == MOST and min(mixture.numbers) == 8
    assert mixture.others == 48 - MOST


def test_those_left_out_have_brought_nothing() -> None:
    all_of_them = mixture_of(drawn(*unlike(4)))
    half_of_them = Mixture(all_of_them.numbers, all_of_them.products, others=4)
    assert half_of_them.gain_of_one_more() == pytest.approx(all_of_them.gain_of_one_more() / 2)


def test_a_copy_brings_nothing() -> None:
    error = unlike(2)[0]
    assert mixture_of(drawn(error, error, error)).gain_of_one_more() == pytest.approx(0, abs=1e-6)


def test_nothing_is_known_of_one_alone() -> None:
    assert mixture_of(drawn(unlike(2)[0])).gain_of_one_more() == math.inf


def test_scores_that_contradict_each_other_promise_no_miracles() -> None:
    products = np.array([[1.0, -3.0], [-3.0, 1.0]])
    assert Mixture((0, 1), products).error == pytest.approx(0.1)
