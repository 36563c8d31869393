"""`show` and `report`: a network and a study in words."""

from pathlib import Path

import pytest

from dipsearch.commands.main import run


def test_a_published_network_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "dip_2018_denoise", "--size", "512x512"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", "128", "×", "3", "128", "×", "3", "4", "×", "1"] in lines
    assert ["parameters:", "2.22", "M"] in lines
    assert ["cost", "at:", "512", "×", "512", "pixels,", "3", "channels"] in lines


@pytest.mark.parametrize(
    ("what", "words"),
    [("dip_2018_denoize", "dip_2018_denoise"), ("nowhere.yaml", "nowhere.yaml"), ("..", "is not a study")],
)
def test_what_cannot_be_shown(
    what: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["show", what]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


def test_what_is_no_study_and_no_network_is_said_to_be_neither(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "studies/nope"]) == 2
    assert "neither a study nor a known network 'studies/nope'" in capsys.readouterr().err
    assert run(["show", "dipsearch_pilot_23"]) == 2
    assert "dipsearch_pilot_32" in capsys.readouterr().err
