"""Real searches by strategy: what is typed for each, what a gain is, and one search from end to end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipsearch.bench.real_search_rows import ALL_TASKS, RealSearchRow, gains
from dipsearch.bench.real_search_run import STRATEGIES, RealSearches, chosen_strategies, search_all
from dipsearch.bench.rival_damages import chosen_damages
from dipsearch.bench.row_file import RowFile
from dipsearch.bench.tabular.search_comparison import PILOT, SEEDS
from dipsearch.bench.tabular.table_genomes import BEST_KNOWN, DIP_DEFAULT
from dipsearch.errors import InputError
from dipsearch.library import preset
from dipsearch.network import load_space

ROW = RealSearchRow(
    picture="sample:cell@96",
    task="denoise",
    strategy=SEEDS,
    seed=0,
    minutes=4.0,
    workers=1,
    at_once=2,
    networks=9,
    looks=8,
    seconds=239.5,
    delivered_db=30.0,
    alone_db=29.0,
    first_db=29.5,
    version="dipsearch 9",
    measurement="abc",
)


@pytest.mark.parametrize(("word", "name"), [("seeds", BEST_KNOWN), ("dip", DIP_DEFAULT)])
def test_a_repeated_network_is_the_preset_but_for_its_learning_rate(
    word: str, name: str, tmp_path: Path
) -> None:
    typed = STRATEGIES[word].typed(tmp_path)
    space = load_space(typed[typed.index("--space") + 1])
    drawn = [space.genome(space.sample(np.random.default_rng(seed))) for seed in range(4)]
    assert len({one.learning_rate for one in drawn}) == 4
    assert {replace(one, learning_rate=0.01) for one in drawn} == {preset(name)}
    assert all(one.learning_rate == pytest.approx(0.01, rel=0.011) for one in drawn)


def test_samplers_are_typed_by_their_names(tmp_path: Path) -> None:
    typed = {word: STRATEGIES[word].typed(tmp_path) for word in ("pilot", "random", "genetic", "tpe")}
    assert typed == {word: ["--sampler", word] for word in typed}
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="there is no strategy 'luck'"):
        chosen_strategies(["pilot", "luck"])


def test_a_gain_is_the_mean_over_pictures_of_the_mean_over_seeds() -> None:
    def pair(picture: str, seed: int, gain: float, task: str = "denoise") -> list[RealSearchRow]:
        other = replace(ROW, picture=picture, seed=seed, task=task)
        return [other, replace(other, strategy=PILOT, delivered_db=30.0 + gain, alone_db=29.0 + 2 * gain)]

    rows = [*pair("a", 0, 0.1), *pair("a", 1, 0.3), *pair("b", 0, 0.6), *pair("b", 0, 0.0, "sr")]
    rows.append(replace(ROW, strategy=PILOT, picture="c", delivered_db=50.0))  # has no partner
    by_place = {(row.task, row.delivers): row for row in gains(rows, against=SEEDS)}
    assert set(by_place) == {(t, d) for t in ("denoise", "sr", ALL_TASKS) for d in ("networks", "polished")}
    one = by_place["denoise", "polished"]
    assert (one.gain_db, one.worst_db, one.pictures, one.seeds, one.source) == (0.4, 0.2, 2, 2, "real")
    assert one.low_db == pytest.approx(0.4 - 12.706 * 0.2, abs=2e-3)  # Student's t, one degree of freedom
    assert by_place["denoise", "networks"].gain_db == 0.8
    assert by_place[ALL_TASKS, "polished"].gain_db == pytest.approx(0.8 / 3, abs=1e-3)
    lonely = by_place["sr", "polished"]
    assert lonely.low_db == lonely.high_db == lonely.gain_db == 0.0


def test_searches_of_another_measurement_or_time_are_not_compared() -> None:
    ours = replace(ROW, strategy=PILOT)
    for other in (
        replace(ROW, measurement="x"),
        replace(ROW, minutes=12.0),
        replace(ROW, workers=2),
        replace(ROW, seed=1),
    ):
        assert gains([ours, other], against=SEEDS) == []
    assert {row.set for row in gains([ours, ROW], against=SEEDS)} == {"test"}
    tuned = [replace(row, picture="sample:coffee@96") for row in (ours, ROW)]
    assert {row.set for row in gains(tuned, against=SEEDS)} == {"tuning"}


def test_two_searches_side_by_side_leave_their_rows_and_are_not_made_again(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "searches.json", RealSearchRow, command="bench search", about={})
    wanted = RealSearches(
        ["sample:cell@32"], chosen_damages(["denoise"], None), chosen_strategies(["seeds", "pilot"]),
        minutes=[0.1], seeds=[3], workers=1, at_once=2,
    )  # fmt: skip
    said: list[str] = []
    search_all(wanted, file, say=said.append)
    assert {row.strategy for row in file.rows} == {SEEDS, PILOT} and len(said) == 2
    assert {(row.picture, row.task, row.seed) for row in file.rows} == {("sample:cell@32", "denoise", 3)}
    assert len({row.measurement for row in file.rows}) == 1
    assert all(20 < row.delivered_db < 60 for row in file.rows)
    search_all(wanted, file, say=said.append)
    assert len(said) == 2
