"""Pruning: one look at a quarter of the way, at the same iteration, with enough others to compare with."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from dipsearch.errors import InputError
from dipsearch.proposal.pruning import BetterShare, best_until

STEPS = 400
EVERY = 50  # so the look is at the second report


def study_of(*curves: list[float], pruner: BetterShare | None = None) -> optuna.Study:
    """A study in which candidates with these curves (values at 50, 100, …) are complete."""
    study = optuna.create_study(direction="maximize", pruner=pruner or BetterShare(STEPS))
    for curve in curves:
        study.add_trial(
            optuna.create_trial(
                value=curve[-1], intermediate_values={EVERY * (i + 1): v for i, v in enumerate(curve)}
            )
        )
    return study


def pruned_at(study: optuna.Study, curve: list[float]) -> int | None:
    """Run a candidate; return the iteration at which it is pruned."""
    trial = study.ask()
    for step, value in enumerate(curve, start=1):
        trial.report(value, EVERY * step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return EVERY * step
    study.tell(trial, curve[-1])
    return None


def rising(level: float, *, points: int = 8) -> list[float]:
    return [level * (1 - 0.5**n) for n in range(1, points + 1)]


def test_the_worse_are_stopped_at_a_quarter_and_the_better_third_goes_on() -> None:
    study = study_of(*(rising(level) for level in (20, 22, 24, 26, 28)))
    assert pruned_at(study, rising(25)) == 100
    assert pruned_at(study, rising(27)) is None
    assert pruned_at(study, rising(30)) is None


def test_nobody_is_pruned_before_a_quarter_or_after_it() -> None:
    study = study_of(*(rising(level) for level in (20, 22, 24, 26, 28)))
    slow_start = [5.0, 31.0, 31.0, 31.0]
    good_start = [14.0, 22.0, 0.0, 0.0, 0.0]
    assert pruned_at(study, slow_start) is None
    assert pruned_at(study, good_start) is None


def test_nobody_is_pruned_while_fewer_than_three_others_can_be_compared() -> None:
    study = study_of(rising(28), rising(29))
    assert pruned_at(study, rising(1)) is None
    assert pruned_at(study, rising(1)) == 100


def test_pruned_candidates_count_when_they_came_this_far() -> None:
    study = study_of(rising(28), rising(29))
    for last in (50, 100):
        study.add_trial(
            optuna.create_trial(state=TrialState.PRUNED, intermediate_values={50: 0.0, last: 10.0})
        )
        assert BetterShare(STEPS).prune(study, reported(study, {50: 0.0, 100: 5.0})) == (last == 100)


def test_failed_and_running_candidates_do_not_count() -> None:
    study = study_of(rising(28), rising(29))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL, intermediate_values={100: 10.0}))
    running = study.ask()
    running.report(10.0, 100)
    assert not BetterShare(STEPS).prune(study, reported(study, {100: 5.0}))


def reported(study: optuna.Study, values: dict[int, float]) -> optuna.trial.FrozenTrial:
    trial = study.ask()
    for step, value in values.items():
        trial.report(value, step)
    return study.trials[trial.number]


def test_a_candidate_that_ended_early_by_its_own_rule_counts_with_its_best() -> None:
    study = study_of([20.0], [21.0], [22.0])
    assert pruned_at(study, [1.0, 10.0, 23.0]) == 100


def test_values_are_compared_at_the_same_iteration_and_not_at_the_end() -> None:
    late_bloomers = [[1.0, 2.0, 30.0, 30.0]] * 4
    assert pruned_at(study_of(*late_bloomers), [1.0, 3.0, 3.0, 3.0]) is None


def test_check_points_that_do_not_meet_the_quarter_exactly_are_looked_at_just_after_it() -> None:
    study = study_of(*(rising(level) for level in (20, 22, 24, 26)), pruner=BetterShare(390))
    assert pruned_at(study, rising(10)) == 100


def test_one_lucky_value_does_not_save_a_candidate() -> None:
    study = study_of(*([10.0] * 40 for _ in range(4)), pruner=BetterShare(STEPS * 2))
    assert pruned_at(study, [5.0, 5.0, 99.0, 5.0]) == 200


@pytest.mark.filterwarnings("ignore:The value nan")
def test_values_that_are_not_numbers_are_left_out() -> None:
    study = study_of(*([nan, nan, 25.0] for _ in range(3)))
    assert pruned_at(study, [1.0, 1.0]) is None, "the others had no number by then"
    study = study_of(*(rising(level) for level in (20, 22, 24, 26)))
    assert pruned_at(study, [nan, nan, nan]) is None, "nothing is known about it"
    assert pruned_at(study, [nan, 1.0]) == 100
    assert pruned_at(study, [-inf, -inf]) == 100


def test_less_is_better_in_a_study_that_minimises() -> None:
    study = optuna.create_study(direction="minimize", pruner=BetterShare(STEPS))
    for level in (1.0, 2.0, 3.0, 4.0):
        study.add_trial(optuna.create_trial(value=level, intermediate_values={100: level}))
    assert pruned_at(study, [9.0, 5.0]) == 100
    assert pruned_at(study, [2.0, 0.5]) is None


def test_the_best_value_is_the_best_median_of_three() -> None:
    trial = optuna.create_trial(value=0.0, intermediate_values={10: 1.0, 20: 9.0, 30: 2.0, 40: 3.0, 50: nan})
    # medians of the last three: 1, (1 + 9) / 2, 2, 3
    assert best_until(trial, 10, sign=1.0) == 1.0
    assert best_until(trial, 30, sign=1.0) == 5.0
    assert best_until(trial, 5, sign=1.0) is None


def test_on_crossing_curves_half_of_the_iterations_find_the_same_winner() -> None:
    generator = np.random.default_rng(0)
    study = study_of()
    levels, spent = generator.uniform(20, 30, size=40), 0
    for level in levels:
        speed = generator.uniform(0.8, 1.2)
        curve = [level * (1 - np.exp(-speed * n)) + generator.normal(0, 0.1) for n in range(1, 9)]
        spent += pruned_at(study, curve) or STEPS
    assert 0.4 < spent / (STEPS * len(levels)) < 0.6
    assert study.best_value > np.sort(levels)[-3]


@pytest.mark.parametrize("fractions", [(), (0.1,), (0.25, 1.5)])
def test_looking_before_a_quarter_is_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="fractions"):
        BetterShare(STEPS, fractions=fractions)


@pytest.mark.parametrize(
    ("steps", "keep", "comparable"), [(0, 0.5, 3), (9, 0.0, 3), (9, 1.1, 3), (9, 0.5, 0)]
)
def test_senseless_numbers_are_refused(steps: int, keep: float, comparable: int) -> None:
    with pytest.raises(InputError):
        BetterShare(steps, keep=keep, comparable=comparable)
