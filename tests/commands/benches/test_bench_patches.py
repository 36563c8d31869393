"""`bench patches`: what it refuses, what it measures, and that it goes on where it was interrupted."""

import json
from pathlib import Path

import pytest
import torch

from dipsearch import patches
from dipsearch.bench.patches import patch_settings
from dipsearch.bench.patches.patch_variants import VARIANTS
from dipsearch.commands.main import run
from dipsearch.patches import PatchSettings
from dipsearch.problem import Problem, write_image


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with pictures in `clean`; one bundled picture, no real restoration."""
    for name in ("one", "two"):
        write_image(tmp_path / "clean" / f"{name}.png", torch.rand(1, 3, 64, 64))

    def grey(problem: Problem, *, settings: PatchSettings) -> torch.Tensor:
        return torch.full(problem.image_shape, 0.5)

    monkeypatch.setattr(patches, "answer", grey)
    monkeypatch.setattr(patch_settings, "BUNDLED", ("sample:coffee",))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["--tasks", "denoise,deblur"], "--tasks 'deblur' is not known"),
        (["--crop", "16"], "equal to 32, and 16 was given"),
        (["clean", "--pictures", "one,three"], "there is no picture 'three' in the folders given"),
        (["--pictures", "one"], "there is no picture 'one' in the folders given"),
        (["clean"], "at half its size is 32 × 32"),
        (["--out", "damaged"], "damaged/patches.json holds no rows of bench patches"),
        (["--recorded-only"], "there is no benchmarks/patches.json"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "damaged").mkdir()
    (folder / "damaged" / "patches.json").write_text('{"rows": [')
    assert run(["bench", "patches", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_settings_are_written_and_nothing_is_made_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "BENCHMARKS.md").write_text("# Mine\n\nkept\n")
    command = ["bench", "patches", "clean", "--pictures", "two", "--crop", "32", "--tasks", "denoise"]
    assert run(command) == 0
    values = json.loads((folder / "benchmarks" / "patches.json").read_text())
    rows, count = values["rows"], sum("denoise" in variant.tasks for variant in VARIANTS)
    assert len(rows) == 2 * count
    assert {row["picture"] for row in rows} == {"coffee@32", "two@32"}
    assert values["command"] and values["date"] and values["versions"]["dipsearch"]
    assert {"variant", "task", "damage", "picture", "psnr", "cpu_s", "version", "machine"} <= set(rows[0])
    page = (folder / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert "kept" in page and "<!-- begin patches -->" in page
    assert capsys.readouterr().out.count("\n") == len(rows) + 1
    assert run(command) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_the_page_is_made_from_the_rows(folder: Path) -> None:
    command = ["bench", "patches", "--tasks", "sr", "--out", "out", "--page"]
    assert run([*command, "first.md", "--crop", "64"]) == 0
    assert run([*command, "second.md", "--recorded-only"]) == 0
    tables = [
        [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        for name in ("first.md", "second.md")
    ]
    count = sum("sr" in variant.tasks for variant in VARIANTS)
    assert tables[0] == tables[1] and len(tables[0]) == 2 + count
