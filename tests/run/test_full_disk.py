"""A full disk: what was restored is delivered wherever there is room for it, and the sentence names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dipsearch.commands.main import run as program
from dipsearch.errors import ResourceError
from dipsearch.problem import Case, read_image, write_restored
from dipsearch.run.search_run import _failed_words
from dipsearch.trials.trial import Trial

from .test_study_side import furnish, request, search

WITHOUT_NETWORKS = {"trials": None, "budget_seconds": 5.0}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return furnish(tmp_path)


def full(path: Path, *words: Any, **more: Any) -> None:
    raise ResourceError(f"cannot write {path}", "the system says: No space left on device")


def test_no_room_for_the_inputs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.run.opening.write_problem", full)
    with pytest.raises(
        ResourceError, match=r"cannot write .*; the system says: No space .*; the restored"
    ) as it:
        search(place, request(place, **WITHOUT_NETWORKS))
    assert str(it.value).endswith(f"the restored picture is in {place / 'study-restored.png'}")
    assert read_image(place / "study-restored.png").pixels.shape == (1, 3, 32, 28)
    assert not (place / "studies").exists()


def test_no_room_for_the_picture_itself(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here_is_none(path: Path, x: Any, case: Case) -> None:
        if path.is_relative_to(place):
            full(path)
        write_restored(path, x, case)

    other = place.with_name("other")
    other.mkdir()
    (other / "study-restored.png").write_bytes(b"of somebody else")
    monkeypatch.setattr("tempfile.tempdir", str(other))
    monkeypatch.setattr("dipsearch.delivery.picture_outputs.write_restored", here_is_none)
    monkeypatch.setattr("dipsearch.delivery.unsaved.write_restored", here_is_none)
    with pytest.raises(ResourceError, match=r"best/restored\.png; .*study-restored-2\.png"):
        search(place, request(place, **WITHOUT_NETWORKS))
    assert read_image(other / "study-restored-2.png").pixels.shape == (1, 3, 32, 28)
    assert (other / "study-restored.png").read_bytes() == b"of somebody else"


def test_room_for_the_picture_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.delivery.first_answers.write_bytes", full)
    monkeypatch.setattr("dipsearch.run.result.write_text", full)
    outcome, ear = search(place, request(place, **WITHOUT_NETWORKS))
    assert (outcome.folder / "best" / "restored.png").exists()
    assert any("the first answer has no file of its own" in note for note in ear.notes)
    assert [said.partition(":")[0].rpartition("/")[2] for said in ear.warnings] == ["card.md", "result.json"]


def test_no_room_for_the_page(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dipsearch.report.write_page", lambda record: full(Path("report.html")))
    words = ["search", "clean.png", "--task", "denoise", "--sigma", "20", "--budget", "5s", "--name", "page"]
    assert program(words) == 0
    said = capsys.readouterr()
    assert "look at:   studies/page/best/restored.png" in said.out
    assert "warning: cannot write report.html: the system says: No space left on device" in said.err


def test_candidates_that_were_not_begun_have_not_failed() -> None:
    trials = [Trial(number, "failed", reason="no room") for number in range(3)]
    trials += [Trial(number, "waiting") for number in range(3, 15)]
    assert _failed_words(trials) == "no network was fitted to its end, 3 of 3 candidates failed: no room"
