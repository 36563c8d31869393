"""The planning of a run: nothing is planned on a speed that was not measured."""

from __future__ import annotations

import pytest
import torch

from dipsearch.errors import ResourceError
from dipsearch.fitting.precision import Precision
from dipsearch.network import Calibration
from dipsearch.run import run_plan


@pytest.fixture(autouse=True)
def modern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # or autocasting warns that it is off
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)


@pytest.mark.parametrize(
    ("asked", "convolutions", "short"), [("tf32", True, False), ("fp32", False, False), ("bf16", True, True)]
)
def test_the_speed_is_measured_in_the_precision_of_the_fits(
    asked: Precision, convolutions: bool, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = getattr(torch.backends.cudnn, "conv", None)
    seen: list[tuple[bool, bool]] = []

    def calibrated(device: str, **more: object) -> Calibration:
        rounded = torch.backends.cudnn.allow_tf32 if switches is None else switches.fp32_precision == "tf32"
        seen.append((rounded, torch.is_autocast_enabled("cuda")))
        return Calibration(device, 1, 0.0, 0.0, 0.0, 0.0, 0.0)

    monkeypatch.setattr(run_plan, "calibrate", calibrated)
    monkeypatch.setattr(run_plan, "give_back_memory", lambda device: None)
    run_plan._calibrated("cuda:0", precision=asked, seed=0)
    assert seen == [(convolutions, short)]


def test_a_device_without_memory_to_measure_its_speed_is_refused_in_words_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[str] = []

    def full(device: str, **more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(run_plan, "calibrate", full)
    monkeypatch.setattr(run_plan, "give_back_memory", given_back.append)
    with pytest.raises(ResourceError, match="not enough memory on 'cuda:1' to measure how fast it is"):
        run_plan._calibrated("cuda:1", precision="tf32", seed=0)
    assert given_back == ["cuda:1"]


def test_another_error_of_the_measurement_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: str, **more: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(run_plan, "calibrate", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run_plan._calibrated("cuda:0", precision="tf32", seed=0)
