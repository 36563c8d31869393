"""What a score means is said of every task, before and after a search has told how it judged."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from dipsearch.problem import Task, TaskOptions
from dipsearch.report.explanations import score_words
from dipsearch.report.headline import headline


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
