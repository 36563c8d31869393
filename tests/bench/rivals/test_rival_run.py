"""The run of the comparison: one row after another, none twice, and what fails costs the others nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.bench.cases.rival_case import RivalCase
from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS
from dipsearch.bench.rivals import rival_run
from dipsearch.bench.rivals.own_search import SearchOutcome
from dipsearch.bench.rivals.rival_limits import Limits
from dipsearch.bench.rivals.rival_rows import COMMAND, RivalRow
from dipsearch.bench.rivals.rival_run import ORACLE_TITLE, Comparison, compare
from dipsearch.bench.rivals.rivals import RIVALS, Rival
from dipsearch.bench.shared.row_file import RowFile, read_rows
from dipsearch.errors import InputError
from dipsearch.fitting import Compute
from dipsearch.problem import Problem, psnr, read_image, write_image


class Searches:
    """In the place of our search: remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def __call__(self, case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        assert torch.equal(read_image(case.reference).pixels, case.clean)
        self.asked.append((case.picture, case.damage.name, seconds))
        answers = [{"name": "first", "estimate": 1.0, "psnr": 31.0, "seconds": 2.0}]
        return SearchOutcome(
            {"delivered_psnr": 32.0 + seconds, "answers": answers}, 2.0 * seconds, 1.0 * seconds
        )


def rival_file(path: Path) -> RowFile[RivalRow]:
    return RowFile(path, RivalRow, command=COMMAND, about={})


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 2, 48), indexing="ij")
    for index, name in enumerate(("one", "two")):
        planes = torch.stack([rows.sin(), (columns + index).cos().abs(), (rows + columns).sin().abs()])
        write_image(tmp_path / f"{name}.png", planes[None] * 0.7 + 0.1)
    return [str(tmp_path / "one.png"), str(tmp_path / "two.png")]


def comparison(pictures: list[str], methods: list[str], search: Searches, *damages: str) -> Comparison:
    chosen = [DAMAGES_OF_RIVALS[name] for name in damages]
    return Comparison(pictures, chosen, methods, [2, 1], Limits(60, 20, 0), search)


def test_every_method_gets_its_problems_and_no_other(pictures: list[str], tmp_path: Path) -> None:
    file, search = rival_file(tmp_path / "rivals.json"), Searches()
    methods = ["dipsearch", "measured", "biharmonic", "median", "bicubic"]
    compare(comparison(pictures, methods, search, "half", "x2", "impulse30"), file, say=lambda line: None)
    found = {(row.picture, row.damage, row.method) for row in read_rows(file.path, RivalRow, command=COMMAND)}
    wanted = {
        "half": ["as measured", "biharmonic"],
        "x2": ["bicubic"],
        "impulse30": ["as measured", "biharmonic", "median of 3 × 3"],
    }
    ours = ["dipsearch 1 s", "dipsearch 2 s", "first answer"]
    assert found == {
        (picture, damage, method)
        for picture in ("one", "two")
        for damage, rivals in wanted.items()
        for method in (*rivals, *ours)
    }
    first = [row.psnr for row in file.rows if row.method == "dipsearch 1 s"]
    assert first == [33.0] * 6


def test_a_row_is_what_psnr_and_ssim_say(pictures: list[str], tmp_path: Path) -> None:
    file = rival_file(tmp_path / "rivals.json")
    compare(comparison(pictures[:1], ["measured"], Searches(), "sigma25"), file, say=lambda line: None)
    (row,) = file.rows
    clean = read_image(pictures[0]).pixels
    y = (DAMAGES_OF_RIVALS["sigma25"].make(clean, 0).y * 255).round() / 255
    assert row.psnr == pytest.approx(psnr(y, clean), abs=1e-3)
    assert row.ssim is not None and 0 < row.ssim < 1 and row.cpu_s is not None and row.side == "rival"


def test_rows_that_are_there_are_not_made_again(pictures: list[str], tmp_path: Path) -> None:
    file, search = rival_file(tmp_path / "rivals.json"), Searches()
    wanted = comparison(pictures, ["dipsearch", "measured"], search, "half")
    compare(wanted, file, say=lambda line: None)
    before = file.path.read_bytes()
    lines: list[str] = []
    compare(wanted, rival_file(file.path), say=lines.append)
    assert (len(search.asked), lines, file.path.read_bytes()) == (4, [], before)


