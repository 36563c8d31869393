"""``dipsearch library``: what cannot be used ends in one line and exit code 2."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.commands.main import run
from dipsearch.library import preset, read_preset
from dipsearch.library.kept_studies import PLACE, keep_study
from dipsearch.library.kept_study_file import KeptNetwork, KeptPicture, KeptStudy
from dipsearch.library.measurement_features import FEATURES
from dipsearch.library.presets import FOLDER, write_preset
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


@pytest.mark.parametrize("name", ["odd.json", "odd.yaml"])
def test_a_foreign_file_is_named_beside_the_others_and_can_be_removed(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "library" / name).write_text("{", encoding="utf-8")
    for words in (["library", "list"], ["library", "list", "--json"]):
        assert run(words) == 0
        listed = capsys.readouterr()
        assert "mine" in listed.out and "odd" not in listed.out
        assert listed.err.startswith("dipsearch: warning: odd of your library is left out: ")
    assert run(["library", "remove", "odd"]) == 0
    assert run(["library", "list"]) == 0
    assert not capsys.readouterr().err


def test_a_preset_is_called_after_its_study(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = read_preset(FOLDER / "dipsearch_pilot_16.yaml")
    write_preset(place / "mild.yaml", there)
    for name, rate in (("few", 0.02), ("many", 0.03)):
        folder = place / "studies" / name
        request = Request(sources=("cat.png",), options=TaskOptions(task="denoise"), name=name)
        write_request(folder / "study.yaml", request)
        (folder / "best").mkdir()
        found = replace(there, genome=replace(there.genome, learning_rate=rate))
        write_preset(folder / "best" / "preset.yaml", found)
    for file in ("studies/few/best/preset.yaml", "studies/many/best/preset.yaml", "mild.yaml"):
        assert run(["library", "add", file]) == 0, capsys.readouterr().err
    assert sorted(one.name for one in (place / "library").glob("*.yaml")) == [
        "few-preset.yaml",
        "many-preset.yaml",
        "mild.yaml",
    ]
