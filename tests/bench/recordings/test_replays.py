"""Rules and criteria on recordings that are written down."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dipsearch.bench.cases.damages import DAMAGES, group_order, groups_of
from dipsearch.bench.recordings.archive import Entry, read_archive, write_archive
from dipsearch.bench.recordings.recording import Recording
from dipsearch.bench.recordings.replays import DEFAULT, criteria, default_choice, random_choice, rank, stop_of
from dipsearch.bench.recordings.score_tables import ALL, ranking_rows, stopping_rows
from dipsearch.errors import FormatError
from dipsearch.fitting import FixedLength, ValidationMinimum

CHECKS = 200


def recording(*, peak_at: int, peak: float, score_peak_at: int | None = None) -> Recording:
    """A PSNR that rises to ``peak`` and falls by 1 dB per 1000 iterations; the score has its minimum beside it."""
    step = np.arange(10, 10 * CHECKS + 10, 10, dtype=np.float32)
    psnr = peak - np.abs(step - peak_at) / 1000
    lowest = peak_at if score_peak_at is None else score_peak_at
    score = 10 ** (-(peak - np.abs(step - lowest) / 1000) / 10)
    variance = 1 + np.abs(step - 800)
    return Recording(
        step,
        1 / step,
        score.astype(np.float32),
        psnr.astype(np.float32),
        (psnr - 1).astype(np.float32),
        psnr.astype(np.float32),
        variance.astype(np.float32),
        variance.astype(np.float32),
        np.repeat(score[:, None] / 4, 4, axis=1).astype(np.float32),
        1.0,
        0.05,
    )


def test_the_loss_of_a_stop_is_measured_from_the_peak_of_its_own_curve() -> None:
    stop = stop_of(FixedLength(600), recording(peak_at=900, peak=28.0))
    assert stop is not None
    assert stop.loss_db == pytest.approx(0.3, abs=1e-4)


def test_a_score_whose_minimum_is_the_peak_loses_nothing() -> None:
    stop = default_choice(recording(peak_at=900, peak=28.0))
    assert stop is not None
    assert stop.loss_db == pytest.approx(0.0, abs=0.02)


def test_only_the_oracle_never_loses() -> None:
    rows = {row.rule: row for row in stopping_rows(entries()) if row.damage == row.network == ALL}
    assert rows["oracle"].max_db == 0
    assert rows["600 iterations"].max_db > 0.2


def test_a_perfect_criterion_has_tau_one_and_no_regret() -> None:
    ranking = rank([3.0, 1.0, 2.0], [25.0, 27.0, 26.0])
    assert ranking.kendall_tau == pytest.approx(1)
    assert ranking.regret_db == 0


def test_a_reversed_criterion_has_tau_minus_one_and_the_largest_regret() -> None:
    ranking = rank([1.0, 3.0, 2.0], [25.0, 27.0, 26.0])
    assert ranking.kendall_tau == pytest.approx(-1)
    assert ranking.regret_db == pytest.approx(2)


def test_choosing_at_random_loses_the_distance_to_the_mean() -> None:
    assert random_choice([25.0, 27.0, 26.0]).regret_db == pytest.approx(1)


def test_every_criterion_is_lower_for_the_better_network() -> None:
    both = {"a": recording(peak_at=900, peak=28.0), "b": recording(peak_at=900, peak=26.0)}
    found = criteria(both, consensus=[None, None])
    assert found["score (default)"][0] < found["score (default)"][1]
    assert set(found) == {"score (default)", "score without consensus", "training loss"}


def test_a_consensus_takes_the_place_of_the_score() -> None:
    both = {"a": recording(peak_at=900, peak=28.0), "b": recording(peak_at=900, peak=26.0)}
    found = criteria(both, consensus=[0.02, 0.01])
    assert list(found["score (default)"]) == [0.02, 0.01]
    assert found["score without consensus"][0] < found["score without consensus"][1]


def entries() -> list[Entry]:
    networks = {"wide": 28.0, "narrow": 27.0, "decoder": 26.0}
    return [
        Entry("boat", "gaussian-10", name, 0, recording(peak_at=900, peak=peak))
        for name, peak in networks.items()
    ]


def test_the_stopping_table_sums_up_by_damage_network_and_over_everything() -> None:
    rows = {(row.damage, row.network, row.rule): row for row in stopping_rows(entries())}
    assert rows["gaussian-10", ALL, "600 iterations"].median_db == pytest.approx(0.3, abs=1e-3)
    assert rows[ALL, "wide", "600 iterations"].cases == 1
    assert rows[ALL, ALL, DEFAULT].cases == 3
    assert rows[ALL, ALL, DEFAULT].max_db == pytest.approx(0, abs=0.02)


def test_another_setting_of_the_rule_is_judged_beside_the_default() -> None:
    rows = stopping_rows(entries(), extra={"early": ValidationMinimum(floor=10, patience=10)})
    assert {row.rule for row in rows} >= {DEFAULT, "early"}


def test_the_ranking_table_counts_measurements_not_fits() -> None:
    rows = {(row.damage, row.criterion): row for row in ranking_rows(entries())}
    assert rows["gaussian-10", "score (default)"].kendall_tau == pytest.approx(1)
    assert rows["gaussian-10", "score (default)"].cases == 1
    assert rows[ALL, "random choice"].regret_mean_db == pytest.approx(1, abs=0.05)


def test_curves_survive_the_archive(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.npz", entries())
    back = read_archive(tmp_path / "a.npz")
    assert [entry.network for entry in back] == ["wide", "narrow", "decoder"]
    for before, after in zip(entries(), back, strict=True):
        for field in dataclasses.fields(Recording):
            assert np.array_equal(getattr(before.recording, field.name), getattr(after.recording, field.name))


def test_another_file_is_refused_as_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    with pytest.raises(FormatError, match=r"holds no recordings"):
        read_archive(tmp_path / "b.npz")


def test_groups_put_damages_of_a_task_together_and_everything_last() -> None:
    assert groups_of("gaussian-10") == (
        ("denoise", "gaussian-10"),
        ("denoise", "gaussian, σ known"),
        ("denoise", "all"),
        ("all", "all"),
    )
    assert groups_of("sr-4") == (("sr", "sr-4"), ("all", "all"))
    groups = sorted({group for damage in DAMAGES for group in groups_of(damage)}, key=group_order)
    assert groups[0] == ("inpaint", "missing-50")
    assert groups[-1] == ("all", "all")
