"""The planning of a run: nothing is planned on a speed that was not measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dipsearch.delivery.answers import finished
from dipsearch.errors import ResourceError
from dipsearch.fitting.precision import Precision
from dipsearch.network import Calibration
from dipsearch.planning.budget import FINISHING
from dipsearch.run import run_plan, run_search
from dipsearch.run.run_plan import WORKER_START, without_fits
from dipsearch.trials.first_files import KeptFirst, read_first

from .test_study_side import Ear, request
from .test_study_side import place as place


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
        return Calibration(device, 0.0, 0.0, 0.0, 0.0, 0.0)

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


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that fills up while the first answers are made."""

    def filled(device: str, **more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(run_plan, "calibrate", filled)


@pytest.mark.usefixtures("full")
def test_where_a_device_is_full_after_the_first_answers_these_are_delivered(place: Path) -> None:
    ear = Ear()
    asked = request(place, trials=None, budget_seconds=60.0)
    found = run_search(asked, root=place / "studies", resume=False, callback=ear)
    assert not ear.plans[0].networks and not any(found.result["trials"].values())
    said = (
        "there is not enough memory on 'cpu' for a network: the first answer is delivered; end what else is"
    )
    assert any(note.startswith(said) for note in ear.notes)
    assert any("not enough memory on 'cpu' for a network" in words for _, words in ear.plans[0].lines)
    first = read_first(found.folder, "clean")
    assert first is not None
    assert torch.equal(found.images[0], finished(first.image, found.cases[0].problem))


def test_what_a_study_found_before_its_device_was_full_is_delivered(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_search(request(place), root=place / "studies", resume=False, callback=Ear())
    monkeypatch.setattr(run_plan, "_calibrated", refused)
    asked = request(place, trials=None, budget_seconds=60.0)
    again = run_search(asked, root=place / "studies", resume=True, callback=Ear())
    assert again.result["best"]["number"] == first.result["best"]["number"]
    assert again.result["trials"] == first.result["trials"]


@pytest.mark.usefixtures("full")
def test_without_a_first_answer_a_full_device_is_refused_before_anything_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.opening.first_answers", lambda *given, **more: {})
    asked = request(place, trials=None, budget_seconds=60.0)
    with pytest.raises(ResourceError, match="not enough memory on 'cpu'"):
        run_search(asked, root=place / "studies", resume=False, callback=Ear())
    assert not (place / "studies").exists() or not any((place / "studies").iterdir())


def refused(device: str, **more: object) -> Calibration:
    raise ResourceError("there was not enough memory", "networks need some", "end what else is there")


def test_what_similar_patches_would_have_needed_counts_for_what_networks_need() -> None:
    quick = KeptFirst(torch.zeros(1, 1, 8, 8), 0.5, "by a quick method", 20.0)
    assert without_fits([quick], spent=1.0) == pytest.approx(1 + 2 * 20 + WORKER_START + FINISHING)
