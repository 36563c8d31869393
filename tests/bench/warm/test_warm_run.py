"""Warm starts measured: a row for each network and measurement, and what a table says of them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.bench.shared.row_file import RowFile
from dipsearch.bench.warm import warm_run
from dipsearch.bench.warm.warm_pictures import WARM_PICTURES, warm_sources
from dipsearch.bench.warm.warm_rows import COMMAND, FRESH, TUNING, WarmRow, summary, warm_markdown
from dipsearch.bench.warm.warm_training import PICTURES
from dipsearch.commands.main import run
from dipsearch.errors import InputError
from dipsearch.library import preset
from dipsearch.library.warm_weights import SUFFIX, write_warm_weights
from dipsearch.network import build
from dipsearch.problem import Mask, Problem, make_split
from dipsearch.problem.noise import NO_NOISE

NAME = "dipsearch_pilot_16"


def row(**changes: object) -> WarmRow:
    values: dict[str, object] = {
        "pictures": FRESH, "picture": "head", "kind": "face", "damage": "missing-50", "task": "inpaint",
        "network": NAME, "attempt": "shipped", "measurement": "x", "seconds_per_step": 0.01,
        "cold_peak_db": 30.0, "cold_peak_step": 400, "cold_near_step": 200, "cold_stop_db": 29.9,
        "cold_stop_step": 380, "cold_steps": 600, "warm_peak_db": 30.1, "warm_peak_step": 120,
        "warm_near_step": 50, "warm_stop_db": 30.0, "warm_stop_step": 110, "warm_steps": 240,
    }  # fmt: skip
    return WarmRow(**(values | changes))  # type: ignore[arg-type]


def test_shares_count_what_was_never_reached_as_all_that_was_made() -> None:
    assert row().share == 0.25 and row().gain == pytest.approx(0.1)
    assert row(warm_near_step=0).share == 240 / 200
    found = summary([row(), row(warm_near_step=0), row(warm_near_step=60)])
    assert (found.rows, found.never, found.share) == (3, 1, 0.3)
    assert found.cold_missed == pytest.approx(0.1) and found.warm_missed == pytest.approx(0.1)


def test_a_kind_that_loses_keeps_a_task_cold() -> None:
    rows = [row(), row(kind="text", picture="page", warm_stop_db=29.8)]
    assert summary(rows).worst_kind == pytest.approx(-0.1) and not summary(rows).pays
    assert summary([row(), row(kind="text", warm_stop_db=29.86)]).pays
    page = warm_markdown([*rows, row(pictures=TUNING)], command="bench warm", date="2026-01-01")
    assert "| inpaint | dipsearch_pilot_16 | shipped | 2 |" in page and "| −0.10" not in page
    assert page.count("| no |") == 1 and page.count("| yes |") == 1
    assert "| inpaint | dipsearch_pilot_16 | shipped | +0.10 | -0.10 |" in page


def test_one_picture_that_gains_much_shows_in_the_mean_and_not_in_the_median() -> None:
    found = summary([row(), row(warm_stop_db=29.9), row(warm_stop_db=39.0, warm_peak_db=39.0)])
    assert (found.gain, found.median_gain) == (pytest.approx(9.2 / 3), pytest.approx(0.1))
    assert (found.warm_missed, found.warm_median) == (pytest.approx(0.1), pytest.approx(0.1))
    page = warm_markdown([row(), row(), row(warm_stop_db=39.0)], command="bench warm", date="2026-01-01")
    assert "| +3.10 (+0.10) |" in page


def test_no_picture_is_one_that_weights_are_learnt_from() -> None:
    names = [name for some in WARM_PICTURES.values() for name, _ in some]
    assert len(WARM_PICTURES[FRESH]) >= 12 and len(set(names)) == len(names)
    assert not set(names) & set(PICTURES) and not any("checks" in name for name in names)
    assert {kind for _, kind in WARM_PICTURES[FRESH]} == {"face", "text", "texture", "microscope", "photo"}


def test_without_a_folder_there_are_the_bundled_pictures_and_a_missing_one_is_named(tmp_path: Path) -> None:
    assert {source.partition(":")[0] for source, _ in warm_sources(None, FRESH)} == {"sample"}
    with pytest.raises(InputError, match="is not there"):
        warm_sources(tmp_path, FRESH)


def test_an_empty_table_takes_no_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- begin warm -->\nkept\n<!-- end warm -->\n")
    assert run(["bench", "warm", "--pictures", "tuning", "--out", str(tmp_path), "--page", str(page)]) == 2
    assert "there is nothing to write into the table warm" in capsys.readouterr().err
    assert "kept" in page.read_text()


def test_both_fits_are_measured_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "weights"
    tensors = dict(build(preset(NAME), channels=3, seed=7).state_dict())
    write_warm_weights(weights / f"{NAME}{SUFFIX}", tensors, notes={})
    generator = torch.Generator().manual_seed(0)
    clean = torch.linspace(0, 1, 32 * 32).reshape(1, 1, 32, 32).expand(1, 3, 32, 32).contiguous()
    observed = (torch.rand(1, 1, 32, 32, generator=generator) > 0.5).float()
    problem = Problem(clean * observed, Mask(observed), NO_NOISE, (1, 3, 32, 32), observed=observed)
    case = warm_run._WarmCase(clean, problem, make_split(problem, seed=0), clean * observed)
    monkeypatch.setattr(warm_run, "_case", lambda source, damage: case)
    monkeypatch.setattr(warm_run, "WARM_DAMAGES", ("missing-50",))

    fits = [("sample:page", "text")], FRESH, [NAME], "random", weights, 40, tmp_path / "fits"

    def measured(name: str) -> tuple[WarmRow, ...]:
        file = RowFile(tmp_path / name, WarmRow, command=COMMAND, about={})
        warm_run.measure_warm(warm_run.WarmFits(*fits), file, say=said.append)
        return file.rows

    said: list[str] = []

    (found,) = measured("warm.json")
    assert (found.picture, found.kind, found.task) == ("page", "text", "inpaint")
    assert found.cold_steps == found.warm_steps == 40 and found.cold_near_step <= found.cold_peak_step <= 40
    assert found.warm_peak_db != found.cold_peak_db
    monkeypatch.setattr(warm_run, "fit", None)
    assert measured("again.json") == (replace(found),)
    assert measured("again.json") == (replace(found),) and len(said) == 2
