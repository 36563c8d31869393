"""Replaying a policy: a clock, workers and slices as in a search, on recordings made by a formula."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from dipsearch.bench.policy_archive import (
    DIMENSIONS,
    MARK,
    RecordedCase,
    RecordedFit,
    read_policy_archive,
    write_policy_archive,
)
from dipsearch.bench.policy_recording import EVERY, PRESETS
from dipsearch.bench.policy_replay import STEP_SECONDS, delivered, replay_policy
from dipsearch.bench.policy_table import order_of, policies_markdown, policy_rows, set_of
from dipsearch.errors import FormatError
from dipsearch.planning.policy import Decision, ExpectedGain, Situation, WholeFits


def fit(
    name: str, *, worst: float = 4e-3, best: float = 1e-3, steps: int = 400, seed: int = 0
) -> RecordedFit:
    """A fit whose error falls from ``worst`` to ``best`` and whose pictures have just these errors; clean is 0."""
    at = np.arange(EVERY, steps + 1, EVERY)
    error = (best + (worst - best) * np.exp(-at / 100)).astype(np.float32)
    direction = np.random.default_rng(seed).choice((-1.0, 1.0), DIMENSIONS)
    marks = error[MARK // EVERY - 1 :: MARK // EVERY]
    sketches = (np.sqrt(marks)[:, None] * direction).astype(np.float32)
    return RecordedFit(name, 0.05, error, error, error, -10 * np.log10(error), sketches)


def case(*fits: RecordedFit, picture: str = "coffee") -> RecordedCase:
    return RecordedCase(picture, "noise", np.zeros(DIMENSIONS, np.float32), 0.0, fits)


def five(picture: str = "coffee") -> RecordedCase:
    return case(*(fit(name, seed=seed) for seed, name in enumerate((PRESETS[0], *"abcd"))), picture=picture)


@dataclass
class Asked:
    """Begins a new candidate while there is one, then advances nobody; keeps what it was asked."""

    situations: list[Situation] = field(default_factory=list)

    def decide(self, situation: Situation) -> Decision | None:
        self.situations.append(situation)
        return Decision(None, 200, "a test") if situation.can_begin else None


def test_a_slice_ends_after_its_time_and_at_a_check_point() -> None:
    asked = Asked()
    replay_policy(asked, five(), order=range(5), seconds=200)
    # 2 % of 200 s are 4 s, 50 iterations of 0.08 s.
    assert [one.left for one in asked.situations[:4]] == pytest.approx([200, 200, 196, 196])
    assert [one.steps for one in asked.situations[2].contestants] == [50, 0]
    assert [one.busy for one in asked.situations[2].contestants] == [False, True]


def test_a_policy_sees_no_more_than_was_there_at_that_moment() -> None:
    asked = Asked()
    recorded = five()
    replay_policy(asked, recorded, order=range(5), seconds=200)
    first, begun = asked.situations[2].contestants
    assert first.curve[-1][0] == 50 and len(first.curve) == 5
    assert first.mse == pytest.approx(
        float(recorded.fits[0].validation_mse[3])
    )  # the sketch is of iteration 40
    assert begun.curve == () and begun.sketch is None and math.isnan(begun.mse)


def test_a_worker_with_nothing_to_do_is_asked_again_when_another_is_done() -> None:
    asked = Asked()
    replay_policy(asked, case(fit(PRESETS[0])), order=[0], seconds=200)
    assert [(one.left, len(one.contestants)) for one in asked.situations] == [
        (200, 0),
        (200, 1),
        (pytest.approx(196), 1),
        (pytest.approx(196), 1),
    ]


def test_nothing_goes_on_after_the_end() -> None:
    outcome = replay_policy(WholeFits(), five(), order=range(5), seconds=30)
    assert outcome.idle >= 0
    assert outcome.begun == 2
    longest = int(30 / STEP_SECONDS / EVERY) * EVERY
    assert outcome.looks == 2 and longest == 370


def test_a_fit_that_its_own_rule_ended_is_not_gone_on_with() -> None:
    outcome = replay_policy(WholeFits(), five(), order=range(5), seconds=1000)
    assert outcome.begun == 5
    assert outcome.idle == pytest.approx(1 - 5 * 400 * STEP_SECONDS / 2000)


def test_what_is_delivered_has_the_error_of_its_pictures() -> None:
    asked = Asked()
    recorded = five()
    replay_policy(asked, recorded, order=range(5), seconds=200)
    alone = asked.situations[2].contestants[:1]
    ensemble, best = delivered(alone, recorded)
    assert best == pytest.approx(-10 * math.log10(float(recorded.fits[0].validation_mse[3])), abs=1e-3)
    assert ensemble == pytest.approx(best, abs=1e-3)
    assert delivered([], recorded) == (-math.inf, -math.inf)


def test_an_ensemble_of_unlike_pictures_is_better_than_the_best() -> None:
    outcome = replay_policy(WholeFits(), five(), order=range(5), seconds=1000)
    assert outcome.ensemble > outcome.best + 3


def test_an_archive_holds_what_a_replay_needs(tmp_path: Path) -> None:
    cases = [five(), five("kodim19")]
    write_policy_archive(tmp_path / "policies.npz", cases)
    again = read_policy_archive(tmp_path / "policies.npz")
    assert {"smooth", "best_score", "score", "psnr"} <= set(np.load(tmp_path / "policies.npz"))
    assert [(one.picture, one.damage) for one in again] == [("coffee", "noise"), ("kodim19", "noise")]
    for old, new in zip(cases, again, strict=True):
        assert [one.network for one in new.fits] == [one.network for one in old.fits]
        assert np.allclose(new.fits[3].sketches, old.fits[3].sketches, rtol=1e-3)
        assert (new.fits[4].smooth == old.fits[4].smooth).all()
        assert new.fits[0].curve(100) == old.fits[0].curve(100)


def test_something_else_is_no_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", index=np.array("{}"))
    with pytest.raises(FormatError, match="holds no recordings of policies"):
        read_policy_archive(tmp_path / "other.npz")


def test_presets_come_first_and_the_others_in_an_order_of_their_own() -> None:
    orders: Sequence[list[int]] = [order_of(five(), seed=seed) for seed in range(8)]
    assert {order[0] for order in orders} == {0}
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert len({tuple(order) for order in orders}) > 4


def test_the_table_compares_policies_at_equal_time_and_keeps_fresh_pictures_apart() -> None:
    cases = [five(), five("kodim19")]
    assert [set_of(one) for one in cases] == ["tuning", "fresh"]
    compared = {"whole fits": WholeFits(), "expected gain": ExpectedGain()}
    rows = policy_rows(cases, orders=2, workers=1, policies=compared, times=(0.25,))
    assert [(row.strategy, row.set, row.cases, row.orders) for row in rows] == [
        ("whole fits", "tuning", 1, 2),
        ("expected gain", "tuning", 1, 2),
        ("whole fits", "fresh", 1, 2),
        ("expected gain", "fresh", 1, 2),
    ]
    assert rows[0].gain_over_whole == 0
    assert rows[1].gain_over_whole == pytest.approx(rows[1].mean_psnr - rows[0].mean_psnr, abs=2e-3)
    assert "| expected gain | " in policies_markdown(rows, command="a command", date="today")
