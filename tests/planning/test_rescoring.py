"""How many finalists are scored again: what the time allows, and never at the cost of a small search."""

from __future__ import annotations

import pytest

from dipsearch.planning.rescoring import NOTHING, Rescoring, best_choice


@pytest.mark.parametrize(
    ("seconds", "wished"),
    [
        (75.0, Rescoring(5, 3)),
        (74.0, Rescoring(4, 3)),
        (45.0, Rescoring(3, 3)),
        (30.0, Rescoring(3, 2)),
        (15.0, Rescoring(3, 1)),
        (10.0, Rescoring(2, 1)),
        (9.0, NOTHING),
    ],
)
def test_finalists_are_given_up_before_seeds_and_seeds_before_all(seconds: float, wished: Rescoring) -> None:
    assert best_choice([10.0] * 5, seconds=seconds, workers=2) == wished


def test_a_slow_finalist_counts_as_it_is() -> None:
    assert best_choice([10.0, 10.0, 10.0, 200.0, 10.0], seconds=60.0, workers=2) == Rescoring(3, 3)
    assert best_choice([100.0, 10.0], seconds=60.0, workers=4) == NOTHING  # a fit is not shared


def test_there_are_not_more_finalists_than_candidates() -> None:
    assert best_choice([1.0, 1.0], seconds=1000.0, workers=1) == Rescoring(2, 1)
    assert best_choice([1.0], seconds=1000.0, workers=1) == NOTHING
