"""Our search among the compared methods: its command line, the rows of its result, and how it fails."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from dipsearch.bench.cases.rival_case import RivalCase, make_case
from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS
from dipsearch.bench.rivals.own_search import (
    SearchOutcome,
    own_answers,
    run_search,
    search_arguments,
    search_rows,
    search_title,
)
from dipsearch.bench.shared import search_process
from dipsearch.bench.shared.processes import processes
from dipsearch.commands.main import app
from dipsearch.errors import ResourceError

RESULT = {
    "delivered_psnr": 30.125678,
    "delivered_ssim": 0.9,
    "version": "1.2",
    "stack": {"psnr": 28.0, "ssim": 0.8},
}
ANSWERS = [
    {"name": "first", "estimate": 29.0, "psnr": 29.5, "seconds": 3.5},
    {"name": "ensemble", "estimate": 28.0, "psnr": 28.25, "seconds": 18.0},
    {"name": "best", "estimate": 27.0, "psnr": 27.5, "seconds": 18.0},
]


@pytest.fixture
def case(tmp_path: Path) -> RivalCase:
    return make_case("sample:cat@96", DAMAGES_OF_RIVALS["x4"], seed=5, folder=tmp_path)


def test_the_command_can_be_typed(case: RivalCase) -> None:
    command = search_arguments(case, budget=20, workers=2, seed=5, name="x")
    parser = typer.main.get_command(app).commands["search"]  # type: ignore[attr-defined]
    given = parser.make_context("search", command[1:]).params
    assert given["task"] == "sr" and given["factor"] == 4 and given["budget"] == "20s" and given["seed"] == 5
    assert given["reference"] == str(case.reference) and given["workers"] == 2


def test_what_is_known_of_the_noise_is_typed_and_what_is_usual_is_not(tmp_path: Path) -> None:
    told = replace(DAMAGES_OF_RIVALS["sigma25"], sigma=25, bits=32)
    case = make_case("sample:cat@96", told, seed=5, folder=tmp_path)
    typed = search_arguments(case, budget=7.5, workers=None, seed=5, name="x")
    assert typed[typed.index("--sigma") + 1] == "25" and typed[typed.index("--budget") + 1] == "7.5s"
    assert not {"--factor", "--workers", "--device"} & set(typed)
    assert case.file.suffix == ".tiff" and case.problem.noise.source == "given"
    typed = search_arguments(case, budget=7.5, workers=3, seed=5, name="x", device="cuda:1")
    assert typed[typed.index("--workers") + 1] == "3" and typed[typed.index("--device") + 1] == "cuda:1"


def test_answers_have_their_luma_and_the_name_that_the_search_gives_them() -> None:
    luma = [answer | {"psnr_luma": answer["psnr"] + 1} for answer in ANSWERS]  # type: ignore[operator]
    result = RESULT | {"answers": luma, "delivered": "combined", "delivered_psnr_luma": 31.5}
    found = own_answers(SearchOutcome(result, None, 20.5))
    assert [(one.name, one.source, one.psnr, one.psnr_luma, one.wall_s) for one in found] == [
        ("delivered", "combined", 30.1257, 31.5, 20.5),
        ("networks", "ensemble", 28.25, 29.25, 20.5),
        ("first", "first", 29.5, 30.5, 3.5),
    ]
    assert {one.cpu_s for one in found} == {None}


def test_budgets_are_named_as_people_say_them() -> None:
    assert [search_title(seconds) for seconds in (20, 60, 90, 240)] == ["20 s", "1 min", "90 s", "4 min"]


def test_a_result_gives_the_delivered_the_networks_and_once_the_first_answer(case: RivalCase) -> None:
    outcome = SearchOutcome(RESULT | {"answers": ANSWERS}, cpu_s=38.0, wall_s=20.5)
    rows = search_rows(case, outcome, seconds=20, first=True)
    assert [(row.method, row.psnr, row.ssim, row.cpu_s, row.wall_s) for row in rows] == [
        ("dipsearch 20 s", 30.1257, 0.9, 38.0, 20.5),
        ("networks alone 20 s", 28.25, None, 38.0, 20.5),
        ("first answer", 29.5, None, None, 3.5),
    ]
    assert {(row.side, row.version, row.damage, row.seed) for row in rows} == {
        ("ours", "dipsearch 1.2", "x4", 5)
    }
    assert len(search_rows(case, outcome, seconds=20, first=False)) == 2


def test_a_result_without_answers_has_its_ensemble_still(case: RivalCase) -> None:
    for result in (RESULT, RESULT | {"answers": []}):
        rows = search_rows(case, SearchOutcome(result, 38.0, 20.5), seconds=60, first=True)
        assert [(row.method, row.psnr) for row in rows] == [
            ("dipsearch 1 min", 30.1257),
            ("networks alone 1 min", 28.0),
        ]
    best = {"stack": None, "answers": [ANSWERS[0], ANSWERS[2]]}
    rows = search_rows(case, SearchOutcome(RESULT | best, 38.0, 20.5), seconds=60, first=False)
    assert [row.psnr for row in rows] == [30.1257, 27.5]


def test_a_search_that_fails_says_its_own_last_line(case: RivalCase) -> None:
    case.file.unlink()
    with pytest.raises(ResourceError, match=r"the search of 1 s failed: .*measurement.*does not exist"):
        run_search(1)(case, 1, 0)


PROCESSES = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
pathlib.Path(os.environ["NOTES"]).write_text(f"{child.pid} {os.environ['DIPSEARCH_LIBRARY']} {os.listdir()}")
time.sleep(100)
"""


def test_a_search_that_hangs_is_given_up_with_all_of_its_processes(
    case: RivalCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_process, "PROGRAM", (sys.executable, "-c", PROCESSES))
    monkeypatch.setattr(
        "dipsearch.bench.rivals.own_search.PATIENCE", -297
    )  # three seconds, with the five minutes
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("DIPSEARCH_LIBRARY", "/mine")
    with pytest.raises(ResourceError, match="it had not ended and was given up"):
        run_search(1)(case, 1, 0)
    child, library, *there = (tmp_path / "notes").read_text().split()
    assert int(child) not in {one.pid for one in processes() if one.alive}
    assert library != "/mine" and not Path(library).exists() and there == ["[]"]


def test_the_networks_that_somebody_has_kept_are_hidden_and_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kept in ("/mine", None):
        monkeypatch.setenv("DIPSEARCH_LIBRARY", kept) if kept else monkeypatch.delenv("DIPSEARCH_LIBRARY")
        with search_process.no_library():
            assert list(Path(os.environ["DIPSEARCH_LIBRARY"]).iterdir()) == []
        assert os.environ.get("DIPSEARCH_LIBRARY") == kept
