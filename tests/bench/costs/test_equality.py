"""The equality table: ours against the textbook loop, beside two runs of the textbook loop."""

from __future__ import annotations

import json

import pytest

from dipsearch.bench import EqualityRow, equality_markdown, measure_equality
from dipsearch.bench.costs.equality import EqualityTable


def table(*rows: EqualityRow) -> EqualityTable:
    return EqualityTable("a machine", "python", {"torch": "2"}, "2026-01-01", "32x4", 64, 300, rows)


def test_differences_are_summed_up_by_picture_and_over_all() -> None:
    made = table(
        EqualityRow("a", 0, 25.2, 25.0, 24.9),
        EqualityRow("a", 1, 25.0, 25.0, 25.1),
        EqualityRow("b", 0, 26.0, 26.1, 26.0),
    )
    summaries = made.to_dict()["summaries"]
    assert summaries["a"]["difference"]["mean"] == pytest.approx(0.1)
    assert summaries["a"]["between_textbooks"]["mean"] == pytest.approx(0.0)
    assert summaries["b"]["difference"]["sd"] is None
    assert summaries["all"]["difference"]["mean"] == pytest.approx(0.1 / 3)
    assert (
        equality_markdown(made)
        .splitlines()[-3]
        .startswith("| a | 2 | 25.00 | +0.100 ± 0.141 | +0.000 ± 0.141 |")
    )
    json.dumps(made.to_dict(), allow_nan=False)


@pytest.mark.slow
def test_both_loops_come_as_far_in_as_many_steps() -> None:
    (row,) = measure_equality(["sample:astronaut"], side=32, seeds=1, steps=60).rows
    assert row.picture == "astronaut"
    assert abs(row.difference) < 1.5
