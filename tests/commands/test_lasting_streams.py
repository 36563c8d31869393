"""Whoever closes the terminal, or reads no further, ends no search."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dipsearch.commands.lasting_streams import lasting_streams
from dipsearch.commands.main import run

SEARCH = (
    *("search", "sample:coffee@32", "--task", "inpaint", "--missing", "50", "--name", "a"),
    *("--trials", "1", "--steps", "20", "--workers", "1"),
)


def test_what_nobody_reads_is_dropped_and_no_other_stream_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w", encoding="utf-8") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        before = sys.stderr
        with lasting_streams():
            for _ in range(3):
                print("a line", flush=True)
            assert sys.stdout.encoding == "utf-8" and not sys.stdout.isatty()
        assert sys.stdout is stream and sys.stderr is before


def test_a_search_whose_reader_leaves_delivers(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "dipsearch", *SEARCH], cwd=tmp_path, stdout=nobody, stderr=subprocess.PIPE
        )
    assert done.returncode == 0 and done.stderr == b""
    assert (tmp_path / "studies" / "a" / "result.json").exists()
    assert (tmp_path / "studies" / "a" / "best" / "restored.png").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
def test_json_that_is_lost_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run([*SEARCH, "--json", "--quiet"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "dipsearch: error: the JSON cannot be written; the system says: No space left on device; "
        "it is kept in studies/a/result.json"
    )
    assert (tmp_path / "studies" / "a" / "result.json").exists()


def test_output_that_was_closed_before_is_nowhere(tmp_path: Path) -> None:
    degrade = (
        f'"{sys.executable}" -m dipsearch degrade sample:coffee@32 --task denoise --sigma 25 -o noisy.png'
    )
    done = subprocess.run(["sh", "-c", f"{degrade} >&-"], cwd=tmp_path, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr == b""
    assert (tmp_path / "noisy.png").exists()
