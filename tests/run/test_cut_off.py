"""Who is cut off, by the end of the time or by dead workers, is no failure: a resumed search goes on with it."""

from __future__ import annotations

import math
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dipsearch.execution.executor import GIVEN_UP, Interrupted, TaskFailed, WorkerDied, WorkerSpec
from dipsearch.execution.runner import TRIES, Runner
from dipsearch.execution.runner import Asked as Wish
from dipsearch.execution.task import Result, Slice, Task
from dipsearch.execution.worker import Worker
from dipsearch.planning.budget import finishing_seconds
from dipsearch.planning.policy import ExpectedGain, InTurn
from dipsearch.report import write_page
from dipsearch.report.tables import candidate_rows
from dipsearch.run import Outcome, read_study, run_search
from dipsearch.run.candidate import Candidate
from dipsearch.run.scheduler import GRACE, WRITING, Scheduler
from dipsearch.run.search_slices import slice_of, slice_seconds
from dipsearch.run.searching import MOST_DEATHS, NOT_BEGUN, TOO_SHORT, Search
from dipsearch.trials.own_parts import OwnParts

from .test_racing import advanced, went
from .test_slices import place as place
from .test_study_side import Ear, request
from .test_what_is_left import idle_search


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def search(tmp_path: Path, said: list[str]) -> Search:
    """A timed search on a small picture without anybody who works."""
    found = idle_search(tmp_path)
    found.policy, found.runner.asked, found.runner.say = ExpectedGain(), Wish(), said.append
    found.runner.left = lambda: math.inf
    return found


def begun(search: Search, steps: int) -> Candidate:
    """A new candidate that has come so far before its first look, or beyond it."""
    candidate = search.books.ask().candidate
    assert candidate is not None
    search.candidates[candidate.number] = candidate
    if steps:
        advanced(candidate, steps, went(steps, mse=0.01))
        search.books.note(candidate)
    return candidate


def cut_off(search: Search, candidate: Candidate, why: Exception) -> None:
    search._since[candidate.number] = 0.0, candidate.steps, ""
    search._took(slice_of(search.run, candidate), why, 0)


@pytest.mark.parametrize("asked", ["", "Ctrl-C"])
def test_who_had_no_first_look_when_it_was_over_rests_and_is_gone_on_with(search: Search, asked: str) -> None:
    looked, short, fresh = (begun(search, steps) for steps in (2000, 10, 0))
    assert short.look > 10
    search.runner.asked.by = asked
    search._leave_unseen()
    if not asked:
        search._tell_all()
    trials = [search.books.trial(one.number) for one in (looked, short, fresh)]
    assert [(trial.state, trial.counts) for trial in trials] == [
        ("resting", True),
        ("resting", False),
        ("resting", False),
    ]
    assert [trial.reason for trial in trials] == [
        None if asked else "the time was over",
        TOO_SHORT,
        NOT_BEGUN,
    ]
    assert [trial.number for trial in search.run.trials() if trial.counts] == [looked.number]
    again = [one.number for one in search.books.under_way(best=0)]
    assert again == [short.number, fresh.number]  # the files of the other one were never written


def test_who_goes_on_has_no_reason_to_rest_any_more(search: Search) -> None:
    begun(search, 2000)
    candidate = begun(search, 10)
    search._leave_unseen()
    again = next(one for one in search.books.under_way(best=8) if one.number == candidate.number)
    advanced(again, 15, went(15, mse=0.01))
    search.books.note(again)
    trial = search.books.trial(candidate.number)
    assert (trial.state, trial.reason) == ("running", None)


@pytest.mark.parametrize("why", [GIVEN_UP, "its worker died 3 times", "its process died (SIGKILL)"])
@pytest.mark.parametrize("steps", [0, 10, 2000])
def test_who_is_cut_off_is_no_failure_and_is_not_handed_out_again(
    search: Search, said: list[str], why: str, steps: int
) -> None:
    candidate = begun(search, steps)
    cut_off(search, candidate, Interrupted(why))
    trial = search.books.trial(candidate.number)
    assert (trial.state, trial.reason, trial.counts) == ("resting", why, steps == 2000)
    assert said == [f"candidate {candidate.number}: {why}; it rests, and --resume goes on with it"]
    assert search.failures == 0
    if steps:
        (seen,) = search._situation(1e6).contestants
        assert not seen.free
    search._leave_unseen()
    search._tell_all()
    assert search.books.trial(candidate.number).reason == why
    assert [one.number for one in search.books.under_way(best=0)] == [candidate.number] or steps == 2000


def test_what_really_fails_counts_as_before(search: Search) -> None:
    candidate = begun(search, 0)
    cut_off(search, candidate, TaskFailed("KeyError: 'no such layer'"))
    assert search.books.trial(candidate.number).state == "failed" and search.failures == 1


