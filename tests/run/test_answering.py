"""First answers of a study that goes on: a better one is never replaced by a worse one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from dipsearch.execution import timed_answer
from dipsearch.execution.at_once import answer_at_once
from dipsearch.problem import TaskOptions, load_case, write_image
from dipsearch.run.answering import first_answers
from dipsearch.trials.first_files import KeptFirst, Made, write_first

NAMES = ["photo"]


def kept(made: Made, *, seconds: float, value: float) -> KeptFirst:
    return KeptFirst(torch.full((1, 3, 24, 24), value), seconds, made)


@pytest.mark.parametrize(
    ("before", "now", "replaced"),
    [
        (("hurried", 9.0), ("by a quick method", 99.0), False),
        (("hurried", 9.0), ("hurried", 3.0), False),
        (("hurried", 9.0), ("hurried", 30.0), True),
        (("hurried", 9.0), ("as usual", 3.0), True),
        (("hurried", 9.0), None, False),
        (("by a quick method", 9.0), ("by a quick method", 1.0), True),
        (("by a quick method", 9.0), ("hurried", 1.0), True),
        (("as usual", 9.0), ("as usual", 99.0), False),
    ],
)
def test_the_more_thorough_first_answer_stays(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[Made, float],
    now: tuple[Made, float] | None,
    replaced: bool,
) -> None:
    write_image(tmp_path / "photo.png", torch.rand(1, 3, 24, 24))
    case = load_case(str(tmp_path / "photo.png"), TaskOptions("denoise", sigma=25), seed=0)
    write_first(tmp_path, "photo", kept(before[0], seconds=before[1], value=0.25))
    asked = list[dict[str, Any]]()

    def anew(*_: object, **named: Any) -> KeptFirst | None:
        asked.append(named)
        return None if now is None else kept(now[0], seconds=now[1], value=0.75)

    monkeypatch.setattr("dipsearch.run.answering.answer_at_once", anew)
    found = first_answers(tmp_path, NAMES, [case], device="cpu", until=math.inf, tell=print)["photo"]
    assert float(found.image.mean()) == (0.75 if replaced else 0.25)
    # What would rank lower is not even begun.
    assert [named["may_be_quick"] for named in asked] == {
        "as usual": [],
        "hurried": [False],
        "by a quick method": [True],
    }[before[0]]


def test_a_quick_method_that_must_not_answer_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "photo.png", torch.rand(1, 3, 24, 24))
    case = load_case(str(tmp_path / "photo.png"), TaskOptions("denoise", sigma=25), seed=0)
    monkeypatch.setattr(timed_answer, "affordable", lambda *_, **__: None)
    said = list[str]()
    quick = answer_at_once(case, device="cpu", threads=1, tell=said.append, left=1.0)
    assert quick is not None and quick.made == "by a quick method"
    monkeypatch.setattr(timed_answer, "first_guess", lambda *_, **__: pytest.fail("begun"))
    assert (
        answer_at_once(case, device="cpu", threads=1, tell=said.append, left=1.0, may_be_quick=False) is None
    )
    assert said == []
