"""What a search leaves of one picture: every answer is measured against the reference in the same ways."""

from __future__ import annotations

import pytest
import torch

from dipsearch.delivery.answers import Answer, only
from dipsearch.delivery.picture_outputs import _first, answer_rows
from dipsearch.problem import Downsample, Identity, NoiseModel, Problem, psnr, psnr_luma, ssim

SHAPE = (1, 3, 32, 32)


def test_an_answer_is_measured_over_all_values_and_by_its_luma() -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    operator = Downsample(2, SHAPE)
    problem = Problem(
        operator.A(clean), operator, NoiseModel("none", None, "none"), SHAPE, torch.ones(1, 1, 16, 16)
    )
    choice = only(Answer("first", clean * 0.9, clean * 0.9, 3.25), problem)
    (row,) = answer_rows(choice, clean)
    image = choice.answer.image
    assert row["psnr"] == pytest.approx(psnr(image, clean), abs=1e-4)
    assert row["psnr_luma"] == pytest.approx(psnr_luma(image, clean), abs=1e-4)
    assert row["ssim"] == pytest.approx(ssim(image, clean), abs=1e-4)
    ((method, bar),) = _first(choice, row).items()
    assert (method, bar["psnr"], bar["seconds"]) == ("similar patches", row["psnr"], 3.25)
    (unknown,) = answer_rows(choice, None)
    assert (unknown["psnr"], unknown["ssim"], unknown["psnr_luma"]) == (None, None, None)


def test_an_answer_by_a_quick_method_is_not_called_one_by_similar_patches() -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    problem = Problem(clean, Identity(), NoiseModel("gaussian", 0.1), SHAPE, torch.ones(1, 1, 32, 32))
    choice = only(Answer("first", clean, clean, 0.5, "by a quick method"), problem)
    (row,) = answer_rows(choice, clean)
    assert (row["name"], row["words"]) == ("first", "a quick method; there was no time for similar patches")
    assert _first(choice, row) == {}
