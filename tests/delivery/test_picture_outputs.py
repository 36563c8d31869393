"""What a search leaves of one picture: every answer is measured against the reference in the same ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.delivery.answers import Answer, Choice, only
from dipsearch.delivery.bootstrap import Standing
from dipsearch.delivery.picture_outputs import _first, _level, _uncertainty, answer_rows
from dipsearch.delivery.uncertainty import Uncertainty
from dipsearch.problem import Downsample, Identity, NoiseModel, Problem, psnr, psnr_luma, ssim

SHAPE = (1, 3, 32, 32)


def test_an_answer_is_measured_over_all_values_and_by_its_luma() -> None:
    clean = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    operator = Downsample(2, SHAPE)
    problem = Problem(
        operator.A(clean),
        operator,
        NoiseModel("none", None, "none"),
        SHAPE,
        observed=torch.ones(1, 1, 16, 16),
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
    problem = Problem(
        clean, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=torch.ones(1, 1, 32, 32)
    )
    choice = only(Answer("first", clean, clean, 0.5, "by a quick method"), problem)
    (row,) = answer_rows(choice, clean)
    assert (row["name"], row["words"]) == ("first", "a quick method; there was no time for similar patches")
    assert _first(choice, row) == {}


def test_a_network_whose_error_is_too_small_to_be_told_has_a_bound_for_a_score() -> None:
    image = torch.zeros(SHAPE)
    answers = (Answer("best", image, image, 1.0), Answer("polished", image, image, 1.0))
    found = (Standing(63.6, None, None, 37.8), Standing(33.0, 0.1, 0.1))
    choice = Choice(answers, found, "best", {"best": 1.0}, 1e-7)
    assert _level(choice, "best", 1e-7) == {"score": None, "at_least": 37.8}
    assert _level(choice, "ensemble", 1e-7) == {"score": None, "at_least": 37.8}  # of one network
    sure = Choice(answers, found[::-1], "best", {"best": 1.0}, 1e-3)
    assert _level(sure, "best", 1e-3) == {"score": pytest.approx(30.0), "at_least": None}


def test_the_mean_uncertainty_is_that_of_pixels_that_are_not_known(tmp_path: Path) -> None:
    deviation = np.zeros((32, 32), np.float32)
    deviation[:8] = 0.08
    found = _uncertainty(
        Uncertainty(deviation, 1.0), torch.zeros(SHAPE), None, place=tmp_path / "best", folder=tmp_path
    )
    assert found is not None
    assert (found["mean"], found["restored"]) == (pytest.approx(0.08, abs=1e-5), 0.25)