def test_an_interrupted_run_has_kept_its_rows_and_goes_on(pictures: list[str], tmp_path: Path) -> None:
    class Interrupted(Searches):
        def __call__(self, case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
            if (case.picture, seconds) == ("two", 1):
                raise KeyboardInterrupt
            return super().__call__(case, seconds, seed)

    path = tmp_path / "rivals.json"
    wanted = comparison(pictures, ["dipsearch", "measured"], Interrupted(), "half")
    with pytest.raises(KeyboardInterrupt):
        compare(wanted, rival_file(path), say=lambda line: None)
    assert len(read_rows(path, RivalRow, command=COMMAND)) == 5
    search = Searches()
    compare(comparison(pictures, ["dipsearch", "measured"], search, "half"), rival_file(path), say=print)
    assert (
        search.asked == [("two", "half", 1), ("two", "half", 2)]
        and len(read_rows(path, RivalRow, command=COMMAND)) == 8
    )


def test_a_method_that_fails_leaves_a_line(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(problem: Problem, limits: Limits) -> torch.Tensor:
        raise ValueError("this picture\nis not to my taste")

    monkeypatch.setitem(RIVALS, "tv", Rival("tv", "total variation", ("denoise",), fail))
    monkeypatch.setitem(RIVALS, "bm3d", Rival("bm3d", "BM3D", ("denoise",), fail, ("no_such_package",), "x"))
    file, lines = rival_file(tmp_path / "rivals.json"), list[str]()
    compare(
        comparison(pictures[:1], ["tv", "bm3d", "measured"], Searches(), "sigma25"), file, say=lines.append
    )
    assert [row.method for row in file.rows] == ["as measured"]
    assert lines[0] == "BM3D is left out: no_such_package is not installed; pip install x"
    assert lines[1].endswith("total variation: not measured: this picture") and len(lines) == 3


def test_the_oracle_alone_is_given_the_truth(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def oracle(problem: Problem, limits: Limits, *, true_psnr: object) -> torch.Tensor:
        told.append(true_psnr(read_image(pictures[0]).pixels + 0.1))  # type: ignore[operator]
        return problem.y

    monkeypatch.setattr(rival_run, "dip_oracle", oracle)
    file = rival_file(tmp_path / "rivals.json")
    compare(comparison(pictures[:1], ["dip-oracle"], Searches(), "half"), file, say=lambda line: None)
    assert told == [pytest.approx(20.0, abs=1e-3)]
    assert [(row.method, row.side) for row in file.rows] == [(ORACLE_TITLE, "oracle")]


def test_a_row_says_in_which_precision_the_authors_network_was_fitted(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: True)
    means, network = list[Compute](), RIVALS["dip"]

    def fitted(problem: Problem, limits: Limits, **oracle: object) -> torch.Tensor:
        means.append(limits.compute)
        return problem.y

    monkeypatch.setitem(RIVALS, "dip", replace(network, restore=fitted))
    monkeypatch.setattr(rival_run, "dip_oracle", fitted)
    short = Compute(precision="bf16")
    wanted = comparison(pictures[:1], ["dip", "dip-oracle", "measured"], Searches(), "half")
    file = rival_file(tmp_path / "rivals.json")
    compare(replace(wanted, limits=replace(wanted.limits, compute=short)), file, say=print)
    versions = {row.method: row.version for row in file.rows}
    plain = versions["as measured"]
    assert versions == {
        "as measured": plain,
        network.title: f"{plain} in bf16",
        ORACLE_TITLE: f"{plain} in bf16",
    }
    assert means == [short, short]
    said: list[str] = []
    again = replace(wanted, methods=["dip", "measured"])
    compare(replace(again, limits=replace(wanted.limits, compute=short)), file, say=said.append)
    assert said == []
    compare(again, file, say=said.append)
    assert len(said) == 1 and f"kept as it was made, by {plain} in bf16; remove the row" in said[0]
    assert means == [short, short]


def test_a_measurement_that_is_none_of_the_picture_ends_the_run(pictures: list[str], tmp_path: Path) -> None:
    write_image(tmp_path / "one_noise25.png", torch.rand(1, 3, 16, 16))
    with pytest.raises(InputError, match="its clean picture has"):
        compare(
            comparison(pictures, ["measured"], Searches(), "sigma25"),
            rival_file(tmp_path / "rivals.json"),
            say=lambda line: None,
        )
