"""Consoles and logs whose encoding lacks what we write: everything works, in other letters."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dipsearch.commands.main import run
from dipsearch.commands.narrow_streams import write_letters_for_what_is_lacking


def written(text: str, encoding: str) -> bytes:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    write_letters_for_what_is_lacking([stream, object(), None])
    stream.write(text)
    stream.flush()
    return raw.getvalue()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", b"64x32, sigma 2.0^2, 10-20 s ..., ?"),
        ("cp1251", b"64x32, sigma 2.0^2, 10\x9620 s \x85, ?"),
        ("latin-1", b"64\xd732, sigma 2.0\xb2, 10-20 s ..., ?"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_letters_that_it_has(encoding: str, expected: bytes) -> None:
    assert written("64×32, σ 2.0², 10–20 s …, 🙂", encoding) == expected


def test_utf_8_is_left_as_it_is() -> None:
    assert written("64×32 🙂", "utf-8") == "64×32 🙂".encode()


def test_a_search_and_what_is_said_of_it_go_through_any_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = ("search", "sample:coffee@32", "--task", "inpaint", "--missing", "50", "--name", "a")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "dipsearch",
            *searched,
            "--trials",
            "1",
            "--steps",
            "20",
            "--workers",
            "1",
            "--verbose",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "cp1251"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode("cp1251")
    assert b"Traceback" not in done.stderr and b"\xd7" not in done.stdout and b"32x21" in done.stdout
    monkeypatch.chdir(tmp_path)
    for words, code in ((["show", "studies/a"], 0), (["show", "nowhere×"], 2)):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="cp1251") for _ in range(2))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        assert run(words) == code
        out.flush()
        assert b"\xd7" not in out.buffer.getvalue() and bool(out.buffer.getvalue()) == (code == 0)
