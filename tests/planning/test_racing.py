"""Races over pictures: who is given up, and who goes on."""

import math

import pytest

from dipsearch.planning.racing import LEAST_PICTURES, verdict

BEST = dict(enumerate([30.0, 25.0, 40.0, 33.0, 28.0, 31.0, 29.0, 35.0]))


def behind(*differences: float) -> dict[int, float]:
    """Looks at the first pictures, so many dB behind the best."""
    return {place: BEST[place] - difference for place, difference in enumerate(differences)}


def test_a_candidate_that_is_worse_on_each_of_four_pictures_is_given_up() -> None:
    said = verdict(behind(0.5, 0.1, 2.0, 0.2), BEST)
    assert said == "behind the best candidate on the first 4 pictures (Wilcoxon, p < 0.1)"


@pytest.mark.parametrize(
    "differences",
    [
        (),
        (5.0, 5.0, 5.0),  # too few to conclude anything
        (0.5, 0.1, 2.0, -3.0),  # better on one of them, by more
        (0.0, 0.0, 0.0, 0.0, 0.0),  # the same network
        (-1.0, -1.0, -1.0, -1.0, -1.0),
    ],
)
def test_others_go_on(differences: tuple[float, ...]) -> None:
    assert verdict(behind(*differences), BEST) is None


def test_one_picture_on_which_it_is_hopeless_says_little_where_others_say_the_opposite() -> None:
    assert verdict(behind(20.0, -0.1, -0.2, -0.3, -0.1, -0.4), BEST) is None
    assert verdict(behind(-0.1, 0.4, 0.3, 0.2, 0.5, 0.6), BEST) is not None


def test_pictures_without_a_number_and_pictures_that_the_best_has_not_conclude_nothing() -> None:
    assert verdict(behind(1, 1, 1, math.inf, 1), BEST) is None
    assert verdict(behind(1, 1, 1, 1), {0: 30.0, 1: 25.0}) is None
    assert len(behind(1, 1, 1, 1)) == LEAST_PICTURES - 1
