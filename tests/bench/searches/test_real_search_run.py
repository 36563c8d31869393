"""Real searches by strategy: what is typed for each, what a gain is, and one search from end to end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipsearch.bench.cases.rival_damages import chosen_damages
from dipsearch.bench.searches.real_search_rows import ALL_TASKS, RealSearchRow, gains
from dipsearch.bench.searches.real_search_run import STRATEGIES, RealSearches, chosen_strategies, search_all
from dipsearch.bench.searches.real_search_table import real_searches_markdown
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.bench.tabular.comparisons.search_comparison import PILOT, SEEDS
from dipsearch.bench.tabular.recorded.table_genomes import DIP_DEFAULT
from dipsearch.errors import InputError
from dipsearch.library import preset, starters_for
from dipsearch.network import load_space

ROW = RealSearchRow(
    picture="sample:cell@96",
    task="denoise",
    strategy=SEEDS,
    network="dipsearch_pilot_32",
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


@pytest.mark.parametrize(
    ("word", "task", "name"),
    [
        ("seeds", "denoise", "dipsearch_pilot_bilinear_32x4"),
        ("seeds", "inpaint", "dipsearch_pilot_32"),
        ("seeds", "sr", "dipsearch_pilot_32"),
        ("dip", "sr", DIP_DEFAULT),
    ],
)
def test_a_repeated_network_is_the_first_of_a_search_but_for_its_learning_rate(
    word: str, task: str, name: str, tmp_path: Path
) -> None:
    assert STRATEGIES[word].network(task) == name
    assert word == "dip" or starters_for(task)[0][0] == name
    typed = STRATEGIES[word].typed(tmp_path, task=task)
    space = load_space(typed[typed.index("--space") + 1])
    assert space.own_seeds
    drawn = [space.genome(space.sample(np.random.default_rng(seed))) for seed in range(4)]
    assert len({one.learning_rate for one in drawn}) == 4
    assert {replace(one, learning_rate=0.01) for one in drawn} == {preset(name)}
    assert all(one.learning_rate == pytest.approx(0.01, rel=0.011) for one in drawn)


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_known_networks_are_fitted_once_each_and_the_best_one_alone(task: str, tmp_path: Path) -> None:
    known = dict(starters_for(task))
    for word, names in (("known", [*known]), ("once", [*known][:1])):
        typed = STRATEGIES[word].typed(tmp_path, task=task)
        space = load_space(typed[typed.index("--space") + 1])
        assert [space.genome(space.nearest(known[name])) for name in names] == [known[name] for name in names]
        drawn = {space.genome(space.sample(np.random.default_rng(seed))).digest for seed in range(40)}
        assert drawn <= {known[name].digest for name in names}
        assert ("--trials" in typed) is (word == "once")
    assert (STRATEGIES["known"].network(task), STRATEGIES["once"].network(task)) == ("", next(iter(known)))


def test_a_warm_start_and_similar_measurements_are_options_of_the_usual_search(tmp_path: Path) -> None:
    usual = STRATEGIES["pilot"].typed(tmp_path, task="sr")
    assert STRATEGIES["warm"].typed(tmp_path, task="sr") == [*usual, "--start", "warm"]
    assert STRATEGIES["similar"].typed(tmp_path, task="sr") == [*usual, "--order", "similar"]


def test_samplers_are_typed_by_their_names(tmp_path: Path) -> None:
    typed = {
        word: STRATEGIES[word].typed(tmp_path, task="sr") for word in ("pilot", "random", "genetic", "tpe")
    }
    assert typed == {word: ["--sampler", word] for word in typed}
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="there is no strategy 'luck'"):
        chosen_strategies(["pilot", "luck"])


def test_a_gain_is_the_mean_over_pictures_of_the_mean_over_seeds() -> None:
    def pair(picture: str, seed: int, gain: float, task: str = "denoise") -> list[RealSearchRow]:
        other = replace(ROW, picture=picture, seed=seed, task=task)
        return [
            other,
            replace(other, strategy=PILOT, network="", delivered_db=30.0 + gain, alone_db=29.0 + 2 * gain),
        ]

    rows = [*pair("a", 0, 0.1), *pair("a", 1, 0.3), *pair("b", 0, 0.6), *pair("b", 0, 0.0, "sr")]
    rows.append(replace(ROW, strategy=PILOT, picture="c", delivered_db=50.0))  # has no partner
    by_place = {(row.task, row.delivers): row for row in gains(rows, against=SEEDS)}
    assert set(by_place) == {(t, d) for t in ("denoise", "sr", ALL_TASKS) for d in ("networks", "polished")}
    one = by_place["denoise", "polished"]
    assert (one.gain_db, one.worst_db, one.pictures, one.seeds, one.source) == (0.4, 0.2, 2, 2, "real")
    assert one.best_db == 0.6
    assert one.low_db == pytest.approx(0.4 - 12.706 * 0.2, abs=2e-3)  # Student's t, one degree of freedom
    assert by_place["denoise", "networks"].gain_db == 0.8
    both = by_place[ALL_TASKS, "polished"]  # of b the mean of two tasks: a picture counts once
    assert (both.gain_db, both.worst_db, both.best_db, both.pictures) == (0.25, 0.2, 0.3, 2)
    assert both.high_db == pytest.approx(0.25 + 12.706 * 0.05, abs=2e-3)
    lonely = by_place["sr", "polished"]
    assert lonely.low_db == lonely.high_db == lonely.gain_db == 0.0


def test_settings_and_networks_are_rows_of_their_own_and_the_page_names_what_it_has() -> None:
    groups = {
        replace(ROW, **{name: value}).group  # type: ignore[arg-type]
        for name, value in (("seed", 0), ("workers", 3), ("at_once", 3), ("network", "another"))
    }
    assert len(groups) == 4
    ours = replace(ROW, strategy=PILOT, network="", delivered_db=30.5)
    newer = replace(ROW, network="dipsearch_pilot_bilinear_32x4", delivered_db=30.25)
    assert {
        row.gain_db for row in gains([ROW, ours, newer], against=SEEDS) if row.delivers == "polished"
    } == {0.25}
    sr = replace(ROW, task="sr", picture="sample:page@96")
    page = real_searches_markdown([ROW, ours, sr], command="a command", date="today")
    assert (
        f"{SEEDS}, noise of σ 25: `dipsearch_pilot_32`; searches begin with `dipsearch_pilot_bilinear_32x4` since. "
        f"{SEEDS}, enlarged 4 times: `dipsearch_pilot_32`." in page
    )
    assert "Not measured: noise of σ 25 of sample:page@96, enlarged 4 times of sample:cell@96." in page


def test_searches_of_another_measurement_or_time_are_not_compared() -> None:
    ours = replace(ROW, strategy=PILOT, network="")
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
