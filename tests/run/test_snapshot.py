"""What a running search says of its best candidate beside the first answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dipsearch.run.scheduler import Scheduler
from dipsearch.trials.objective import Level, estimated_psnr


def scheduler(errors: list[float], bar: list[float], *, luck: float) -> Scheduler:
    fits = tuple(SimpleNamespace(validation_mse=error) for error in errors)
    found = Scheduler(SimpleNamespace(), SimpleNamespace(asked=SimpleNamespace()), SimpleNamespace())  # type: ignore[arg-type]
    found.search = SimpleNamespace(candidates={0: SimpleNamespace(pictures=fits)})  # type: ignore[assignment]
    found.bar = tuple(Level(error, luck, estimated_psnr(error)) for error in bar)
    return found


@pytest.mark.parametrize(
    ("errors", "bar", "better"),
    [
        ([1e-3, 1e-3], [2e-3, 2e-3], None),
        ([1e-7, 3e-3], [2e-3, 2e-3], True),  # by decibels it would be 20 dB better
        ([1e-7, 5e-3], [2e-3, 2e-3], False),  # and here still 19 dB
        ([1e-3, 1e-3], [1e-4, 2e-3], True),
    ],
)
def test_errors_that_are_within_their_luck_are_added_up_and_not_turned_into_decibels(
    errors: list[float], bar: list[float], better: bool | None
) -> None:
    found = scheduler(errors, bar, luck=5e-4)
    assert found._better(SimpleNamespace(number=0)) is better  # type: ignore[arg-type]


def test_without_a_first_answer_or_a_fit_nothing_is_compared() -> None:
    best = SimpleNamespace(number=7)
    assert scheduler([1e-7], [2e-3], luck=5e-4)._better(best) is None  # type: ignore[arg-type]
    assert scheduler([1e-7], [], luck=5e-4)._better(SimpleNamespace(number=0)) is None  # type: ignore[arg-type]
