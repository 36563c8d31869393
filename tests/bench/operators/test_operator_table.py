"""The section on operators: means, gains picture by picture, and how right the score is."""

from __future__ import annotations

from dataclasses import replace

from dipsearch.bench.operators.operator_rows import OperatorRow
from dipsearch.bench.operators.operator_table import (
    best_classical,
    method_table,
    operators_markdown,
    score_table,
)


def row(method: str, psnr: float | None, *, picture: str = "one@96", **other: object) -> OperatorRow:
    plain = OperatorRow(
        operator="ct",
        picture=picture,
        method=method,
        limit=None,
        psnr=psnr,
        ssim=None,
        stop_loss_db=None,
        kendall_tau=None,
        estimate=None,
        seconds=None,
        seed=0,
        version="dipsearch 9",
        measurement=picture,
    )
    return replace(plain, **other)  # type: ignore[arg-type]


ROWS = [
    row("fbp ramp", 20.0),
    row("fbp hann", 26.0),
    row("tv", 25.0),
    row("fbp ramp", 21.0, picture="two@96"),
    row("fbp hann", 26.0, picture="two@96"),
    row("tv", 29.0, picture="two@96"),
    row("first answer", 28.0),
    row("first answer", 29.0, picture="two@96"),
    row("networks alone", 27.5, limit=60),
    row("delivered", 28.5, limit=60),
    row("delivered", 28.0, limit=60, picture="two@96"),
    row("delivered", 30.5, limit=240),
    row("dip-oracle", 20.0, limit=100),
    row("dip-oracle", 27.0, limit=1500),
]
NETWORKS = [
    row("network wide", 26.0, limit=1200, stop_loss_db=0.1),
    row("network slow", 25.0, limit=1200, stop_loss_db=0.5),
    row("network wide", 26.0, limit=1200, stop_loss_db=0.2, picture="two@96"),
    row("network slow", None, limit=1200, picture="two@96"),
    row("network slow", 10.0, limit=100, stop_loss_db=9.0),
    row("score", 26.0, limit=1200, kendall_tau=0.75, stop_loss_db=0.3),
    row("score", 26.0, limit=1200, kendall_tau=0.25, stop_loss_db=0.2, picture="two@96"),
]


def test_the_bar_is_the_classical_method_with_the_highest_mean() -> None:
    best = best_classical(ROWS, "ct")
    assert best is not None and (best.method, best.mean) == ("tv", 27.0)
    # One that was measured on fewer cases is no bar.
    fewer = best_classical([*ROWS[:2], *ROWS[3:5], row("tv", 40.0)], "ct")
    assert fewer is not None and fewer.method == "fbp hann"
    assert best_classical([row("first answer", 28.0)], "ct") is None


def test_methods_stand_side_by_side_and_gains_are_picture_by_picture() -> None:
    lines = method_table(ROWS, seconds=60).splitlines()
    assert lines[2] == "| ct | 2 | 27.00 tv | 28.50 | 27.50 (1) | 28.25 | 27.00 (1) | +1.25 | -1.00 |"
    longer = method_table(ROWS, seconds=240).splitlines()
    assert longer[2] == "| ct | 2 | 27.00 tv | 28.50 | – | 30.50 (1) | 27.00 (1) | +5.50 (1) | +5.50 |"


def test_the_score_is_judged_by_the_longest_fits() -> None:
    lines = score_table(NETWORKS).splitlines()
    assert lines[2:] == ["| ct | 2 | 4 | 0.20 | 0.50 | 0.50 | 0.25 |"]
    assert score_table([row("network a", None, limit=9)]).splitlines()[2:] == [
        "| ct | 1 | 1 | – | – | – | – |"
    ]


def test_the_section_has_a_table_for_each_budget_and_one_for_the_score() -> None:
    text = operators_markdown([*ROWS, *NETWORKS], command="python cli.py", date="2026-01-01")
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "## Operators: blurred pictures, tomograms and k-space",
        "### Searches of 1 min",
        "### Searches of 4 min",
        "### Stops and scores of single networks",
    ]
    assert "- ct: grey, 60 angles over 180 degrees" in text and "- mri" not in text
    assert text.endswith("Versions: dipsearch 9.")


def test_a_section_without_searches_or_rows_says_so() -> None:
    assert "### No search" in operators_markdown(ROWS[:3], command="", date="")
    assert operators_markdown([], command="", date="").endswith("Nothing was measured yet.")
