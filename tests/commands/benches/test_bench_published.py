"""`bench published`: what it refuses, what it says before it starts, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dipsearch.bench.published import parallel_searches
from dipsearch.bench.published.parallel_searches import Begin
from dipsearch.commands.main import run
from tests.bench.published.published_pictures import Searches, write_pictures


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """How searches were to be begun, none of which is real; the current folder has pictures in `data`."""
    asked: list[dict[str, object]] = []

    def begin_search(**options: object) -> Begin:
        asked.append(options)
        return Searches()

    monkeypatch.setattr(parallel_searches, "begin_search", begin_search)
    monkeypatch.setattr(parallel_searches, "EVERY", 0.001)
    monkeypatch.setattr("dipsearch.run.devices.cores", lambda: 8)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr("dipsearch.bench.shared.machine.machine_name", lambda device: f"a {device}")
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "data", "standard9/F16", "standard9/House", "standard9/Lena")
    return asked


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no folder of pictures was given"),
        (["--data", "nowhere"], "nowhere/standard9/Baboon.png is not there"),
        (["--data", "data", "--rows", "sr2"], "there is no row 'sr2'"),
        (["--data", "data", "--sets", "set9"], "there is no set 'set9'"),
        (["--data", "data", "--pictures", "cat"], "there is no picture 'cat'"),
        (["--data", "data", "--methods", "dip"], "there is no method 'dip'"),
        (["--data", "data", "--seconds-per-picture", "0"], "equal to 1, and 0 was given"),
        (["--data", "data", "--at-once", "0"], "equal to 1, and 0 was given"),
        (["--data", "data", "--device", "gpu"], "'gpu'"),
        (["--data", "data", "--device", "cuda", "--pictures", "F16"], "this machine has 0 CUDA devices"),
        (["--recorded-only"], "there is no benchmarks/published.json"),
        (["--data", "data", "--out", "damaged"], "damaged/published.json holds no rows of bench published"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    begun: list[dict[str, object]], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("damaged").mkdir()
    Path("damaged/published.json").write_text('{"rows": [')
    assert run(["bench", "published", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.strip().count("\n") == 0
    assert not Path("BENCHMARKS.md").exists()


def test_it_says_how_long_it_takes_and_goes_on_where_it_was(
    begun: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "published", "--data", "data", "--rows", "denoise", "--methods", "dipsearch,simplest"]
    assert run([*command, "--pictures", "F16", "--seconds-per-picture", "90"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "1 picture × 90 s on a cpu: about 90 s; every row is kept as soon as it is there"
    assert (
        run([*command, "--pictures", "F16,House,Lena", "--seconds-per-picture", "90", "--at-once", "2"]) == 0
    )
    said = capsys.readouterr().out.splitlines()
    assert (
        said[0]
        == "2 pictures × 90 s, 2 at once on a cpu: about 90 s; every row is kept as soon as it is there"
    )
    assert begun == [
        {"seconds": 90, "device": "auto", "workers": 8},
        {"seconds": 90, "device": "auto", "workers": 4},
    ]
    assert run([*command, "--pictures", "House", "--seconds-per-picture", "9000"]) == 0
    assert "about 2.5 h" in capsys.readouterr().out
    rows = json.loads(Path("benchmarks/published.json").read_text())["rows"]
    assert len(rows) == 3 * (3 + 1) + 3
    assert {(row["device"], row["method"]) for row in rows if row["budget"] is None} == {("a cpu", "nlm")}


def test_the_page_is_made_from_rows_alone(
    begun: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "published", "--data", "data", "--rows", "denoise", "--pictures", "F16"]) == 0
    Path("BENCHMARKS.md").write_text("# Mine\n\nkept\n")
    capsys.readouterr()
    assert run(["bench", "published", "--recorded-only"]) == 0
    page = Path("BENCHMARKS.md").read_text()
    assert "kept" in page and "<!-- begin published -->" in page and "| dipsearch 1 min |" in page
    assert len(begun) == 1 and "the section published" in capsys.readouterr().out
