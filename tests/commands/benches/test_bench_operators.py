"""`bench operators`: what it refuses, what it writes, and that it goes on where it was interrupted."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.bench.operators import operator_fits, operator_run, operator_search
from dipsearch.bench.operators.operator_cases import INSTRUMENTS
from dipsearch.bench.operators.operator_fits import FitJob
from dipsearch.bench.operators.operator_rows import OperatorRow, row_of
from dipsearch.bench.operators.operator_search import Found, Restored
from dipsearch.commands.main import run
from dipsearch.problem import Problem, write_image


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two clean pictures of 40 × 40 pixels in `clean`; nothing is restored or fitted."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 2, 40), indexing="ij")
    for index, name in enumerate(("one", "two")):
        planes = torch.stack([rows.sin(), (columns + index).cos().abs(), (rows + columns).sin().abs()])
        write_image(tmp_path / "clean" / f"{name}.png", planes[None] * 0.7 + 0.1)

    def grey(problem: Problem) -> torch.Tensor:
        return torch.full(problem.image_shape, 0.5)

    def search(problem: Problem, seconds: int, seed: int) -> Found:
        return Found(Restored(grey(problem), 30.0), Restored(grey(problem), 29.0))

    def fit(jobs: Sequence[FitJob]) -> Iterator[OperatorRow]:
        for place, job in enumerate(jobs):
            yield row_of(
                job.case(), job.method, limit=job.steps, psnr=20.0 + place, estimate=place, stop_loss_db=0.25
            )

    monkeypatch.setattr(operator_run, "answer", grey)
    monkeypatch.setattr(operator_search, "run_search", lambda workers: search)
    monkeypatch.setattr(operator_fits, "fit_in_processes", lambda workers: fit)
    for name, one in INSTRUMENTS.items():
        monkeypatch.setitem(INSTRUMENTS, name, replace(one, classical=dict.fromkeys(one.classical, grey)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no picture was given"),
        (["nowhere"], "nowhere does not exist"),
        (["clean", "--operators", "fog"], "there is no operator 'fog'"),
        (["clean", "--what", "quality"], "--what 'quality' is not known"),
        (["clean", "--networks", "wide,huge"], "--networks 'huge' is not known"),
        (["clean", "--seconds", "0"], "equal to 1, and 0 was given"),
        (["clean", "--workers", "0"], "equal to 1, and 0 was given"),
        (["clean", "--crop", "16"], "equal to 32, and 16 was given"),
        (["clean", "--steps", "50"], "equal to 100, and 50 was given"),
        (["clean", "--dip-steps", "0"], "equal to 10, and 0 was given"),
        (["clean"], "clean/one.png is 40 × 40; 96 × 96 pixels are cut out of it"),
        (["clean/one.png", "other/one.png"], "two pictures are called one"),
        (["clean", "--out", "damaged"], "damaged/operators.json holds no rows of bench operators"),
        (["--recorded-only"], "there is no benchmarks/operators.json"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "damaged").mkdir()
    (folder / "damaged" / "operators.json").write_text('{"rows": [')
    write_image(folder / "other" / "one.png", torch.rand(1, 3, 16, 16))
    assert run(["bench", "operators", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_rows_and_page_are_written_and_nothing_is_made_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "BENCHMARKS.md").write_text("# Mine\n\nkept\n")
    command = ["bench", "operators", "clean", "--crop", "32", "--operators", "gaussian blur,mri"]
    command += ["--networks", "wide,narrow,slow", "--seconds", "20"]
    assert run(command) == 0
    values = json.loads((folder / "benchmarks" / "operators.json").read_text())
    methods = ["first answer", "networks alone", "delivered", "dip-oracle", "score"]
    methods += ["network wide", "network narrow", "network slow"]
    assert len(values["rows"]) == 2 * 2 * (2 + len(methods))
    assert values["command"] and values["date"] and values["machine"] and values["versions"]["dipsearch"]
    assert set(values["rows"][0]) == {
        *("operator", "picture", "method", "limit", "psnr", "ssim", "stop_loss_db", "kendall_tau"),
        *("estimate", "seconds", "seed", "version", "measurement"),
    }
    score = next(row for row in values["rows"] if row["method"] == "score")
    assert (score["kendall_tau"], score["stop_loss_db"], score["limit"]) == (1.0, 0.25, 1200)
    page = (folder / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert "kept" in page and "<!-- begin operators -->" in page
    assert "### Searches of 20 s" in page
    assert "| mri | 2 | 6 | 0.25 | 0.25 | 1.00 | 1.00 |" in page
    assert capsys.readouterr().out.count("\n") == len(values["rows"]) + 1
    assert run(command) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_parts_can_be_measured_alone_and_the_page_is_made_from_the_rows(folder: Path) -> None:
    command = ["bench", "operators", "clean/one.png", "--crop", "32", "--out", "out", "--page", "first.md"]
    assert run([*command, "--what", "classical,first"]) == 0
    rows = json.loads((folder / "out" / "operators.json").read_text())["rows"]
    assert len(rows) == 2 + 2 + 3 + 2 + 4
    assert "### No search" in (folder / "first.md").read_text(encoding="utf-8")
    assert run([*command, "--what", "dip"]) == 0
    (folder / "clean" / "one.png").unlink()
    assert run(["bench", "operators", "--recorded-only", "--out", "out", "--page", "second.md"]) == 0
    tables = [
        [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        for name in ("first.md", "second.md")
    ]
    assert tables[0] == tables[1] and len(tables[0]) == 2 + 4
