"""The page of the answers: regret against the oracle, gains over single answers, and who is counted."""

from __future__ import annotations

import pytest

from dipsearch.bench.answers.answer_rows import AnswerRow
from dipsearch.bench.answers.answer_table import (
    answered_cases,
    answers_markdown,
    bm3d_of_rivals,
    decision_table,
    level_table,
)
from dipsearch.bench.rivals.rival_rows import RivalRow


def search(
    picture: str, damage: str, *, seconds: int = 60, seed: int = 0, **psnr: float | None
) -> list[AnswerRow]:
    task = {"sigma25": "denoise", "sigma10": "denoise", "half": "inpaint", "x4": "sr"}[damage]
    return [
        AnswerRow(picture, task, damage, None if name == "bm3d" else seconds, name, 1.0, 0.0, value, 0.9, 5.0,
                  seed, None if name == "bm3d" else 2, "dipsearch 1", f"{picture} {damage} {seed}")
        for name, value in psnr.items()
    ]  # fmt: skip


ROWS = [
    *search(
        "a", "sigma25", first=30.0, best=28.0, ensemble=29.0, polished=30.3, combined=30.2, delivered=30.2
    ),
    *search("a", "sigma25", bm3d=29.9),
    *search("b", "sigma25", first=31.0, best=30.0, delivered=31.0),
    *search("a", "half", first=30.0, ensemble=30.5, polished=30.75, combined=30.7, delivered=30.7),
    *search("a", "sigma10", first=34.0, delivered=34.0),
]


def test_the_regret_is_against_the_best_of_all_answers_but_bm3d() -> None:
    cases = answered_cases([*ROWS, *search("b", "sigma25", bm3d=40.0)], bm3d={})
    assert [round(case.regret, 3) for case in cases] == [0.1, 0.0, 0.05, 0.0]
    assert [case.networks for case in cases] == [29.0, 30.0, 30.5, None]
    assert [case.bm3d for case in cases] == [29.9, 40.0, None, None]


def test_a_line_for_each_damage_and_one_for_the_usual_ones() -> None:
    cases = answered_cases(ROWS, bm3d={"b sigma25 0": 30.5})
    assert decision_table(cases).splitlines()[2:] == [
        "| denoise: noise of σ 25 | 2 | 50 % | 0.050 | 0.100 (a) | +0.10 | +0.00 | +1.10 | +0.40 |",
        "| denoise: noise of σ 10 | 1 | 100 % | 0.000 | 0.000 | +0.00 | +0.00 | – | – |",
        "| inpaint: half of the pixels missing | 1 | 100 % | 0.050 | 0.050 (a) | +0.70 | +0.70 | +0.20 | – |",
        "| all of sigma25, half | 3 | 67 % | 0.050 | 0.100 (a) | +0.30 | +0.00 | +0.80 | +0.40 (2) |",
    ]


def test_levels_have_gaps_and_say_of_how_many_they_are() -> None:
    lines = level_table(answered_cases(ROWS, bm3d={})).splitlines()
    assert lines[0] == "| damage | first | best | ensemble | polished | combined | delivered | BM3D |"
    assert lines[2] == (
        "| denoise: noise of σ 25 | 30.50 | 29.00 | 29.00 (1) | 30.30 (1) | 30.20 (1) | 30.60 | 29.90 (1) |"
    )
    assert lines[3] == "| denoise: noise of σ 10 | 34.00 | – | – | – | – | 34.00 | – |"


def test_a_delivery_without_a_finite_psnr_is_no_case() -> None:
    rows = search("a", "half", first=30.0, delivered=None)
    assert answered_cases(rows, bm3d={}) == []
    found = answered_cases(search("a", "half", first=None, delivered=30.0), bm3d={})
    assert found[0].regret == 0 and found[0].answers == {}


def test_what_rivals_hold_of_bm3d_is_found_by_the_measurement() -> None:
    row = RivalRow("a", "denoise", "sigma25", "BM3D", 30.0, None, 1.0, "v", 1.0, 0, "rival", "abc")
    assert bm3d_of_rivals([row]) == {"abc": 30.0}


def test_every_budget_has_tables_of_its_own() -> None:
    rows = [*ROWS, *search("a", "x4", seconds=240, first=24.0, delivered=24.0)]
    page = answers_markdown(rows, bm3d={}, command="bench answers x", date="2026-11-26")
    assert page.index("### Searches of 1 min, 2 pictures") < page.index("### Searches of 4 min, 1 picture\n")
    assert "`bench answers x`, 2026-11-26." in page and "Versions: dipsearch 1." in page
    assert "all of" not in page.split("### Searches of 4 min")[1]
    assert "Nothing was measured yet." in answers_markdown([], bm3d={}, command="c", date="d")


def test_seeds_are_cases_of_their_own() -> None:
    rows = [*ROWS, *search("a", "sigma25", seed=1, first=30.0, delivered=29.0)]
    cases = answered_cases(rows, bm3d={})
    assert len(cases) == 5 and cases[-1].regret == pytest.approx(1.0)
