"""``dipsearch library``: what cannot be used ends in one line and exit code 2."""

import json
from pathlib import Path

import pytest

from dipsearch.commands.main import run
from dipsearch.library import preset
from dipsearch.library.kept_studies import PLACE, keep_study
from dipsearch.library.kept_study_file import KeptNetwork, KeptPicture, KeptStudy
from dipsearch.library.measurement_features import FEATURES
from dipsearch.problem import TaskOptions
from dipsearch.trials.request import Request, write_request


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a library that holds one study."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PLACE, str(tmp_path / "library"))
    picture = KeptPicture("0123456789ab", (1, 3, 64, 48), dict.fromkeys(FEATURES, 0.5))
    network = KeptNetwork(preset("dipsearch_pilot_16"), 30.0, 180, "dipsearch_pilot_16")
    keep_study(KeptStudy("mine", "denoise", 0, "2026-01-01T00:00:00+00:00", "0.1.0", (picture,), (network,)))
    return tmp_path


def test_the_library_is_listed_and_a_study_removed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["library", "list"]) == 0
    out = capsys.readouterr().out
    assert "1 study" in out and "mine" in out and "dipsearch_pilot_16" in out and "30.00 dB" in out
    assert run(["library", "list", "--json"]) == 0
    (study,) = json.loads(capsys.readouterr().out)
    assert study["name"] == "mine" and study["networks"][0]["steps"] == 180
    assert run(["library", "remove", "mine"]) == 0
    assert not list((place / "library").glob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["library", "remove", "min"], "did you mean `mine`?"),
        (["library", "add", "nothing"], "is not a study"),
        (["library", "add", "begun"], "no outcome that can be read"),
        (["library", "add", "begun", "--name", "../up"], "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    arguments: list[str], words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = Request(sources=("cat.png",), options=TaskOptions(task="denoise"), name="begun")
    write_request(place / "studies" / "begun" / "study.yaml", request)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_a_foreign_file_is_named_and_can_be_removed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "library" / "foreign.json").write_text('{"format": "something"}', encoding="utf-8")
    assert run(["library", "list"]) == 2
    assert "foreign.json" in capsys.readouterr().err
    assert run(["library", "remove", "foreign"]) == 0
    assert run(["library", "list"]) == 0
