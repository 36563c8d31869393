"""A search in slices: whatever interrupts it, a picture is delivered, and fits go on where they were."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dipsearch.bench.shared.processes import workers
from dipsearch.errors import StudyError
from dipsearch.report import write_page
from dipsearch.run import Outcome, Request, Snapshot, read_study, run_search
from dipsearch.run.result import write_outputs
from dipsearch.run.searching import Search
from dipsearch.run.slice_log import read_slices
from dipsearch.trials.claim import claim

from .test_study_side import Ear, furnish, request

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny picture and space, and slices of a blink."""
    monkeypatch.setattr("dipsearch.run.search_slices.UNTIMED_SLICE", 0.1)
    return furnish(tmp_path)


class Doing(Ear):
    """Does something once, when a candidate has come so far."""

    def __init__(self, deed: Callable[[], None], *, at: int = 40) -> None:
        super().__init__()
        self.deed, self.at, self.done = deed, at, False

    def progress(self, snapshot: Snapshot) -> None:
        if not self.done and any(worker.step >= self.at for worker in snapshot.workers):
            self.done = True
            self.deed()


def run(place: Path, asked: Request, ear: Ear, *, resume: bool = False) -> Outcome:
    return run_search(asked, root=place / "studies", resume=resume, callback=ear)


def steps_of(folder: Path) -> dict[int, int]:
    """How far each candidate has come."""
    return {row.candidate: row.after for row in read_slices(folder)}


@pytest.mark.parametrize("sign", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_who_asks_to_finish_gets_a_picture_and_can_go_on_later(place: Path, sign: str) -> None:
    asked = request(place, steps=400, trials=2, workers=2)
    signal.signal(getattr(signal, sign), signal.default_int_handler)  # the tests may run behind nohup
    ear = Doing(lambda: os.kill(os.getpid(), getattr(signal, sign)))
    outcome = run(place, asked, ear)
    assert outcome.interrupted and np.isfinite(outcome.images[0].numpy()).all()
    assert any("no more fits; delivering what there is takes about" in note for note in ear.notes)
    before = steps_of(outcome.folder)
    assert max(before.values()) < 400  # nobody came to the end
    assert not any(trial.state == "failed" for trial in read_study(outcome.folder).trials)
    if sign != "SIGINT":  # it is gone on with in the same way
        return
    again = run(place, asked, Ear(), resume=True)
    later = list(read_slices(again.folder))[-1]
    first = {
        row.candidate: row.before
        for row in reversed([*read_slices(again.folder)])
        if row.why == "taken up again"
    }
    assert first == before  # each went on from where it had been, not from the beginning
    assert later.after == 400
    assert [trial.state for trial in read_study(again.folder).trials] == ["complete", "complete"]


def test_a_signal_is_answered_while_the_picture_is_written_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: Any, **named: Any) -> Outcome:
        os.kill(os.getpid(), signal.SIGTERM)
        return write_outputs(*given, **named)

    monkeypatch.setattr("dipsearch.run.search_run.write_outputs", interrupted)
    ear = Ear()
    outcome = run(place, request(place, steps=40, trials=1), ear)
    assert np.isfinite(outcome.images[0].numpy()).all()
    said = "SIGTERM: no more fits; delivering what there is takes about 2 s (once more: stop at once)"
    assert [note for note in ear.notes if "SIGTERM" in note] == [said]


def test_an_interrupted_search_ends_where_the_uninterrupted_one_does(place: Path) -> None:
    asked = request(place, steps=120, trials=2)
    whole = run(place, replace(asked, name="whole"), Ear())
    run(place, asked, Doing(lambda: os.kill(os.getpid(), signal.SIGTERM)))
    again = run(place, asked, Ear(), resume=True)
    assert np.array_equal(whole.images[0].numpy(), again.images[0].numpy())


def test_a_worker_that_is_killed_costs_its_slice_and_nothing_else(place: Path) -> None:
    asked = request(place, steps=200, trials=2)

    def kill() -> None:
        os.kill(workers(os.getpid())[0], signal.SIGKILL)

    ear = Doing(kill)
    outcome = run(place, asked, ear)
    assert ear.done and any("its process died (SIGKILL" in note for note in ear.notes)
    assert outcome.result["trials"] == {"complete": 2, "resting": 0, "pruned": 0, "failed": 0}
    whole = run(place, replace(asked, name="whole"), Ear())
    assert np.array_equal(whole.images[0].numpy(), outcome.images[0].numpy())


def test_a_worker_that_hangs_costs_its_slice_and_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.execution.hanging.SECONDS", 2.0)
    monkeypatch.setattr("dipsearch.execution.hanging.TIMES", 2.0)
    asked = request(place, steps=120, trials=1)
    ear = Doing(lambda: os.kill(workers(os.getpid())[0], signal.SIGSTOP))
    outcome = run(place, asked, ear)
    assert ear.done and any(
        "has not answered for" in note and note.endswith("another one goes on with it") for note in ear.notes
    )
    assert outcome.result["trials"] == {"complete": 1, "resting": 0, "pruned": 0, "failed": 0}
    whole = run(place, replace(asked, name="whole"), Ear())
    assert np.array_equal(whole.images[0].numpy(), outcome.images[0].numpy())


def test_a_study_has_one_search_at_a_time(place: Path) -> None:
    asked = request(place)
    folder = run(place, asked, Ear()).folder
    with claim(folder, new=False):
        with pytest.raises(StudyError, match=r"is being worked on by process \d+ on .* since"):
            run(place, asked, Ear(), resume=True)
        with pytest.raises(StudyError, match=r"the study 'study'"):
            run(place, asked, Ear())


def test_every_slice_is_logged_and_shown_with_its_reason(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear, shown = Ear(), set[str]()
    monkeypatch.setattr(ear, "progress", lambda snapshot: shown.update(w.why for w in snapshot.workers))
    outcome = run(place, request(place, steps=60, trials=1), ear)
    assert "to its end" in shown
    rows = list(read_slices(outcome.folder))
    assert [row.before for row in rows[1:]] == [row.after for row in rows[:-1]]
    assert rows[0].before == 0 and rows[-1].after == 60 and {row.why for row in rows} == {"to its end"}


def test_a_database_that_goes_away_in_the_middle_loses_nothing(place: Path, postgres: PostgresServer) -> None:
    asked = request(place, steps=150, trials=3, storage=postgres.url, name=f"slices{os.getpid()}")
    ear = Doing(postgres.terminate_connections)
    outcome = run(place, asked, ear)
    assert ear.done and outcome.result["trials"]["complete"] == 3
    states = [trial.state for trial in read_study(outcome.folder, storage=postgres.url).trials]
    assert states == ["complete"] * 3


def test_a_candidate_that_got_no_slice_is_no_failure(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begun_and_over(search: Search) -> None:
        if not search.candidates:
            search._new()

    monkeypatch.setattr(Search, "_next", begun_and_over)
    outcome = run(place, request(place, budget_seconds=600.0), Ear())
    assert outcome.result["trials"] == {"complete": 0, "resting": 1, "pruned": 0, "failed": 0}
    (trial,) = read_study(outcome.folder).trials
    assert (trial.state, trial.reason) == ("resting", "the search was over before its first slice")
    assert not trial.counts
    assert np.isfinite(outcome.images[0].numpy()).all()  # the first answer
    assert (
        "before its first slice" in write_page(read_study(outcome.folder), to=place / "page.html").read_text()
    )
