"""A search for many pictures: candidates that lose on the first of them are not tried on the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.execution.task import Advanced, Progress
from dipsearch.fitting import Ended
from dipsearch.planning.policy import ExpectedGain, Move
from dipsearch.problem import write_image
from dipsearch.run import Request, read_study
from dipsearch.run.candidate import Candidate
from dipsearch.run.search_slices import next_slice
from dipsearch.run.slice_log import read_slices

from ..fitting.test_loop import tiny_genome
from ..trials.test_pilot import run_of, search_of
from .test_slices import run
from .test_study_side import Ear, furnish, request

COUNT = 3
STEPS = 30


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three tiny pictures, enough for a race; no clock ends it, and the policy is that of one with a clock."""
    monkeypatch.setattr("dipsearch.run.searching.LEAST_PICTURES", COUNT)
    monkeypatch.setattr("dipsearch.run.search_run.policy_of", lambda run: ExpectedGain())
    furnish(tmp_path)
    for number in range(COUNT):
        rows, columns = np.mgrid[0:24, 0:20] / 24
        clean = np.stack([rows, columns, np.sin((6 + number) * rows) * 0.3 + 0.5])
        write_image(tmp_path / f"picture{number}.png", torch.from_numpy(clean).float()[None])
    return tmp_path


def asked(place: Path, **changes: object) -> Request:
    sources = tuple(str(place / f"picture{number}.png") for number in range(COUNT))
    return replace(request(place, steps=STEPS, trials=3), sources=sources, **changes)


