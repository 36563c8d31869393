"""The planning of a run: nothing is planned on a speed that was not measured."""

from __future__ import annotations

import pytest
import torch

from dipsearch.errors import ResourceError
from dipsearch.run import run_plan


def test_a_device_without_memory_to_measure_its_speed_is_refused_in_words_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[str] = []

    def full(device: str, **more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(run_plan, "calibrate", full)
    monkeypatch.setattr(run_plan, "give_back_memory", given_back.append)
    with pytest.raises(ResourceError, match="not enough memory on 'cuda:1' to measure how fast it is"):
        run_plan._calibrated("cuda:1", seed=0)
    assert given_back == ["cuda:1"]


def test_another_error_of_the_measurement_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: str, **more: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(run_plan, "calibrate", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run_plan._calibrated("cuda:0", seed=0)
