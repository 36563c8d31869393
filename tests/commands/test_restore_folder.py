"""``restore`` of a folder: what is said, and the exit code, where a picture is damaged, or somebody asks to finish."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from dipsearch.commands.exit_codes import INTERRUPTED, SOME_REFUSED
from dipsearch.commands.main import run
from dipsearch.problem import Case, read_image, write_image
from dipsearch.run.one_by_one import Turn
from dipsearch.run.restorer import Outcomes, Restorer

WORDS = [
    *("restore", "dipsearch_nearest_16", "in", "--task", "denoise", "--sigma", "25"),
    *("--budget", "1s", "--workers", "1", "--out", "out"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three noisy pictures in ``in``."""
    monkeypatch.chdir(tmp_path)
    clean = read_image("sample:coffee@32").pixels
    for number in range(3):
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(number))
        write_image(tmp_path / "in" / f"scan {number}.png", clean + 25 / 255 * noise)
    return tmp_path


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody asks to finish while the second picture is restored."""
    work, calls = Restorer.restore, []

    def asked(self: Restorer, cases: Sequence[Case], names: Sequence[str], turn: Turn) -> Outcomes:
        calls.append(names)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return work(self, cases, names, turn)

    monkeypatch.setattr(Restorer, "restore", asked)


def test_all_are_restored_under_their_own_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(WORDS) == 0
    said = capsys.readouterr().out
    for number in range(3):
        assert (folder / "out" / f"scan {number}.png").exists()
        assert f"{number + 1} of 3: scan {number}\n" in said
    assert "3 of 3 restored" in said


def test_a_damaged_one_is_named_and_the_others_are_restored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (folder / "in" / "scan 1.png").read_bytes()
    (folder / "in" / "scan 1.png").write_bytes(content[: len(content) // 2])
    (folder / "in" / "text.jpg").write_text("no picture")
    assert run([*WORDS, "--json"]) == SOME_REFUSED
    out, err = capsys.readouterr()
    assert [row["name"] for row in json.loads(out)] == ["scan 0", "scan 2"]
    for said in (
        "warning: 1 of 4 cannot be read: in/text.jpg cannot be read as a picture",
        "warning: scan 1 is not restored: in/scan 1.png cannot be read as a picture",
        "warning: 2 of 4 restored, 2 not to be restored",
    ):
        assert said in err
    (folder / "in" / "scan 0.png").unlink()
    (folder / "in" / "scan 2.png").unlink()
    assert run([*WORDS[:-1], "other", "--quiet"]) == 2
    assert "error: none of the pictures could be restored; in/text.jpg" in capsys.readouterr().err


def test_who_ends_it_early_is_told_what_is_left_and_goes_on_with_resume(
    folder: Path, ended: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 20})
    words = [word for word in WORDS if word not in ("--budget", "1s")]
    assert run([*words, "--quiet"]) == INTERRUPTED
    assert "SIGTERM: 2 of 3 restored, 1 left, with which --resume goes on" in capsys.readouterr().err
    assert sorted(file.name for file in (folder / "out").glob("*.png")) == ["scan 0.png", "scan 1.png"]
    assert run([*words, "--resume"]) == 0
    assert "2 of 3 restored, 1 restored before" in capsys.readouterr().out
    assert run([*words, "--resume"]) == 0
    assert "0 of 3 restored, 3 restored before" in capsys.readouterr().out


def test_those_for_which_there_was_no_time_for_networks_are_made_again_with_more_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 20})
    assert run([*WORDS, "--budget", "0.01s", "--quiet"]) == 0  # no process begins in that
    words = [word for word in WORDS if word not in ("--budget", "1s")]
    assert run([*words, "--resume", "--json"]) == 0
    assert [row["members"] for row in json.loads(capsys.readouterr().out)] == [1, 1, 1]


def test_a_single_picture_that_is_ended_early_is_delivered_and_the_code_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = Restorer.restore

    def asked(self: Restorer, cases: Sequence[Case], names: Sequence[str], turn: Turn) -> Outcomes:
        os.kill(os.getpid(), signal.SIGINT)
        return work(self, cases, names, turn)

    monkeypatch.setattr(Restorer, "restore", asked)
    assert run([*WORDS[:2], "in/scan 0.png", *WORDS[3:]]) == INTERRUPTED
    assert "Ctrl-C: finished early, with what there was by then" in capsys.readouterr().out
    assert (folder / "out" / "scan 0.png").exists()
