"""The run of the literature's table: one search gives three rows, none is made twice, and rivals come last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.bench.published import parallel_searches
from dipsearch.bench.published.published_rows import PublishedRow
from dipsearch.bench.published.published_run import METHODS, PublishedRun, measure_published
from dipsearch.bench.published.published_tasks import chosen_pictures
from dipsearch.bench.rivals.rivals import RIVALS, Rival, chosen_methods
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.errors import InputError
from dipsearch.problem import Problem, psnr, psnr_luma, read_image
from tests.bench.published.published_pictures import Searches, write_pictures


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits, and BM3D is not installed."""
    monkeypatch.setattr(parallel_searches, "EVERY", 0.001)
    missing = Rival("bm3d", "BM3D", ("denoise",), RIVALS["bm3d"].restore, ("no_such_package",), "x")
    monkeypatch.setitem(RIVALS, "bm3d", missing)


def wanted(data: Path, rows: list[str], names: list[str], begin: Searches, *methods: str) -> PublishedRun:
    return PublishedRun(
        pictures=chosen_pictures(data, rows=rows, sets=None, pictures=names),
        methods=methods or METHODS,
        seconds=60,
        at_once=2,
        seed=0,
        device="GPU",
        processor="CPU",
        begin=begin,
    )


def opened(path: Path) -> RowFile[PublishedRow]:
    return RowFile(path / "published.json", PublishedRow, command="bench published", about={})


def test_one_search_gives_three_rows_and_the_rivals_theirs(tmp_path: Path) -> None:
    write_pictures(tmp_path, "standard9/F16", "standard9/House")
    file, begin, lines = opened(tmp_path), Searches(F16=5), list[str]()
    measure_published(wanted(tmp_path, ["denoise"], ["F16", "House"], begin), file, say=lines.append)
    assert [(row.picture, row.method, row.psnr, row.seconds, row.device) for row in file.rows[:6]] == [
        (name, method, level, seconds, "GPU")
        for name in ("House", "F16")  # in the order in which they ended
        for method, level, seconds in (
            ("dipsearch", 31.0, 60.5),
            ("networks", 29.0, 60.5),
            ("first", 30.0, 2.5),
        )
    ]
    assert {(row.psnr_y, row.gpu_busy_share, row.budget, row.at_once) for row in file.rows[:6]} == {
        (None, 0.9, 60, 2)
    }
    assert [row.note for row in file.rows[:3]] == ["combined", "ensemble", ""]
    assert [(row.picture, row.method, row.device, row.budget) for row in file.rows[6:]] == [
        ("F16", "nlm", "CPU", None),
        ("House", "nlm", "CPU", None),
    ]
    assert lines[-3:][0].startswith("BM3D is left out: no_such_package is not installed") and len(lines) == 9
    assert begin.events == ["begin F16", "begin House", "close House", "close F16"]


def test_enlarging_is_measured_by_its_luma_too(tmp_path: Path) -> None:
    write_pictures(tmp_path, "set5/bird", height=64, width=96)
    file = opened(tmp_path)
    measure_published(wanted(tmp_path, ["sr4"], ["bird"], Searches()), file, say=lambda line: None)
    assert [(row.method, row.psnr, row.psnr_y) for row in file.rows[:3]] == [
        ("dipsearch", 31.0, 32.0),
        ("networks", 29.0, 29.5),
        ("first", 30.0, 30.5),
    ]
    bicubic = file.rows[3]
    assert bicubic.method == "bicubic" and bicubic.psnr is not None and bicubic.psnr_y is not None
    assert bicubic.psnr_y > bicubic.psnr > 20


def test_a_grey_picture_has_a_luma_of_its_own(tmp_path: Path) -> None:
    write_pictures(tmp_path, "set14/bridge", height=160, width=160, channels=1)
    file = opened(tmp_path)
    run = wanted(tmp_path, ["sr4"], ["bridge"], Searches(), "simplest")
    measure_published(run, file, say=lambda line: None)
    assert [row.method for row in file.rows] == ["bicubic"] and file.rows[0].psnr_y is not None


