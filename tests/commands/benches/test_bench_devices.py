"""Benches that run somewhere say in words that it is not there, and which pictures are too small for them."""

from __future__ import annotations

import pytest
import torch

from dipsearch.commands import main


@pytest.mark.parametrize("name", ["speed", "side-by-side"])
def test_a_gpu_that_is_not_there_is_refused_in_a_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main.run(["bench", name, "--device", "cuda"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "dipsearch: error: the device is 'cuda'; this machine has 0 CUDA devices; use --device auto or cpu\n"
    )


def test_a_picture_of_which_the_deepest_scale_would_be_a_pixel_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["bench", "speed", "--sizes", "64,32"]) == 2
    assert "--sizes has 32; at the deepest scale of these networks" in capsys.readouterr().err


def test_at_once_is_more_than_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["bench", "side-by-side", "--at-once", "1"]) == 2
    assert "--at-once is '1'; it is whole numbers, at least 2" in capsys.readouterr().err
