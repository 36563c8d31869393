"""Where what networks have in their input could not be made or written, others are tried; after the time, none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dipsearch.delivery.first_answers import FirstAnswer
from dipsearch.errors import ResourceError
from dipsearch.execution.executor import GIVEN_UP
from dipsearch.execution.local_processes import LocalProcesses
from dipsearch.execution.task import Patches, Task
from dipsearch.run import Outcome, Trial, read_study
from dipsearch.run.scheduler import Scheduler
from dipsearch.run.search_run import NO_PILOT, NO_TIME_FOR_OTHERS, _first_answers
from dipsearch.run.search_time import SearchTime

from ..trials.test_pilot import SPACE
from .test_slices import place as place
from .test_slices import run
from .test_study_side import Ear, request


@pytest.fixture
def without_pilots(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for searches whose similar patches are not done on the fitted part."""
    submit = LocalProcesses.submit

    def given_up(self: LocalProcesses, task: Task) -> Any:
        worker, future = submit(self, task)
        if isinstance(task, Patches) and task.out.endswith("-first-fitted.npz"):
            self.give_up(future)
        return worker, future

    monkeypatch.setattr(LocalProcesses, "submit", given_up)
    return place


def searched(place: Path) -> tuple[Outcome, Sequence[Trial]]:
    (place / "both.yaml").write_text(SPACE)
    asked = replace(request(place, trials=2), space=str(place / "both.yaml"))
    outcome = run(place, asked, Ear())
    return outcome, read_study(outcome.folder).trials


def fitted(trials: Sequence[Trial]) -> list[bool | None]:
    return [one.genome and one.genome.needs_pilot for one in trials if one.state == "complete"]


def test_networks_without_a_pilot_are_fitted_where_there_is_none(without_pilots: Path) -> None:
    outcome, trials = searched(without_pilots)
    said = outcome.result["warnings"]
    assert f"similar patches on clean: {GIVEN_UP}" in said and NO_PILOT in said
    assert fitted(trials) == [False, False]
    assert outcome.result["trials"]["failed"] == 0


def test_after_the_time_the_first_answer_is_delivered_without_a_failure(
    without_pilots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchTime, "left", lambda self, candidates: 0.0)
    outcome, trials = searched(without_pilots)
    assert NO_PILOT + NO_TIME_FOR_OTHERS in outcome.result["warnings"]
    assert fitted(trials) == [] and outcome.result["trials"]["failed"] == 0
    assert outcome.result["pictures"][0]["delivered"] == "first"


def test_who_asks_to_finish_meanwhile_hears_nothing_of_networks_without_it(
    without_pilots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(scheduler: Scheduler) -> dict[str, FirstAnswer]:
        firsts = _first_answers(scheduler)
        scheduler.runner.asked.by = "Ctrl-C"
        return firsts

    monkeypatch.setattr("dipsearch.run.search_run._first_answers", asked)
    outcome, trials = searched(without_pilots)
    assert not [one for one in outcome.result["warnings"] if one.startswith(NO_PILOT)]
    assert fitted(trials) == []


def test_networks_without_a_pilot_are_fitted_where_it_could_not_be_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> None:
        raise ResourceError("cannot write it", "the system says: No space left on device", "free some")

    monkeypatch.setattr("dipsearch.delivery.first_answers.write_pilot", full)
    outcome, trials = searched(place)
    assert fitted(trials) == [False, False] and outcome.result["trials"]["failed"] == 0
