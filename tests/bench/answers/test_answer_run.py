"""The comparison of answers: all answers of one search at once, none twice, and BM3D where it is to be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dipsearch.bench.answers import answer_run
from dipsearch.bench.answers.answer_rows import AnswerRow, rows_of_search
from dipsearch.bench.answers.answer_run import Questions, ask
from dipsearch.bench.cases.rival_case import RivalCase, make_case
from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS
from dipsearch.bench.rivals.own_search import Searcher, SearchOutcome
from dipsearch.bench.rivals.rival_limits import Limits
from dipsearch.bench.rivals.rivals import RIVALS, Rival
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.errors import ResourceError
from dipsearch.problem import Problem, read_image, write_image


def answer(name: str, psnr: float | None, share: float, **more: object) -> dict[str, Any]:
    return {"name": name, "estimate": 20.0, "share": share, "psnr": psnr, "ssim": 0.5, "seconds": 3.0} | more


ANSWERS = [
    answer("first", 29.5, 0.25, seconds=1.5),
    answer("ensemble", 28.25, 0.0),
    answer("polished", 30.0, 0.75),
    answer("combined", 30.123456, 0.0, estimate=30.5),
]
RESULT = {"version": "9", "answers": ANSWERS, "delivered_psnr": 30.123456, "delivered_ssim": 0.9}


class Searches:
    """In the place of our search: remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int, int]] = []

    def __call__(self, case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        assert case.clean.shape[-2:] == (32, 32)
        assert torch.equal(read_image(case.reference).pixels, case.clean)
        self.asked.append((case.picture, case.damage.name, seconds, seed))
        return SearchOutcome(RESULT, cpu_s=2.0, wall_s=60.5)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two pictures of 40 × 40; BM3D is a constant."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 2, 40), indexing="ij")
    for index, name in enumerate(("one", "two")):
        planes = torch.stack([rows.sin(), (columns + index).cos().abs(), (rows + columns).sin().abs()])
        write_image(tmp_path / f"{name}.png", planes[None] * 0.7 + 0.1)
    monkeypatch.setitem(RIVALS, "bm3d", Rival("bm3d", "BM3D", ("denoise",), grey, ("torch",)))
    return [str(tmp_path / "one.png"), str(tmp_path / "two.png")]


def grey(problem: Problem, limits: Limits) -> torch.Tensor:
    return torch.full(problem.image_shape, 0.5)


def opened(folder: Path) -> RowFile[AnswerRow]:
    return RowFile(folder / "answers.json", AnswerRow, command="bench answers", about={})


def questions(
    sources: list[str], search: Searcher, *damages: str, known: tuple[str, ...] = (), workers: int = 2
) -> Questions:
    return Questions(
        sources, 32, [DAMAGES_OF_RIVALS[name] for name in damages], 60, 5, workers, search, known
    )


def silent(line: str) -> None:
    del line


def test_a_result_gives_a_row_for_every_answer_and_one_for_the_delivery(tmp_path: Path) -> None:
    case = make_case("sample:cat@64", DAMAGES_OF_RIVALS["x4"], seed=5, folder=tmp_path)
    rows = rows_of_search(case, SearchOutcome(RESULT, 2.0, 60.5), seconds=60, workers=2)
    assert [(row.answer, row.psnr, row.share, row.estimate, row.wall_s) for row in rows] == [
        ("first", 29.5, 0.25, 20.0, 1.5),
        ("ensemble", 28.25, 0.0, 20.0, 3.0),
        ("polished", 30.0, 0.75, 20.0, 3.0),
        ("combined", 30.1235, 0.0, 30.5, 3.0),
        ("delivered", 30.1235, None, 30.5, 60.5),
    ]
    assert {(row.version, row.seed, row.seconds, row.task, row.damage) for row in rows} == {
        ("dipsearch 9", 5, 60, "sr", "x4")
    }
    unjudged = rows_of_search(case, SearchOutcome({"delivered_psnr": None}, 2.0, 60.5), seconds=60, workers=2)
    assert [(row.answer, row.psnr, row.estimate) for row in unjudged] == [("delivered", None, None)]


def test_every_damaged_crop_is_searched_once_and_noise_goes_through_bm3d(
    pictures: list[str], tmp_path: Path
) -> None:
    file, search, lines = opened(tmp_path), Searches(), list[str]()
    wanted = questions(pictures, search, "sigma25", "impulse30", "half")
    ask(wanted, file, say=lines.append)
    damages = ("sigma25", "impulse30", "half")
    assert search.asked == [(f"{name}@32", damage, 60, 5) for name in ("one", "two") for damage in damages]
    bm3d = [
        (row.picture, row.damage, row.seconds, row.version[:5]) for row in file.rows if row.answer == "bm3d"
    ]
    assert bm3d == [("one@32", "sigma25", None, "torch"), ("two@32", "sigma25", None, "torch")]
    assert len(file.rows) == 6 * 5 + 2 and len(lines) == 6 + 2
    assert lines[0].endswith(
        "delivered 30.12 dB  (first 29.50, ensemble 28.25, polished 30.00, combined 30.12)"
    )
    before = file.path.read_bytes()
    ask(wanted, opened(tmp_path), say=lines.append)
    assert (len(search.asked), len(lines), file.path.read_bytes()) == (6, 8, before)
    ask(questions(pictures[:1], search, "sigma25", workers=1), opened(tmp_path), say=lines.append)
    assert len(search.asked) == 7  # fewer processes make another search, and the same BM3D
    assert len(opened(tmp_path).rows) == len(file.rows) + 5


def test_what_rivals_hold_of_bm3d_is_not_made_again(pictures: list[str], tmp_path: Path) -> None:
    file = opened(tmp_path)
    ask(questions(pictures[:1], Searches(), "sigma25"), file, say=silent)
    digest = file.rows[0].measurement
    (tmp_path / "other").mkdir()
    other = opened(tmp_path / "other")
    ask(questions(pictures[:1], Searches(), "sigma25", known=(digest,)), other, say=silent)
    assert "bm3d" in {row.answer for row in file.rows} and "bm3d" not in {row.answer for row in other.rows}


def test_an_interrupted_run_has_kept_whole_searches_and_goes_on(pictures: list[str], tmp_path: Path) -> None:
    class Interrupted(Searches):
        def __call__(self, case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
            if case.picture == "two@32":
                raise KeyboardInterrupt
            return super().__call__(case, seconds, seed)

    with pytest.raises(KeyboardInterrupt):
        ask(questions(pictures, Interrupted(), "half"), opened(tmp_path), say=silent)
    assert len(opened(tmp_path).rows) == 5
    search = Searches()
    ask(questions(pictures, search, "half"), opened(tmp_path), say=silent)
    assert search.asked == [("two@32", "half", 60, 5)] and len(opened(tmp_path).rows) == 10


def test_another_picture_of_the_same_name_replaces_the_whole_search(
    pictures: list[str], tmp_path: Path
) -> None:
    ask(questions(pictures[:1], Searches(), "half"), opened(tmp_path), say=silent)
    write_image(pictures[0], torch.rand(1, 3, 40, 40))

    def poorer(case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        return SearchOutcome({"answers": [answer("first", 25.0, 1.0)], "delivered_psnr": 25.0}, 2.0, 60.5)

    ask(questions(pictures[:1], poorer, "half"), opened(tmp_path), say=silent)
    assert [(row.answer, row.psnr) for row in opened(tmp_path).rows] == [("first", 25.0), ("delivered", 25.0)]


def test_what_fails_leaves_a_line(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        raise ResourceError("the search of 60 s failed: no memory")

    def refuse(problem: Problem, limits: Limits) -> torch.Tensor:
        raise ValueError("not to my taste\nat all")

    monkeypatch.setitem(RIVALS, "bm3d", Rival("bm3d", "BM3D", ("denoise",), refuse, ("torch",)))
    file, lines = opened(tmp_path), list[str]()
    ask(questions(pictures[:1], fail, "sigma25"), file, say=lines.append)
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        "not measured: the search of 60 s failed: no memory",
        "bm3d: not measured: not to my taste",
    ]
    assert not file.path.exists()
    monkeypatch.setattr(
        answer_run, "RIVALS", RIVALS | {"bm3d": Rival("bm3d", "BM3D", ("denoise",), refuse, ("no_such",))}
    )
    ask(questions(pictures[:1], Searches(), "sigma25"), file, say=lines.append)
    assert len(file.rows) == 5 and len(lines) == 3