def test_who_had_no_look_and_cannot_be_taken_up_does_not_count(search: Search) -> None:
    candidate = begun(search, 10)
    search._leave_unseen()
    again = Candidate(candidate.number, candidate.key, candidate.network, candidate.max_steps)
    search.candidates[again.number] = again
    cut_off(search, again, TaskFailed("KeyError: 'no such layer'"))
    assert search.books.trial(candidate.number).state == "failed"


def test_others_are_begun_in_the_place_of_who_rests(search: Search) -> None:
    search.policy = InTurn()
    for _ in range(2):
        cut_off(search, begun(search, 0), Interrupted("its worker died 3 times"))
    search.run.plan = search.run.plan.__class__(**{**vars(search.run.plan), "trials": 3})
    assert search._may_begin(1)


def test_where_all_of_them_kill_their_workers_it_is_no_network_s_fault(
    search: Search, said: list[str]
) -> None:
    candidate = begun(search, 10)
    for _ in range(MOST_DEATHS - 1):
        cut_off(search, candidate, Interrupted("its worker died 3 times"))
    assert not search._hopeless
    candidate.rests = ""
    search.deaths = MOST_DEATHS - 1
    cut_off(search, candidate, Interrupted("its worker died 3 times"))
    assert search._hopeless and search._next() is None
    assert said[-1] == f"the search ended early: no worker came back with {MOST_DEATHS} candidates in a row"


def test_what_a_signal_is_answered_with_is_what_was_measured(search: Search, said: list[str]) -> None:
    runner = SimpleNamespace(
        asked=Wish(), names=search.run.settings.names, executor=search.runner.executor, delivering=False
    )
    scheduler = Scheduler(search.run, cast(Runner, runner), Ear())
    scheduler.search, search.clock.runner = search, cast(Runner, runner)
    search.clock.__dict__["_patch_seconds"] = 4.0
    writing = finishing_seconds(24 * 20, slowness=1.0)
    assert scheduler.takes() == pytest.approx(slice_seconds(search.run) + 2 * 4.0 + writing)
    scheduler.phase = WRITING
    assert scheduler.takes() == pytest.approx(writing)
    scheduler.phase = "delivering"
    assert scheduler.takes() == pytest.approx(2 * 4.0 + writing)
    for _ in range(3):
        search.clock._heard.append(50.0)  # on a busy machine it takes longer
    assert scheduler.takes() > 2 * 4.0 + writing
    search.clock.__dict__["_patch_seconds"] = 1e6
    assert scheduler.takes() < GRACE + 10
    runner.asked.hear("SIGTERM")
    runner.asked.speak()
    (words,) = scheduler.notes
    assert words.startswith("SIGTERM: no more fits; delivering what there is takes about 2")


class Deadly:
    """A worker in this process, which dies of one of the fits."""

    lost = False

    def __init__(self, folder: Path, own: OwnParts, deadly: str = "") -> None:
        self.workers = (WorkerSpec(0, "cpu"),)
        self._worker, self._deadly, self.deaths = Worker(folder, "cpu", own), deadly, 0

    def free(self) -> int:
        return 1

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        future: Future[Result] = Future()
        if isinstance(task, Slice) and task.place == self._deadly:
            self.deaths += 1
            future.set_exception(WorkerDied("its process died (SIGKILL)"))
        else:
            future.set_result(self._worker.do(task))
        return 0, future

    def wait(self, timeout: float) -> None: ...
    def give_up(self, future: Future[Result]) -> None: ...
    def checkpoint(self, *, within: float) -> None: ...
    def kill(self) -> None: ...
    def __enter__(self) -> Deadly:
        return self

    def __exit__(self, *reason: object) -> None: ...


def searched(place: Path, ear: Ear, deadly: str, *, resume: bool = False) -> tuple[Outcome, Deadly]:
    made: list[Deadly] = []

    def make(folder: Path, own: OwnParts) -> Any:
        made.append(Deadly(folder, own, deadly))
        return made[-1]

    asked = request(place, steps=60, trials=3)
    found = run_search(asked, root=place / "studies", resume=resume, callback=ear, cluster=make)
    return found, made[-1]


def test_a_network_that_kills_every_worker_is_left_alone_until_the_next_run(place: Path) -> None:
    ear = Ear()
    outcome, executor = searched(place, ear, "trials/0000")
    assert executor.deaths == TRIES
    assert "candidate 0: its worker died 3 times; it rests, and --resume goes on with it" in ear.notes
    assert outcome.result["trials"] == {"complete": 2, "resting": 1, "pruned": 0, "failed": 0}
    study = read_study(outcome.folder)
    (row,) = (one for one in candidate_rows(study) if one.number == 0)
    assert (row.state, row.counts, row.remark) == ("resting", False, "its worker died 3 times")
    assert "its worker died 3 times" in write_page(study, to=place / "page.html").read_text()
    again, _ = searched(place, Ear(), "", resume=True)
    assert again.result["trials"] == {"complete": 3, "resting": 0, "pruned": 0, "failed": 0}
    assert np.isfinite(again.images[0].numpy()).all()
