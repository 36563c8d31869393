"""A timed search leaves candidates that rest, and one that is resumed goes on with them from where they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dipsearch.execution.task import STATE, Slice
from dipsearch.planning.policy import ExpectedGain, Move, Situation
from dipsearch.report import write_page
from dipsearch.report.tables import candidate_rows, counts
from dipsearch.run import Outcome, StudyRecord, read_study
from dipsearch.run.search_time import SearchTime
from dipsearch.run.searching import Search
from dipsearch.run.slice_log import read_slices

from .test_slices import place as place
from .test_slices import run, steps_of
from .test_study_side import Ear, request

COUNT = 2


class Evenly(ExpectedGain):
    """Begin all that may be begun, then advance who is least far."""

    def decide(self, situation: Situation) -> Move | None:
        """However fast anybody is."""
        able = [one for one in situation.contestants if one.free]
        if situation.can_begin or not able:
            return Move(None, 20, "a new one") if situation.can_begin else None
        return Move(min(able, key=lambda one: (one.steps, one.number)).number, 20, "least far")


@pytest.fixture
def timed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for searches that end as by a clock, after some slices; a first look is over with the first of them."""
    monkeypatch.setattr("dipsearch.run.candidate.least_steps", lambda network: 10)
    monkeypatch.setattr("dipsearch.run.search_run.policy_of", lambda run: Evenly())
    monkeypatch.setattr(SearchTime, "decides", True)
    following, given = Search._next, dict[int, int]()

    def few(search: Search) -> Slice | None:
        given[id(search)] = given.get(id(search), 0) + 1
        return following(search) if given[id(search)] <= 2 * COUNT else None

    monkeypatch.setattr(Search, "_next", few)
    return place


def searched(place: Path, ear: Ear | None = None, *, resume: bool = False) -> tuple[Outcome, StudyRecord]:
    outcome = run(place, request(place, steps=5000, trials=COUNT), ear or Ear(), resume=resume)
    return outcome, read_study(outcome.folder)


def test_what_rested_is_gone_on_with_and_counts_once(timed: Path) -> None:
    first, before = searched(timed)
    assert {trial.state for trial in before.trials} == {"resting"} and len(before.trials) == COUNT
    assert first.result["trials"] == {"complete": 0, "resting": COUNT, "pruned": 0, "failed": 0}
    assert all(trial.psnr is not None for trial in before.trials)
    stood, seen = steps_of(first.folder), len([*read_slices(first.folder)])
    ear = Ear()
    again, after = searched(timed, ear, resume=True)
    assert f"{COUNT} candidates that were under way are gone on with" in ear.notes
    since = [*read_slices(again.folder)][seen:]
    assert {row.candidate: row.before for row in reversed(since)} == stood
    assert all(steps > stood[number] for number, steps in steps_of(again.folder).items())
    assert [trial.number for trial in after.trials] == [0, 1]
    assert {t.number: t.steps for t in after.trials} == steps_of(again.folder)
    assert len(candidate_rows(after)) == COUNT == counts(after)["resting"]
    members = again.result["pictures"][0]["stack"]["members"]
    assert len(members) == len(set(members))
    assert np.isfinite(again.images[0].numpy()).all()
    assert "resting" in write_page(after, to=timed / "page.html").read_text()


def test_who_rested_and_whose_files_are_gone_counts_with_what_it_had_reached(timed: Path) -> None:
    first, before = searched(timed)
    (first.folder / "trials" / "0001" / STATE).unlink()
    _, after = searched(timed, resume=True)
    assert after.trials[1].state == "complete"
    assert after.trials[1].estimated_psnr == before.trials[1].estimated_psnr
    assert after.trials[0].state == "resting"