def test_rows_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    write_pictures(tmp_path, "standard9/F16", "inpainting11/boat", channels=1)
    begin = Searches()
    run = wanted(tmp_path, ["denoise", "inpaint"], ["F16", "boat"], begin)
    measure_published(run, opened(tmp_path), say=lambda line: None)
    before, lines = (tmp_path / "published.json").read_bytes(), list[str]()
    again = opened(tmp_path)
    assert run.searches(again) == []
    measure_published(run, again, say=lines.append)
    assert (len(begin.cases), (tmp_path / "published.json").read_bytes()) == (2, before)
    assert len(lines) == 1 and lines[0].startswith("BM3D is left out")
    longer = replace(run, seconds=120)
    assert [one.name for one in longer.searches(again)] == ["F16", "boat"]
    measure_published(longer, again, say=lambda line: None)
    assert len(begin.cases) == 4 and len(again.rows) == 2 * (3 + 1) + 2 * 3


def test_a_changed_picture_is_measured_anew_in_the_place_of_the_old_rows(tmp_path: Path) -> None:
    write_pictures(tmp_path, "standard9/F16")
    begin = Searches()
    run = wanted(tmp_path, ["denoise"], ["F16"], begin)
    measure_published(run, opened(tmp_path), say=lambda line: None)
    write_pictures(tmp_path, "standard9/F16", height=48)
    file = opened(tmp_path)
    measure_published(run, file, say=lambda line: None)
    assert len(begin.cases) == 2 and [row.method for row in file.rows] == [
        "dipsearch",
        "networks",
        "first",
        "nlm",
    ]
    assert len({row.measurement for row in file.rows}) == 1


def test_what_was_measured_before_an_interruption_is_kept(tmp_path: Path) -> None:
    class Interrupted(Searches):
        def __call__(self, case):
            if case.picture == "House":
                raise KeyboardInterrupt
            return super().__call__(case)

    write_pictures(tmp_path, "standard9/F16", "standard9/House")
    run = replace(wanted(tmp_path, ["denoise"], ["F16", "House"], Searches()), begin=Interrupted(), at_once=1)
    with pytest.raises(KeyboardInterrupt):
        measure_published(run, opened(tmp_path), say=lambda line: None)
    file, begin = opened(tmp_path), Searches()
    assert len(file.rows) == 3
    measure_published(replace(run, begin=begin), file, say=lambda line: None)
    assert [case.picture for case in begin.cases] == ["House"] and len(file.rows) == 8


def test_what_fails_leaves_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(problem: Problem, limits: object) -> torch.Tensor:
        raise ValueError("not to my taste\nat all")

    write_pictures(tmp_path, "standard9/F16", "standard9/House")
    monkeypatch.setitem(RIVALS, "nlm", Rival("nlm", "non-local means", ("denoise",), fail))
    file, lines = opened(tmp_path), list[str]()
    run = wanted(tmp_path, ["denoise"], ["F16", "House"], Searches(failing=["F16"]), "first", "simplest")
    measure_published(run, file, say=lines.append)
    assert [row.picture for row in file.rows] == ["House"] * 3
    assert lines[0].endswith("not measured: the search of F16 failed: no memory")
    assert [line.split(": ", 1)[1] for line in lines[-2:]] == ["not measured: not to my taste"] * 2


def test_without_any_of_ours_nothing_is_searched(tmp_path: Path) -> None:
    write_pictures(tmp_path, "inpainting11/boat", channels=1)
    file, begin = opened(tmp_path), Searches()
    run = wanted(tmp_path, ["inpaint"], ["boat"], begin, "simplest", "bm3d")
    assert run.searches(file) == []
    measure_published(run, file, say=lambda line: None)
    (row,) = file.rows
    assert begin.cases == [] and row.method == "biharmonic" and row.psnr is not None and row.psnr > 25


def test_a_rival_is_measured_against_the_clean_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path, "set5/bird", height=192, width=192)
    grey = Rival("bicubic", "bicubic", ("sr",), lambda problem, limits: torch.full(problem.image_shape, 0.5))
    monkeypatch.setitem(RIVALS, "bicubic", grey)
    file, clean = opened(tmp_path), read_image(tmp_path / "set5" / "bird.png").pixels
    measure_published(
        wanted(tmp_path, ["sr8"], ["bird"], Searches(), "simplest"), file, say=lambda line: None
    )
    half = torch.full_like(clean, 0.5)
    assert file.rows[0].psnr == pytest.approx(psnr(half, clean), abs=1e-3)
    assert file.rows[0].psnr_y == pytest.approx(psnr_luma(half, clean), abs=1e-3)


def test_a_method_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="there is no method 'dip'"):
        chosen_methods(["first", "dip"], among=METHODS)
