"""Rules that watch: their measures against the plain formulas, and their choices on curves that are written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dipsearch.fitting import (
    Check,
    Discrepancy,
    Ended,
    FixedLength,
    LowestVariance,
    ValidationMinimum,
    replay,
)
from dipsearch.fitting.fluctuation import Fluctuation
from dipsearch.fitting.monitors import Choice

SHAPE = (1, 3, 8, 8)


def outputs(count: int, *, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *SHAPE[1:], generator=torch.Generator().manual_seed(seed))


def test_the_windowed_variance_is_the_variance_over_the_window() -> None:
    x, watched = outputs(150), Fluctuation(shape=SHAPE)
    for one in x:
        watched.update(one[None])
    assert watched.windowed() == pytest.approx(float(x[-100:].var(0, unbiased=False).mean()), rel=1e-5)


def test_a_window_that_is_not_full_has_no_variance() -> None:
    watched = Fluctuation(shape=SHAPE)
    for one in outputs(99):
        watched.update(one[None])
    assert np.isnan(watched.windowed())
    assert np.isnan(watched.moving())


def test_a_small_variance_on_a_bright_picture_is_not_lost_to_rounding() -> None:
    x, watched = 0.9 + 1e-5 * outputs(120), Fluctuation(shape=SHAPE)
    for one in x:
        watched.update(one[None])
    assert watched.windowed() == pytest.approx(
        float(x[-100:].double().var(0, unbiased=False).mean()), rel=1e-2
    )


def test_the_moving_variance_follows_its_recursion() -> None:
    x, watched = outputs(130).double(), Fluctuation(shape=SHAPE)
    mean, variance = x[0].clone(), 0.0
    for one in x:
        watched.update(one[None].float())
        change = one - mean
        variance = 0.9 * (variance + 0.1 * float(change.square().mean()))
        mean = (mean + 0.1 * change).clamp(0, 1)
    assert watched.moving() == pytest.approx(variance, rel=1e-4)


def test_a_large_output_is_watched_at_a_sample_of_its_values() -> None:
    shape = (1, 3, 200, 200)
    x = torch.rand(110, *shape[1:], generator=torch.Generator().manual_seed(1))
    watched = Fluctuation(shape=shape)
    for one in x:
        watched.update(one[None])
    assert watched.windowed() == pytest.approx(1 / 12 * 0.99, rel=0.01)


def checks(values: list[float], *, field: str) -> list[Check]:
    rows = []
    for index, value in enumerate(values):
        read = {
            "loss": 1.0,
            "validation_mse": 1.0,
            "windowed": float("nan"),
            "moving": float("nan"),
            field: value,
        }
        rows.append(
            Check(10 * (index + 1), read["loss"], read["validation_mse"], read["windowed"], read["moving"])
        )
    return rows


def test_the_calmest_iteration_is_delivered_once_the_patience_is_over() -> None:
    valley = [abs(index - 49) + 1.0 for index in range(300)]
    choice = replay(LowestVariance(), checks(valley, field="windowed"))
    assert choice == Choice(500, 1500, Ended.CALM)


def test_variances_that_are_not_known_yet_are_no_minimum() -> None:
    nan = float("nan")
    assert replay(LowestVariance("moving"), checks([nan] * 200, field="moving")) == Choice(0)


def test_the_discrepancy_rule_ends_at_the_energy_of_the_noise() -> None:
    falling = [1 / (index + 1) for index in range(100)]
    choice = replay(Discrepancy(energy=0.1), checks(falling, field="loss"))
    assert choice.ended is Ended.DISCREPANCY
    assert choice.step == choice.stopped == 120  # the median over five lags by two check points


def test_a_fixed_length_is_kept() -> None:
    assert replay(FixedLength(70), checks([1.0] * 20, field="loss")) == Choice(70, 70, Ended.STEPS)


def test_a_recorded_fit_gives_the_choice_of_the_default_rule() -> None:
    valley = [1 + abs(index - 39) / 40 for index in range(200)]
    choice = replay(ValidationMinimum(), checks(valley, field="validation_mse"))
    assert choice.step == pytest.approx(400, abs=20)
    assert choice.stopped == pytest.approx(720, abs=30)
