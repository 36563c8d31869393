"""The recordings in the repository give the tables in the repository, without fitting anything."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from dipsearch.bench.recordings.archive import read_archive
from dipsearch.bench.recordings.score_tables import deviation, ranking_rows, stopping_rows

FOLDER = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize(("name", "rows"), [("stopping", stopping_rows), ("ranking", ranking_rows)])
def test_a_replay_gives_the_committed_table(name: str, rows: object) -> None:
    assert callable(rows)
    entries = read_archive(FOLDER / "recordings.npz")
    committed = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    found = [asdict(row) for row in rows(entries)]
    assert len(found) == len(committed) > 40
    for ours, theirs in zip(found, committed, strict=True):
        assert {key: value for key, value in ours.items() if isinstance(value, str | int)} == {
            key: value for key, value in theirs.items() if isinstance(value, str | int)
        }
        for key, value in ours.items():
            if isinstance(value, float):
                assert value == pytest.approx(theirs[key], abs=2e-3)


def test_a_spread_is_that_of_a_sample() -> None:
    assert deviation([1.0, 2.0, 3.0]) == 1.0 and deviation([4.0]) == 0.0


def test_the_recordings_are_small() -> None:
    assert (FOLDER / "recordings.npz").stat().st_size < 5_000_000
