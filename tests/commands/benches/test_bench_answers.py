"""`bench answers`: what it refuses, what it writes, and that it goes on where it was interrupted."""

import json
from pathlib import Path

import pytest
import torch

from dipsearch.bench.cases.rival_case import RivalCase
from dipsearch.bench.rivals import own_search
from dipsearch.bench.rivals.own_search import SearchOutcome
from dipsearch.bench.rivals.rivals import RIVALS, Rival
from dipsearch.commands.main import run
from dipsearch.problem import Problem, write_image

ANSWERS = [
    {"name": "first", "estimate": 29.0, "share": 0.5, "psnr": 29.5, "ssim": 0.8, "seconds": 3.5},
    {"name": "ensemble", "estimate": 28.0, "share": 0.5, "psnr": 28.25, "ssim": 0.7, "seconds": 18.0},
    {"name": "combined", "estimate": 30.0, "share": 0.0, "psnr": 30.0, "ssim": 0.9, "seconds": 18.0},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two clean pictures of 40 × 40 pixels in `clean`; no real search, no real BM3D."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 2, 40), indexing="ij")
    for index, name in enumerate(("one", "two")):
        planes = torch.stack([rows.sin(), (columns + index).cos().abs(), (rows + columns).sin().abs()])
        write_image(tmp_path / "clean" / f"{name}.png", planes[None] * 0.7 + 0.1)

    def search(case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        result = {"answers": ANSWERS, "delivered_psnr": 30.0, "delivered_ssim": 0.9, "version": "9"}
        return SearchOutcome(result, 2.0, 1.0)

    def plain(problem: Problem, limits: object) -> torch.Tensor:
        return problem.y

    monkeypatch.setitem(RIVALS, "bm3d", Rival("bm3d", "BM3D", ("denoise",), plain, ("torch",)))
    monkeypatch.setattr(own_search, "run_search", lambda workers: search)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no picture was given"),
        (["nowhere"], "nowhere does not exist"),
        (["clean", "--damage", "rain"], "there is no damage 'rain'"),
        (["clean", "--tasks", "deblur"], "there is no task 'deblur'"),
        (["clean", "--seconds", "0"], "equal to 1, and 0 was given"),
        (["clean", "--workers", "0"], "equal to 1, and 0 was given"),
        (["clean", "--crop", "8"], "equal to 16, and 8 was given"),
        (["clean", "--most", "0"], "equal to 1, and 0 was given"),
        (["clean"], "clean/one.png is 40 × 40; 128 × 128 pixels are cut out of it"),
        (["clean/one.png", "other/one.png"], "two pictures are called one"),
        (["sample:coffee", "other/coffee.png"], "the crops of two pictures are called coffee@128"),
        (["clean", "--out", "damaged"], "damaged/answers.json holds no rows of bench answers"),
        (["clean", "--out", "strange"], "strange/rivals.json holds no rows of bench rivals"),
        (["--recorded-only"], "there is no benchmarks/answers.json"),
        (["--recorded-only", "--out", "damaged"], "damaged/answers.json holds no rows of bench answers"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, name in (("damaged", "answers.json"), ("strange", "rivals.json")):
        (folder / place).mkdir()
        (folder / place / name).write_text('{"rows": [')
    for name in ("one", "coffee"):
        write_image(folder / "other" / f"{name}.png", torch.rand(1, 3, 16, 16))
    assert run(["bench", "answers", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_rows_and_page_are_written_and_nothing_is_made_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "BENCHMARKS.md").write_text("# Mine\n\nkept\n")
    command = ["bench", "answers", "clean", "--crop", "32", "--tasks", "denoise,inpaint", "--seconds", "20"]
    assert run(command) == 0
    values = json.loads((folder / "benchmarks" / "answers.json").read_text())
    assert len(values["rows"]) == 2 * (2 * 4 + 1)
    assert values["command"] and values["date"] and values["machine"] and values["versions"]["dipsearch"]
    assert {row["answer"] for row in values["rows"]} == {"first", "ensemble", "combined", "delivered", "bm3d"}
    delivered = next(row for row in values["rows"] if row["answer"] == "delivered")
    assert set(delivered) >= {
        *("picture", "task", "damage", "seconds", "answer", "estimate", "share"),
        *("psnr", "ssim", "wall_s", "seed", "workers", "version"),
    }
    assert delivered["picture"] == "one@32" and delivered["seconds"] == 20 and delivered["estimate"] == 30.0
    page = (folder / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert "kept" in page and "<!-- begin answers -->" in page
    assert (
        "| inpaint: half of the pixels missing | 2 | 100 % | 0.000 | 0.000 | +0.50 | +0.50 | +1.75 | – |"
        in page
    )
    assert "| all of sigma25, half | 4 | 100 % |" in page
    assert capsys.readouterr().out.count("\n") == 4 + 2 + 1
    assert run(command) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_the_page_is_made_from_the_rows_alone_and_most_limits_the_pictures(folder: Path) -> None:
    command = ["bench", "answers", "clean", "--crop", "32", "--tasks", "inpaint", "--most", "1"]
    assert run([*command, "--out", "out", "--page", "first.md"]) == 0
    (folder / "clean" / "one.png").unlink()
    assert run(["bench", "answers", "--recorded-only", "--out", "out", "--page", "second.md"]) == 0
    tables = [
        [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        for name in ("first.md", "second.md")
    ]
    assert tables[0] == tables[1] and len(tables[0]) == 3 + 3
    assert "Searches of 1 min, 1 picture\n" in (folder / "first.md").read_text(encoding="utf-8")
