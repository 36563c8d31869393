"""What the repository holds of replayed searches belongs to its table and to today's code."""

from pathlib import Path

import pytest

from dipsearch.bench.shared.search_rows import read_search_rows
from dipsearch.bench.tabular import Table
from dipsearch.bench.tabular.comparisons.expected_courses import expected_course_of
from dipsearch.bench.tabular.comparisons.search_comparison import STRATEGIES
from dipsearch.bench.tabular.recorded.table import cases_of
from dipsearch.library.expected_course import FILE, expected_course

ROOT = Path(__file__).parents[3] / "benchmarks"

pytestmark = pytest.mark.skipif(
    not (ROOT / "table.npz").exists() or not (ROOT / "search.json").exists(),
    reason="this copy of the repository has no table",
)


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.read(ROOT / "table.npz")


@pytest.mark.parametrize("name", ["test", "tuning"])
def test_every_strategy_has_thirty_searches_on_both_sets(table: Table, name: str) -> None:
    every, about = read_search_rows(ROOT / "search.json", source="table")
    rows = [row for row in every if row.set == name]
    assert {row.strategy for row in rows} == {*STRATEGIES}
    assert {row.task for row in rows} == {case.task for case in table.cases}
    assert min(row.seeds for row in rows) >= 30
    assert {row.measurement for row in rows} == {table.checksum[:12]}
    assert {"command", "date", "versions", "fits", "peak", "importances", "dry"} <= {*about[name]}


def test_the_course_that_ships_is_that_of_todays_search(table: Table) -> None:
    assert f"table {table.checksum[:12]}" in FILE.read_text(encoding="utf-8")
    shipped = expected_course("sr")
    again = expected_course_of(table, cases_of(table, set="test", task="sr"))
    assert len(shipped) == len(again)
    for place in (len(again) // 3, len(again) - 1):
        assert shipped[place] == (
            pytest.approx(again[place][0], abs=1),
            pytest.approx(again[place][1], abs=0.002),
        )
