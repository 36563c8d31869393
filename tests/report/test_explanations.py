"""What a score means is said of every task, before and after a search has told how it judged."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from dipsearch.problem import Task, TaskOptions
from dipsearch.report.explanations import (
    no_network_words,
    number_rows,
    order_words,
    score_words,
    stop_words,
)
from dipsearch.report.headline import headline
from dipsearch.report.page import render


def options(task: str) -> TaskOptions:
    return TaskOptions(task, kernel="gaussian:2" if task == "deblur" else None)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", get_args(Task))
def test_every_task_has_its_words_while_it_is_searched(make_study, task: str) -> None:
    study = make_study(result=None)
    asked = replace(study, request=replace(study.request, options=options(task)))
    assert score_words(asked).startswith("The score ")


def test_a_score_of_what_was_measured_is_not_taken_for_one_of_the_picture(make_study) -> None:
    study = make_study()
    split = {"kind": "recorruption", "guided": False, "indirect": True}
    result = {**study.result, "task": "deblur", "split": split, "delivered_psnr": None}
    asked = replace(study, request=replace(study.request, options=options("deblur")), result=result)
    assert "no PSNR of the picture" in score_words(asked)
    assert any("of what was measured" in fact.remark for fact in headline(asked).facts)


def test_the_truth_is_spoken_of_only_where_there_is_a_reference(make_study) -> None:
    study = make_study()
    said = "The score is the estimated error of the missing pixels, from measured ones that the network was not shown."
    assert score_words(study).startswith(f"{said} The truth, from the reference, ")
    blind = replace(study, trials=tuple(replace(trial, psnr=None) for trial in study.trials))
    assert score_words(blind) == said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ", until the search's time was up"),
        ({"interrupted": True}, ", until the search was asked to finish"),
    ],
)
def test_a_fit_that_had_not_ended_says_why_it_was_left(make_study, changes, why: str) -> None:
    study = make_study()
    resting = [replace(trial, ended=None, steps=900) for trial in study.trials]
    stopped = replace(study, trials=tuple(resting), result={**study.result, **changes})
    assert f"delivers iteration 600, where its score was highest; it was given 900{why}. " in stop_words(
        stopped, None
    )


def test_why_there_is_no_network(make_study) -> None:
    study = replace(make_study(), trials=())
    assert no_network_words(study) == "No network was fitted: the budget left no time."
    early = replace(study, result={**study.result, "interrupted": True})
    assert no_network_words(early) == "No network was fitted: the search was asked to finish before."
    assert no_network_words(replace(study, result=None)) == "no candidate is complete yet"


def test_the_page_says_what_decibels_are_once_and_keeps_numbers_out_of_the_way(make_study) -> None:
    study = make_study()
    (picture,) = study.pictures
    case = replace(picture.case, details=("measured of the noise: evenness 1.01",))
    html = render(replace(study, pictures=(replace(picture, case=case),)))
    assert html.count("3 dB more is half the squared error") == 1
    numbers = html[html.index("<summary>the numbers behind this") :]
    assert "evenness 1.01" in numbers[: numbers.index("</details>")] and html.count("evenness 1.01") == 1


def test_why_the_numbers_of_one_candidate_differ_is_said_below_its_table(make_study) -> None:
    study = make_study()
    said = dict(number_rows(study))
    assert said["score"] == score_words(study)
    assert "Candidates count as they were scored, fitted to a part of what was measured" in said["PSNR"]
    blind = replace(study, trials=tuple(replace(trial, psnr=None) for trial in study.trials))
    assert [label for label, _ in number_rows(blind)] == ["score"]


def test_resting_is_explained_where_a_candidate_rests(make_study) -> None:
    study = make_study()
    assert "resting" not in order_words(study)
    resting = replace(study, trials=tuple(replace(trial, state="resting") for trial in study.trials))
    assert "A resting candidate&#39;s fit had not ended" in render(resting)
