"""Pre-selection measured: regret of what is tried first, never by what the same picture says of itself."""

import pytest

from dipsearch.bench.searches.preselection_rows import preselection_markdown, regrets
from dipsearch.library.measurement_features import FEATURES
from dipsearch.library.preselection import EvidenceRow


def rows(*, alike: bool) -> list[EvidenceRow]:
    """Six pictures; on every second one b is half a decibel better, and ``alike`` says whether features tell."""
    found = []
    for index in range(6):
        value = float(index % 2) if alike else 0.0
        for network, psnr in (("a", 30.0), ("b", 30.5 if index % 2 else 29.5)):
            features = dict.fromkeys(FEATURES, value)
            found.append(EvidenceRow(f"p{index}", "denoise", features, network, psnr, 100))
    return found


def test_features_that_tell_take_the_regret_away() -> None:
    found = {
        (one.order, one.task): one
        for one in regrets(rows(alike=True), networks={"denoise": ["a", "b"]}, neighbours=(2,))
    }
    fixed, similar = found["fixed", "all"], found["2 similar", "all"]
    assert (fixed.cases, fixed.mean, fixed.largest, fixed.hits) == (6, 0.25, 0.5, 3)
    assert (similar.mean, similar.hits) == (0.0, 6)
    assert found["fixed", "denoise"].mean == 0.25


def test_a_picture_does_not_tell_of_itself() -> None:
    # With equal features and one neighbour, a case that could ask itself would have no regret.
    (similar,) = [
        one
        for one in regrets(rows(alike=False), networks={"denoise": ["a", "b"]}, neighbours=(1,))
        if (one.order, one.task) == ("1 similar", "all")
    ]
    assert similar.mean > 0.1


def test_the_section_has_a_line_for_each_order_and_task() -> None:
    found = regrets(rows(alike=True), networks={"denoise": ["a", "b"]}, neighbours=(1, 3))
    page = preselection_markdown(
        found, command="bench preselection", date="2026-01-01", pictures=["p0", "p1"]
    )
    assert page.count("\n| ") == 1 + 2 * 3
    assert "| fixed | all | 6 | 0.250 | 0.50 | 3 |" in page


def test_without_another_picture_of_the_task_the_order_is_fixed() -> None:
    one = [row for row in rows(alike=True) if row.picture == "p1"]
    assert [
        each.mean for each in regrets(one, networks={"denoise": ["a", "b"]}, neighbours=(1,))
    ] == pytest.approx([0.5] * 4)
