"""Searches side by side: so many at once and no more, each told of when it ends, and none left behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from dipsearch.bench.cases.rival_case import make_case
from dipsearch.bench.published import parallel_searches
from dipsearch.bench.published.parallel_searches import begin_search, side_by_side
from dipsearch.bench.published.published_tasks import TASKS
from dipsearch.bench.rivals.own_search import SearchOutcome
from dipsearch.bench.shared.search_process import PROGRAM
from dipsearch.errors import InputError, ResourceError
from dipsearch.problem import write_image
from tests.bench.published.published_pictures import Search


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_searches, "EVERY", 0.001)


def test_a_place_is_filled_as_soon_as_a_search_ends() -> None:
    events: list[str] = []
    looks = {"slow": 5, "quick": 1, "next": 1, "last": 9}
    side_by_side(
        looks,
        at_once=2,
        begin=lambda name: Search(name, looks[name], events),
        took=lambda name, found: events.append(f"took {name}"),
    )
    assert events[:5] == ["begin slow", "begin quick", "close quick", "took quick", "begin next"]
    running = most = 0
    for event in events:
        running += {"begin": 1, "close": -1, "took": 0}[event.split()[0]]
        most = max(most, running)
    assert (most, running) == (2, 0)
    assert {event for event in events if event.startswith("took")} == {f"took {name}" for name in looks}


def test_a_search_that_fails_costs_the_others_nothing() -> None:
    found: dict[str, str] = {}

    def took(name: str, outcome: SearchOutcome | ResourceError) -> None:
        found[name] = type(outcome).__name__

    side_by_side(
        ["one", "two", "three"],
        at_once=1,
        begin=lambda name: Search(name, 1, [], fails=name == "two"),
        took=took,
    )
    assert found == {"one": "SearchOutcome", "two": "ResourceError", "three": "SearchOutcome"}


def test_whoever_asks_for_the_end_leaves_no_search_behind() -> None:
    events: list[str] = []

    class Interrupted(Search):
        def outcome(self) -> SearchOutcome | None:
            os.kill(os.getpid(), signal.SIGTERM)
            return None

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        side_by_side(
            ["one", "two"],
            at_once=2,
            begin=lambda name: Interrupted(name, 9, events),
            took=lambda name, found: None,
        )
    assert events == ["begin one", "begin two", "close one", "close two"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_picture_that_cannot_be_read_ends_what_runs() -> None:
    events: list[str] = []

    def names():
        yield "one"
        raise InputError("two is no picture")

    with pytest.raises(InputError, match="two is no picture"):
        side_by_side(
            names(), at_once=2, begin=lambda name: Search(name, 9, events), took=lambda name, found: None
        )
    assert events == ["begin one", "close one"]


def test_the_program_is_started_as_a_person_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the place of ours writes its own command line as the result."""
    program = (
        "import json, pathlib, sys; place = pathlib.Path('studies/published'); place.mkdir(parents=True); "
        "place.joinpath('result.json').write_text(json.dumps({'typed': sys.argv[1:], 'pictures': []}))"
    )
    monkeypatch.setattr("dipsearch.bench.shared.search_process.PROGRAM", (PROGRAM[0], "-c", program))
    monkeypatch.setattr(
        parallel_searches, "read_delivery", lambda study: json.loads((study / "result.json").read_text())
    )
    write_image(tmp_path / "one.png", torch.rand(1, 3, 40, 48))
    case = make_case(str(tmp_path / "one.png"), TASKS["denoise"].damage, seed=4, folder=tmp_path / "files")
    found: list[SearchOutcome | ResourceError] = []
    side_by_side(
        [case],
        at_once=1,
        begin=begin_search(seconds=60, device="cuda", workers=None),
        took=lambda _, outcome: found.append(outcome),
    )
    (outcome,) = found
    assert isinstance(outcome, SearchOutcome)
    typed = outcome.result["typed"]
    assert typed[:2] == ["search", str(case.file)] and "--workers" not in typed
    pairs = dict(zip(typed[2::2], typed[3::2], strict=True))
    assert pairs == {
        "--task": "denoise", "--sigma": "25", "--reference": str(case.reference), "--budget": "60s",
        "--device": "cuda", "--seed": "4", "--name": "published",
    }  # fmt: skip


def test_a_program_that_delivers_nothing_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; sys.exit('dipsearch: error: there is no GPU')"
    monkeypatch.setattr("dipsearch.bench.shared.search_process.PROGRAM", (PROGRAM[0], "-c", program))
    write_image(tmp_path / "one.png", torch.rand(1, 3, 64, 64))
    case = make_case(str(tmp_path / "one.png"), TASKS["sr4"].damage, seed=4, folder=tmp_path / "files")
    found: list[SearchOutcome | ResourceError] = []
    side_by_side(
        [case],
        at_once=1,
        begin=begin_search(seconds=60, device="auto", workers=1),
        took=lambda _, outcome: found.append(outcome),
    )
    assert [str(one) for one in found] == ["the search of 60 s failed: there is no GPU"]
