"""`bench rivals`: what it refuses, what it writes, and that it goes on where it was interrupted."""

import json
from pathlib import Path

import pytest
import torch

from dipsearch.bench.cases.rival_case import RivalCase
from dipsearch.bench.rivals import own_search
from dipsearch.bench.rivals.own_search import SearchOutcome
from dipsearch.commands.main import run
from dipsearch.problem import write_image


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two clean pictures of 40 × 40 pixels in `clean`, and no real search."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 2, 40), indexing="ij")
    for index, name in enumerate(("one", "two")):
        planes = torch.stack([rows.sin(), (columns + index).cos().abs(), (rows + columns).sin().abs()])
        write_image(tmp_path / "clean" / f"{name}.png", planes[None] * 0.7 + 0.1)

    def search(case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        return SearchOutcome({"delivered_psnr": 60.0, "delivered_ssim": 0.99, "version": "9"}, 2.0, 1.0)

    monkeypatch.setattr(own_search, "run_search", lambda workers: search)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no picture was given"),
        (["nowhere"], "nowhere does not exist"),
        (["empty"], "the folder empty holds no picture"),
        (["measured"], "there is no clean picture among those given"),
        (["clean", "--methods", "bm4d"], "there is no method 'bm4d'"),
        (["clean", "--damage", "rain"], "there is no damage 'rain'"),
        (["clean", "--tasks", "deblur"], "there is no task 'deblur'"),
        (["clean", "--tasks", "sr", "--damage", "text"], "none of the damages text belongs to sr"),
        (["clean", "--seconds", "1m"], "--seconds is '1m'"),
        (["clean", "--seconds", "0"], "--seconds is '0'"),
        (["clean", "--workers", "0"], "equal to 1, and 0 was given"),
        (["clean", "--fit-seconds", "0"], "--fit-seconds is 0"),
        (["clean", "--out", "damaged"], "damaged/rivals.json holds no rows of bench rivals"),
        (["--recorded-only"], "there is no benchmarks/rivals.json"),
        (["--recorded-only", "--out", "damaged"], "damaged/rivals.json holds no rows of bench rivals"),
        (["broken"], "broken/one.png cannot be read as a picture"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("empty", "damaged", "broken", "measured"):
        (folder / name).mkdir()
    (folder / "damaged" / "rivals.json").write_text('{"rows": [')
    (folder / "broken" / "one.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    write_image(folder / "measured" / "one_noise25.png", torch.rand(1, 3, 16, 16))
    assert run(["bench", "rivals", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_rows_and_page_are_written_and_nothing_is_made_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "BENCHMARKS.md").write_text("# Mine\n\nkept\n")
    command = ["bench", "rivals", "clean", "--methods", "dipsearch,measured,biharmonic,bicubic"]
    command += ["--damage", "half,x2", "--seconds", "1,60"]
    assert run(command) == 0
    values = json.loads((folder / "benchmarks" / "rivals.json").read_text())
    rows = {(row["picture"], row["damage"], row["method"]): row for row in values["rows"]}
    assert len(rows) == len(values["rows"]) == 2 * (2 + 2 + 1 + 2)
    assert values["command"] and values["date"] and values["versions"]["dipsearch"]
    own = rows["one", "half", "dipsearch 1 min"]
    assert (
        own["psnr"] == 60.0 and own["cpu_s"] == 2.0 and own["version"] == "dipsearch 9" and own["seed"] == 0
    )
    assert set(own) >= {
        "picture",
        "task",
        "damage",
        "method",
        "psnr",
        "ssim",
        "cpu_s",
        "version",
        "wall_s",
        "seed",
    }
    page = (folder / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert "kept" in page and "<!-- begin rivals -->" in page
    assert "| dipsearch 1 min | **60.00** | **60.00** | **60.00** | 0.990 | 2.0 |" in page
    assert capsys.readouterr().out.count("\n") == 15
    assert run(command) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_the_page_is_made_from_the_rows_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "rivals", "clean", "--methods", "bicubic", "--tasks", "sr", "--damage", "x2"]
    assert run([*command, "--out", "out", "--page", "first.md"]) == 0
    (folder / "clean" / "one.png").unlink()
    assert run(["bench", "rivals", "--recorded-only", "--out", "out", "--page", "second.md"]) == 0
    tables = [
        [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        for name in ("first.md", "second.md")
    ]
    assert tables[0] == tables[1] and len(tables[0]) == 3