def test_who_loses_is_given_up_and_the_others_are_delivered(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def verdict(ours: Mapping[int, float], best: Mapping[int, float]) -> str | None:
        assert set(ours) <= set(best) == set(range(COUNT))
        heard.append(len(ours))
        return "it lost" if len(ours) == 2 and heard.count(2) == 1 else None

    monkeypatch.setattr("dipsearch.run.searching.verdict", verdict)
    outcome = run(place, asked(place), Ear())
    trials = read_study(outcome.folder).trials
    assert [trial.state for trial in trials] == ["complete", "pruned", "complete"]
    assert trials[1].reason == "it lost" and trials[1].estimated_psnr is None
    assert len(outcome.images) == COUNT and all(torch.isfinite(image).all() for image in outcome.images)
    assert {1, 2} <= set(heard)
    steps = {row.candidate: row.after for row in read_slices(outcome.folder)}
    assert steps[0] == steps[2] == STEPS and steps[1] == STEPS * 2 // COUNT


def test_an_interrupted_race_goes_on_where_it_was(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deeds: list[int] = []

    def verdict(ours: Mapping[int, float], best: Mapping[int, float]) -> None:
        if len(ours) == 2 and not deeds:  # the second candidate has looked at some of the pictures
            deeds.append(1)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("dipsearch.run.searching.verdict", lambda ours, best: None)
    whole = run(place, asked(place, name="whole", trials=2), Ear())
    monkeypatch.setattr("dipsearch.run.searching.verdict", verdict)
    first = run(place, asked(place, trials=2), Ear())
    assert first.interrupted
    (before,) = {
        row.after for row in read_slices(first.folder) if row.candidate == 1 and row.after > STEPS // COUNT
    }
    assert before == 2 * STEPS // COUNT
    again = run(place, asked(place, trials=2), Ear(), resume=True)
    assert all(trial.state == "complete" for trial in read_study(again.folder).trials)
    assert all(torch.equal(one, other) for one, other in zip(whole.images, again.images, strict=True))


def advanced(candidate: Candidate, steps: int, *progress: Progress) -> None:
    candidate.advanced(Advanced(steps, 10, 1.0, 0.0, progress))


def went(*steps: int, mse: float, ended: Ended | None = None) -> Progress:
    curve = tuple((step, mse) for step in steps)
    return Progress(
        ended, curve, steps[-1] if steps else 0, mse, mse, np.zeros(4, np.float32) if steps else None
    )


def test_a_candidate_knows_how_far_every_picture_is_while_it_races() -> None:
    candidate = Candidate(0, 0, tiny_genome(), max_steps=20, races=True)
    nothing = went(mse=float("nan"))
    advanced(candidate, 20, went(10, 20, mse=0.01), nothing)
    assert (candidate.made, candidate.steps, candidate.usable) == (20, 10, False)
    assert candidate.looks == {0: pytest.approx(20.0)} and candidate.values == []
    assert candidate.seconds_per_step == pytest.approx(2 * 1.0 / 10)  # ten iterations of one of two pictures
    assert candidate.contestant(seconds_per_step=1.0).sketch is None
    advanced(candidate, 40, went(mse=0.01), went(10, 20, mse=0.001))
    assert (candidate.made, candidate.steps) == (40, 20)
    assert candidate.looks == {0: pytest.approx(20.0), 1: pytest.approx(30.0)}
    assert candidate.values == [(10, pytest.approx(25.0)), (20, pytest.approx(25.0))]


def test_a_picture_that_has_ended_counts_as_far_as_the_furthest() -> None:
    candidate = Candidate(0, 0, tiny_genome(), max_steps=2000)
    advanced(candidate, 20, went(10, mse=0.01), went(10, mse=0.001))
    advanced(candidate, 40, went(20, mse=0.01, ended=Ended.RISEN), went(20, mse=0.001))
    advanced(candidate, 50, went(mse=0.01, ended=Ended.RISEN), went(30, mse=0.001))
    assert (candidate.made, candidate.steps) == (50, 30)
    assert candidate.seconds_per_step == pytest.approx(1.0 / 10)
    assert candidate.values[-1] == (30, pytest.approx(30.0))


def test_a_candidate_whose_slice_ended_between_pictures_has_come_as_far_as_the_last_of_them() -> None:
    candidate = Candidate(0, 0, tiny_genome(), max_steps=20)
    nothing = went(mse=float("nan"))
    advanced(candidate, 10, went(10, mse=0.01), nothing)
    assert (candidate.made, candidate.steps, candidate.usable, candidate.even) == (10, 0, False, False)
    advanced(candidate, 30, went(20, mse=0.01), went(10, mse=0.001))
    assert (candidate.made, candidate.steps, candidate.usable, candidate.even) == (30, 10, False, False)
    assert candidate.values == [(10, pytest.approx(25.0))]
    advanced(candidate, 40, went(20, mse=0.01), went(20, mse=0.001))
    assert (candidate.made, candidate.steps, candidate.usable, candidate.even) == (40, 20, True, True)
    assert [step for step, _ in candidate.values] == [10, 20]


def test_a_pruner_hears_of_a_candidate_where_all_pictures_have_come_as_far(tmp_path: Path) -> None:
    books = search_of(run_of(tmp_path, has_pilot=True)).books
    candidate = books.ask().candidate
    assert candidate is not None
    for steps, first, second in ((20, 10, 10), (30, 20, 10), (40, 20, 20)):
        advanced(candidate, steps, went(first, mse=1 / steps), went(second, mse=1 / steps))
        books.note(candidate)
    (trial,) = books._study.get_trials(deepcopy=False)[candidate.number :]
    assert trial.intermediate_values == {
        10: pytest.approx(13.01, abs=0.01),
        20: pytest.approx(16.02, abs=0.01),
    }


@pytest.mark.parametrize("has_pilot", [True, False])
def test_where_there_is_no_first_answer_all_pictures_begin_with_the_first_slice(
    tmp_path: Path, has_pilot: bool
) -> None:
    search = search_of(run_of(tmp_path, has_pilot=has_pilot))
    candidate = Candidate(0, 0, tiny_genome(), max_steps=200)
    move = Move(None, 20, "")
    first = next_slice(search.run, candidate, move, now=0.0, left=1.0)
    advanced(candidate, 10, went(10, mse=0.01))
    second = next_slice(search.run, candidate, move, now=0.0, left=1.0)
    assert (first.all_begin, second.all_begin) == (not has_pilot, False)
