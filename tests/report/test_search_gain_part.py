"""What searching brought: in words, also when it is nothing, and as two courses of the best so far."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dipsearch.report import figures
from dipsearch.report.page import render
from dipsearch.report.search_gain_part import AnytimeRow, anytime_rows, gain_words
from dipsearch.run import StudyRecord

MakeStudy = Callable[..., StudyRecord]


def gain(known: int | None, made: int | None, value: float | None, error: float | None) -> dict[str, Any]:
    return {"known": known, "made": made, "gain": value, "standard_error": error}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (gain(0, 1, 0.4, 0.1), "Searching brought +0.40 ± 0.10 dB (candidate 1"),
        (gain(0, 1, 0.4, None), "Searching brought +0.40 dB"),
        (gain(0, 1, 0.05, 0.1), "brought nothing that can be told from chance: +0.05 ± 0.10 dB"),
        (gain(0, 1, -0.2, 0.1), "brought nothing that can be told from chance: −0.20 ± 0.10 dB"),
        (gain(0, None, None, None), "brought nothing: no network that the search made"),
        (gain(None, 3, None, None), "No known network was compared"),
    ],
)
def test_the_gain_is_said_also_when_it_is_nothing(
    found: dict[str, Any], words: str, make_study: MakeStudy, result: dict[str, Any]
) -> None:
    assert words in gain_words(make_study(result=result | {"search_gain": found}))


def test_a_study_of_an_older_version_says_nothing_of_it(make_study: MakeStudy) -> None:
    assert gain_words(make_study()) == ""


def test_the_best_so_far_is_followed_with_and_without_the_search(make_study: MakeStudy) -> None:
    record = make_study()
    rows = anytime_rows(record)
    assert [(row.candidates, row.best, row.known) for row in rows] == [(1, 25.0, 25.0), (2, 27.5, 25.0)]
    bred = [replace(trial, operator="random") for trial in record.trials]
    assert [row.known for row in anytime_rows(replace(record, trials=tuple(bred)))] == [None, None]


def test_the_figure_has_a_line_for_what_is_known_and_for_nothing_else() -> None:
    rows = [AnytimeRow(10.0, 1, 25.0, 25.0), AnytimeRow(20.0, 2, 27.0, 25.0)]
    assert [line.name for line in figures.anytime(rows).data] == ["all candidates", "known networks alone"]
    expected = figures.anytime(rows, expectation=[(5.0, 24.0), (30.0, 27.0)], bar=26.0)
    assert [line.name for line in expected.data][-1] == "expected of such searches"
    assert list(expected.data[-1].y) == [24.0, 27.0]


def test_the_page_shows_it_where_the_winner_is_explained(
    make_study: MakeStudy, result: dict[str, Any]
) -> None:
    page = render(make_study(result=result | {"search_gain": gain(0, 1, 2.5, 0.3)}))
    part = page[page.index('id="h-choice"') : page.index('id="h-network"')]
    assert (
        "The lines are the best so far" in part and "dashed" not in part
    )  # nothing is recorded of such networks
    assert "What searching brought" in part and "+2.50 ± 0.30 dB" in part
