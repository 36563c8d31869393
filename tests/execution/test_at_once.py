"""The first answer comes in the time that there is: by the usual settings, by hurried ones, or by a quicker method."""

from __future__ import annotations

import math

import pytest
import torch
from skimage import data

from dipsearch.execution import timed_answer
from dipsearch.execution.at_once import answer_at_once
from dipsearch.problem import Case, Identity, Mask, NoiseModel, Operator, Problem, psnr


def clean() -> torch.Tensor:
    picture = data.coffee()[100:196, 200:296].copy()
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def case(task: str) -> Case:
    x, generator = clean(), torch.Generator().manual_seed(0)
    operator: Operator = Identity()
    if task == "inpaint":
        observed = (torch.rand(1, 1, 96, 96, generator=generator) < 0.5).float()
        operator = Mask(observed)
        problem = Problem(x * observed, operator, NoiseModel("none", None, "none"), tuple(x.shape), observed)
    else:
        y = x + 0.1 * torch.randn(x.shape, generator=generator)
        ones = torch.ones(1, 1, 96, 96)
        problem = Problem(y, operator, NoiseModel("gaussian", 0.1, "given"), tuple(x.shape), ones)
    return Case("photo", "photo.png", problem, None, 8, ())


def answered(
    task: str, left: float, monkeypatch: pytest.MonkeyPatch, *, probe: float
) -> tuple[float, bool, list[str]]:
    """PSNR, whether it was hurried, and what was said, where a hurried answer to a part takes ``probe`` seconds."""
    monkeypatch.setattr(timed_answer, "_seconds_of", lambda part: probe)
    said: list[str] = []
    found = answer_at_once(case(task), device="cpu", threads=1, tell=said.append, left=left)
    assert found is not None and torch.isfinite(found.image).all()
    return psnr(found.image.clamp(0, 1), clean()), found.hurried, said


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_less_time_gives_a_rougher_answer_and_never_none(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # All of the picture is 2.25 times as large as the part.
    usual, hurried, none = (answered(task, left, monkeypatch, probe=0.4) for left in (math.inf, 1.0, 0.5))
    assert [usual[1], hurried[1], none[1]] == [False, True, True]
    assert usual[0] > hurried[0] - 0.5 and hurried[0] > none[0]
    measured = psnr(case(task).problem.y.clamp(0, 1), clean())
    assert none[0] > measured + 2  # a quick method is better than nothing
    assert none[2] == ["photo: there is no time for similar patches; a quick method restores it"]


def test_where_time_is_plenty_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(part: Problem) -> float:
        raise AssertionError("the speed was measured")

    monkeypatch.setattr(timed_answer, "_seconds_of", never)
    found = answer_at_once(case("denoise"), device="cpu", threads=1, tell=print, left=60.0)
    assert found is not None and not found.hurried
