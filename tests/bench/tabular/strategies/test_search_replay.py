"""Replaying strategies: the clock, what would be delivered, and the rows of their comparison."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from dipsearch.bench.shared.search_rows import SearchRow, read_search_rows, write_search_rows
from dipsearch.bench.tabular import (
    STRATEGIES,
    Pruning,
    Table,
    TableProblem,
    as_optunahub,
    delivered_at,
    replay_search,
    replayed_searches,
    search_rows,
    with_sampler,
)
from dipsearch.bench.tabular.comparisons.expected_courses import expected_courses
from dipsearch.bench.tabular.comparisons.facts import (
    FIRST_SECONDS,
    PLAIN,
    SHARES,
    default_peak,
    gene_importances,
    time_to_peak,
)
from dipsearch.bench.tabular.comparisons.search_comparison import (
    DIP,
    ONCE,
    RANDOM,
    SEEDS,
    Searched,
    dry_searches,
    half_interval,
    half_within,
)
from dipsearch.bench.tabular.comparisons.search_page import comparison_markdown
from dipsearch.bench.tabular.recorded.fit_recording import EVERY
from dipsearch.bench.tabular.recorded.table_genomes import BEST_KNOWN, DIP_DEFAULT, SEEDS_OF_BEST
from dipsearch.bench.tabular.recorded.table_parts import Recorded, TableCase
from dipsearch.bench.tabular.strategies.ideas import (
    CheapFirst,
    ForEnsemble,
    ForWeakest,
    Predicted,
    PredictedPerSecond,
)
from dipsearch.bench.tabular.strategies.known_strategies import (
    KNOWN_FIRST,
    best_known_once,
    known_choices,
    once,
    other_seeds,
    random_after_known,
    random_genomes,
)
from dipsearch.bench.tabular.strategies.replay_delivery import Delivered, as_scored
from dipsearch.bench.tabular.strategies.sampler_strategies import (
    MUCH_JITTER,
    Neighbours,
    as_shipped,
    sampled,
    skip_space,
    with_much_jitter,
)
from dipsearch.bench.tabular.strategies.search_replay import (
    SECONDS_PER_MINUTE,
    STEP_SECONDS,
    Moves,
    replay,
)
from dipsearch.bench.tabular.strategies.strategy import Choice, Maker, Offer, Tried
from dipsearch.delivery.shares import ScoreVariance
from dipsearch.errors import FormatError, InputError
from dipsearch.library import starters_for
from dipsearch.planning.policy import ExpectedGain, Move, Situation
from tests.bench.tabular.recorded.made_table import STEPS, made_table

FIT = STEPS * STEP_SECONDS / SECONDS_PER_MINUTE
"""Minutes of a fit of the best known network on one worker."""


@pytest.fixture(scope="module")
def table() -> Table:
    return made_table(34)


def test_a_fit_takes_its_recorded_time_on_one_of_two_workers(table: Table) -> None:
    case = table.cases[0]
    tried = replay_search(other_seeds, table, case, seed=0, minutes=1.5 * FIT)
    assert len(tried) == 4  # two ended, two are under way
    assert [one.steps for one in tried[:2]] == [STEPS, STEPS] and all(
        0 < one.steps < STEPS for one in tried[2:]
    )
    assert tried[0].slices is not None
    assert tried[0].slices[-1][0] == pytest.approx(FIT * SECONDS_PER_MINUTE)
    assert delivered_at(tried, case, minutes=0.99 * FIT).fits == 2


def test_seeds_run_out_and_then_nothing_is_begun(table: Table) -> None:
    tried = replay_search(other_seeds, table, table.cases[0], seed=0, minutes=100)
    assert len(tried) == SEEDS_OF_BEST == len({one.choice for one in tried})


def test_a_single_fit_delivers_what_was_recorded(table: Table) -> None:
    case = table.cases[0]
    tried = replay_search(best_known_once, table, case, seed=2, minutes=2 * FIT)
    found = delivered_at(tried, case, minutes=2 * FIT)
    gained = -10 * math.log10(0.95)  # by going on with all of y
    assert found.best == pytest.approx(float(tried[0].fit.psnr[-1]) + gained, abs=0.02)
    assert found.ensemble == pytest.approx(found.best)
    first = case.psnr(case.first_mse)
    half = delivered_at(tried, case, minutes=0.5 * FIT)
    assert half.ensemble < half.polished < found.polished  # mixed with the first answer, but not polished yet
    assert found.polished > max(first, found.best)


def test_the_share_that_was_measured_exactly_counts(table: Table) -> None:
    holes = table.case("coffee", "inpaint")
    assert holes.psnr(0.01) == pytest.approx(20 + 10 * math.log10(2))


def test_an_ensemble_of_unlike_fits_is_better_than_the_best(table: Table) -> None:
    case = table.cases[0]
    found = delivered_at(
        replay_search(other_seeds, table, case, seed=1, minutes=4 * FIT), case, minutes=4 * FIT
    )
    assert found.ensemble > found.best + 0.5


def test_nothing_was_delivered_before_the_first_sketch_but_the_first_answer(table: Table) -> None:
    case = table.cases[0]
    found = delivered_at([], case, minutes=1)
    assert found.best == found.ensemble == -math.inf and math.isfinite(found.polished)


def test_what_is_delivered_follows_the_score_as_far_as_it_is_sure(table: Table) -> None:
    case = table.cases[0]
    tried = replay_search(best_known_once, table, case, seed=0, minutes=2 * FIT)
    first = case.psnr(case.first_mse)

    def delivered(first_score: float, variance: ScoreVariance | None) -> float:
        told = replace(case, first_validation_mse=first_score, score_variance=variance)
        return delivered_at(tried, told, minutes=2 * FIT).polished

    sure = ScoreVariance(1e-9, 0.0)
    usual = delivered(9e-4, None)
    polished = case.psnr(tried[0].fit.square(-1))
    # Of so bad a first answer nothing is taken.
    assert delivered(1e-2, sure) == pytest.approx(polished, abs=0.02)
    assert delivered(1e-6, sure) == pytest.approx(first)
    assert delivered(1e-6, None) == pytest.approx(usual)


def test_products_follow_from_scores_and_distances() -> None:
    errors = np.random.default_rng(0).standard_normal((3, 50))
    scores = (errors**2).mean(axis=1)
    exact = errors @ errors.T / 50
    assert np.allclose(as_scored(exact, scores), exact)
    assert np.allclose(as_scored(exact, scores + 0.1), exact + 0.1)  # distances say nothing of what all share


@dataclass
class CheapestFirst:
    """A strategy of one's own, in a few lines."""

    offer: Offer

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        order = sorted(self.offer.table.genomes, key=lambda one: one.multiply_adds)
        return (order[len(tried)].digest, 0) if len(tried) < len(order) else None


@dataclass
class Looks:
    """A policy of one's own: everybody has 160 iterations."""

    def decide(self, situation: Situation) -> Move | None:
        for one in situation.contestants:
            if one.free and one.steps < 160:
                return Move(one.number, 160 - one.steps, "a look")
        return Move(None, 160, "the next one") if situation.can_begin else None


def test_a_strategy_and_a_policy_of_ones_own_are_replayed(table: Table) -> None:
    tried = replay_search(CheapestFirst, table, table.cases[0], seed=0, minutes=4, policy=Looks())
    costs = [one.recorded.multiply_adds for one in tried]
    assert costs == sorted(costs) and {one.steps for one in tried[:-2]} == {160}
    assert not any(one.ended for one in tried)


@pytest.mark.parametrize("idea", [CheapFirst, ForEnsemble, ForWeakest, Predicted, PredictedPerSecond])
def test_an_idea_comes_after_the_known_ones_and_is_drawn_alike_again(table: Table, idea: Maker) -> None:
    case = table.cases[0]
    chosen = [one.choice for one in replay_search(idea, table, case, seed=0, minutes=12)]
    assert chosen[:4] == known_choices(Offer(table, "denoise", 0))[:4]
    assert len({*chosen}) == len(chosen) > 12
    assert chosen == [one.choice for one in replay_search(idea, table, case, seed=0, minutes=12)]


def test_ideas_pick_what_they_say(table: Table) -> None:
    case = table.cases[0]
    after = 4 + 6  # the known ones, and what chance picks until enough is judged

    def picked(idea: Maker) -> list[Recorded]:
        return [replay_search(idea, table, case, seed=seed, minutes=6)[after].recorded for seed in range(12)]

    usual = picked(random_after_known)
    cheap = CheapFirst(Offer(table, "denoise", 0))
    cost = [
        fmean(cheap.seconds[pick()] for _ in range(200))
        for pick in (lambda: cheap.pick([], []), cheap.by_chance)
    ]
    assert cost[0] < 0.97 * cost[1]
    levels = {one.digest: case.fits[one.digest, 0].estimate for one in table.genomes}
    for idea in (ForEnsemble, Predicted):
        assert fmean(levels[one.digest] for one in picked(idea)) > fmean(levels[one.digest] for one in usual)


def test_parents_are_the_weakest_member_and_another_one(table: Table) -> None:
    weights = np.array([0.5, 0.0, 0.1, 0.4])
    idea = ForWeakest(Offer(table, "denoise", 0))
    first, second = zip(*(idea.parents(weights) for _ in range(100)), strict=True)
    assert {*first} == {2} and {*second} == {0, 3}
    assert idea.parents(np.array([0.0, 1.0])) == (1, 1)
    usual = ForEnsemble(Offer(table, "denoise", 0))
    assert {place for _ in range(100) for place in usual.parents(weights)} == {0, 2, 3}


def test_known_networks_are_those_of_the_task(table: Table) -> None:
    names = {
        task: [table.recorded(digest).name for digest, _ in known_choices(Offer(table, task, 0))]
        for task in ("denoise", "inpaint", "sr")
    }
    assert names["denoise"][:4] == names["inpaint"][:4] == names["sr"][:4]
    assert "dip_2018_jpeg" in names["denoise"] and "dip_2018_jpeg" not in names["sr"]
    assert "dip_2018_inpaint_library" in names["inpaint"] and DIP_DEFAULT not in names["denoise"]
    assert not any(name.startswith("dip_2018") for name in names["sr"])


@pytest.mark.parametrize(("task", "alone"), [("denoise", True), ("sr", False)])
def test_a_search_as_it_ships_begins_with_its_known_networks(table: Table, task: str, alone: bool) -> None:
    case = table.case("camera", task)
    begun = [one.recorded for one in replay_search(as_shipped, table, case, seed=0, minutes=60)]
    there = {one.digest for one in table.genomes}
    shipped = [genome.digest for _, genome in starters_for(task) if genome.needs_pilot or not alone]
    first = [digest for digest in shipped if digest in there]
    assert [one.digest for one in begun[: len(first)]] == first and len(begun) > len(first) >= 4
    assert all(one.genome.genome.needs_pilot for one in begun[len(first) :])
    assert all(one.genome.genome.needs_pilot for one in begun[: len(first)]) is alone


def test_a_space_is_cut_by_its_jitter(table: Table) -> None:
    tried = replay_search(with_much_jitter, table, table.cases[0], seed=0, minutes=60)
    assert len(tried) > KNOWN_FIRST
    assert all(one.recorded.genome.flat["jitter"] >= MUCH_JITTER for one in tried[KNOWN_FIRST:])
    usual = replay_search(sampled("pilot"), table, table.cases[0], seed=0, minutes=60)
    assert any(one.recorded.genome.flat["jitter"] < MUCH_JITTER for one in usual)


def test_the_sampler_of_a_search_begins_with_pilots(table: Table) -> None:
    case, maker = table.cases[0], sampled("pilot")

    def pilots(strategy: Maker) -> int:
        begun = [replay_search(strategy, table, case, seed=seed, minutes=3)[4] for seed in range(12)]
        return sum(one.recorded.genome.genome.needs_pilot for one in begun)

    assert pilots(maker) > pilots(random_after_known)


@pytest.mark.parametrize("word", ["pilot", "genetic", "tpe"])
def test_a_sampler_comes_after_the_known_ones_and_gets_every_genome_once(table: Table, word: str) -> None:
    tried = replay_search(sampled(word), table, table.cases[0], seed=0, minutes=60)
    chosen = [one.choice for one in tried]
    offer = Offer(table, "denoise", 0)
    assert chosen[:4] == known_choices(offer)[:4]
    every = [one for one in table.genomes if one.genome.genome.needs_pilot or word != "pilot"]
    assert len({*chosen}) == len(chosen) == len([one for one in every if one.name != DIP_DEFAULT])
    again = replay_search(sampled(word), table, table.cases[0], seed=0, minutes=60)
    assert [one.choice for one in again] == chosen


def test_any_sampler_of_optunas_can_be_replayed(table: Table) -> None:
    maker = with_sampler(lambda space, seed: RandomSampler(seed=seed))
    tried = replay_search(maker, table, table.cases[0], seed=0, minutes=2)
    assert len({one.choice for one in tried}) == len(tried) > 4


def test_a_pruner_of_optunas_gives_up_what_is_worse_than_the_median(table: Table) -> None:
    case, policy = table.cases[0], Pruning(MedianPruner(n_startup_trials=3))
    tried = replay_search(random_genomes, table, case, seed=0, minutes=60, policy=policy)
    ended, dropped = ([one for one in tried if one.ended is which] for which in (True, False))
    assert len(tried) == sum(one.genome.kind == "random" for one in table.genomes)
    assert len(ended) > 3 and dropped and {one.number for one in tried} == policy.given_up
    assert max(one.estimate for one in dropped) < max(one.estimate for one in ended)
    assert all(one.ended for one in tried[:3])


def test_a_sampler_learns_of_those_that_rest(table: Table) -> None:
    seen = []

    class Listening(RandomSampler):
        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            seen.append(len(study.get_trials(states=(TrialState.COMPLETE,))))
            return {}

    maker = with_sampler(lambda space, seed: Listening(seed=seed))
    tried = replay_search(maker, table, table.cases[0], seed=0, minutes=6, policy=ExpectedGain())
    rest = sum(one.steps >= one.look and not one.ended for one in tried)
    assert rest > 2 and seen[-1] > sum(one.ended for one in tried)


def test_a_sampler_knows_how_good_a_candidate_is_that_went_on(table: Table) -> None:
    case, told = table.cases[0], []

    class Listening(RandomSampler):
        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            told.append(sorted(one.value for one in study.get_trials(states=(TrialState.COMPLETE,))))
            return {}

    strategy = with_sampler(lambda space, seed: Listening(seed=seed))(Offer(table, "denoise", 0))
    tried = []
    for number in range(4):
        choice = strategy.next(tried)
        assert choice is not None
        recorded = table.recorded(choice[0])
        tried.append(Tried(recorded, case.fits[choice], number, 0.1, case.first[0], steps=STEPS))
    for steps in (240, 400):
        tried[0].steps = steps
        strategy.next(tried)
        assert told[-1] == sorted(one.estimate for one in tried)


def test_a_genome_is_nearest_to_itself(table: Table) -> None:
    flats = [one.genome.flat for one in table.genomes]
    near = Neighbours(skip_space(), flats)
    for place, flat in enumerate(flats):
        distances = near.distances(flat)
        assert distances[place] == 0 and (distances >= 0).all()
    one, other = dict(flats[0]), dict(flats[0])
    other["upsampling"] = "bilinear" if one["upsampling"] == "nearest" else "nearest"
    assert near.distances(other)[0] == 1


@pytest.fixture(scope="module")
def rows(table: Table) -> list[SearchRow]:
    few = {name: STRATEGIES[name] for name in (SEEDS, RANDOM, "best known network, once")}
    searches = replayed_searches(table, seeds=4, strategies=few, minutes=(2.0, 4.0))
    return search_rows(searches, measurement="0123456789ab")


def test_rows_compare_at_equal_time_on_each_set(rows: list[SearchRow]) -> None:
    assert len(rows) == 2 * 3 * 3 * 2 * 2 * 2  # sets, tasks, strategies, against, delivered, times
    assert {(row.set, row.pictures, row.seeds) for row in rows} == {("tuning", 1, 4), ("test", 1, 4)}
    same = [row for row in rows if row.strategy == row.against]
    assert all(row.gain_db == row.low_db == row.high_db == 0 for row in same)
    once = [row for row in rows if row.strategy.endswith("once") and row.against == SEEDS]
    assert all(
        row.gain_db < 0 and row.low_db <= row.gain_db <= row.high_db for row in once if row.minutes > 2
    )
    for row in rows:
        # There is one picture in a set.
        assert row.worst_db == row.best_db == pytest.approx(row.gain_db, abs=2e-3)


def test_the_interval_of_a_mean_is_students() -> None:
    assert half_interval([1.0, 2.0, 3.0]) == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert half_interval([1.0]) == 0


def test_the_interval_of_seeds_does_not_know_how_far_pictures_lie_apart() -> None:
    one, other = [1.0, 2.0, 3.0], [101.0, 102.0, 103.0]
    # Both variances of a mean are 1/3, so that there are four degrees of freedom.
    assert half_within([one, other]) == pytest.approx(2.7764 * math.sqrt(2 / 3) / 2, rel=1e-4)
    assert half_within([one]) == pytest.approx(half_interval(one))
    assert half_within([one, [5.0, 5.0]]) == pytest.approx(half_interval(one) / 2)
    assert half_within([one, [5.0]]) == half_within([[5.0, 5.0]]) == 0


def searched(case: TableCase, level: float, dry_at: float = math.inf) -> Searched:
    return Searched(case, [None], {4.0: Delivered(level, level, level, 3)}, dry_at)  # type: ignore[list-item]


def test_a_gain_is_the_mean_over_pictures_and_cells_that_ran_dry_are_left_out(table: Table) -> None:
    one, other = table.cases[0], replace(table.cases[0], picture="other")
    seeds = [searched(one, 30.0), searched(one, 30.0), searched(one, 30.0), searched(other, 30.0)]
    ours = [searched(one, 30.0), searched(one, 30.1), searched(one, 30.2), searched(other, 31.0)]
    place = ("test", "denoise")
    searches: Any = {(*place, SEEDS): seeds, (*place, RANDOM): ours}
    row = search_rows(searches, measurement="m", against=(SEEDS,))[-1]
    assert (row.strategy, row.gain_db, row.worst_db, row.best_db) == (RANDOM, 0.55, 0.1, 1.0)
    late = SECONDS_PER_MINUTE * 4
    for dry_at, count in ((0.5 * late, 0), (0.99 * late, 4)):
        searches[*place, SEEDS] = [*seeds[:3], searched(other, 30.0, dry_at)]
        assert len(search_rows(searches, measurement="m", against=(SEEDS,))) == count
    searches = {(*place, name): [replace(each, dry_at=1.0) for each in ours] for name in (ONCE, DIP)}
    assert len(search_rows(searches, measurement="m", against=(ONCE,))) == 4  # one fit is all of them


def test_a_replay_says_when_the_table_had_no_more(table: Table) -> None:
    case = table.cases[0]
    long = replay(other_seeds, table, case, seed=0, minutes=100)
    assert len(long.tried) == SEEDS_OF_BEST
    assert long.dry_at == pytest.approx(SEEDS_OF_BEST / 2 * FIT * SECONDS_PER_MINUTE)
    assert replay(other_seeds, table, case, seed=0, minutes=4 * FIT).dry_at == math.inf


def test_searches_that_ran_dry_are_counted_but_not_those_of_one_fit(table: Table) -> None:
    few = {name: STRATEGIES[name] for name in (SEEDS, ONCE, RANDOM)}
    searches = replayed_searches(table, seeds=2, strategies=few, minutes=(1.0, 60.0), sets=["test"])
    found = dry_searches(searches)
    assert {(one["strategy"], one["minutes"], one["many"], one["of"]) for one in found} == {
        (SEEDS, 60.0, 2, 2),
        (RANDOM, 60.0, 2, 2),
    }
    assert {one["task"] for one in found} == {"denoise", "inpaint", "sr"}


def test_what_a_policy_said_elsewhere_is_not_asked_again(table: Table) -> None:
    @dataclass
    class Counted:
        asked: int = 0

        def decide(self, situation: Situation) -> Move | None:
            self.asked += 1
            return ExpectedGain().decide(situation)

    case, moves, policy = table.case("camera", "denoise"), Moves(), Counted()
    runs = []
    for known in (None, moves, moves):
        policy.asked = 0
        found = replay(random_after_known, table, case, seed=1, minutes=2.0, policy=policy, moves=known)
        runs.append(([(one.choice, one.slices) for one in found.tried], policy.asked))
    assert runs[0][0] == runs[1][0] == runs[2][0]
    assert 0 < runs[1][1] <= runs[0][1] and runs[2][1] == 0


def test_samplers_of_replays_say_nothing_of_their_studies(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    optuna.logging.enable_default_handler()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        replay_search(sampled("pilot"), table, table.case("camera", "denoise"), seed=0, minutes=2.0)
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)
    assert "new study" not in capsys.readouterr().err


def test_a_search_is_replayed_with_the_policy_of_one(table: Table) -> None:
    minutes, strategies = (4.0,), {RANDOM: STRATEGIES[RANDOM]}
    (found,) = replayed_searches(
        replace(table, cases=table.cases[:1]), seeds=1, strategies=strategies, minutes=minutes
    ).values()
    case, maker = table.cases[0], STRATEGIES[RANDOM]
    usual = replay_search(maker, table, case, seed=0, minutes=4.0, policy=ExpectedGain())
    assert [one.slices for one in found[0].tried] == [one.slices for one in usual]
    whole = replay_search(maker, table, case, seed=0, minutes=4.0)
    assert [one.slices for one in found[0].tried] != [one.slices for one in whole]


def test_rows_of_real_searches_stay_when_the_table_is_replayed(rows: list[SearchRow], tmp_path: Path) -> None:
    path = tmp_path / "search.json"
    real = replace(rows[0], source="real", gain_db=0.7)
    write_search_rows(path, [real], about={"command": "searches"})
    sets = {name: [row for row in rows if row.set == name] for name in ("test", "tuning")}
    write_search_rows(path, sets["tuning"], about={"command": "replays"})
    write_search_rows(path, sets["test"], about={"command": "replays"})
    write_search_rows(path, sets["test"], about={"command": "replays again"})
    content = json.loads(path.read_text())
    assert len(content["rows"]) == len(rows) + 1
    assert [row["gain_db"] for row in content["rows"] if row["source"] == "real"] == [0.7]
    assert content["real"] == {real.set: {"command": "searches"}}
    replays = {"tuning": {"command": "replays"}, "test": {"command": "replays again"}}
    assert content["table"] == replays
    found, about = read_search_rows(path, source="table")
    assert sorted(found, key=str) == sorted(rows, key=str) and about == replays
    path.write_text("[1]")
    with pytest.raises(FormatError, match="holds no rows of bench replay-search"):
        write_search_rows(path, rows, about={})


def test_the_time_to_the_peak_of_the_default_network_is_a_share_of_its_own(table: Table) -> None:
    assert default_peak(table, table.cases[0]) is None  # it rises until its recording ends
    place = (table.recorded(DIP_DEFAULT).digest, 0)
    fit = table.cases[0].fits[place]
    peaked = fit.now_psnr - 0.5 * (np.arange(len(fit.now_psnr)) > 0.8 * len(fit.now_psnr))
    fit = replace(fit, now_psnr=peaked, psnr=np.maximum.accumulate(peaked))
    case = replace(table.cases[0], fits=dict(table.cases[0].fits) | {place: fit})
    steps = EVERY * (int(np.argmax(peaked)) + 1)
    assert steps < 0.9 * STEPS
    peak = default_peak(table, case)
    assert peak is not None
    slower = table.recorded(DIP_DEFAULT).seconds[64] / table.recorded(BEST_KNOWN).seconds[64]
    gained = -10 * math.log10(0.95)  # by going on with all of y, as the strategies do
    assert peak == (
        pytest.approx(float(peaked.max()) + gained),
        pytest.approx(steps * STEP_SECONDS * slower),
    )
    cases = [case, *table.cases[1:3]]
    racers = {"seeds": other_seeds, "plain": once(PLAIN)}
    raced = time_to_peak(table, racers, cases, seeds=1)
    found = raced["seeds"]
    assert (found["cases"], found["all"]) == (1, 3)
    before = FIRST_SECONDS[case.task] / peak[1]  # these networks wait for their pilot
    assert found["reached"] == 1 and 0.02 + before <= found["share"] < 1 / slower * 1.3 + before
    assert found["shares"] == {f"{case.picture}, {case.task}": found["share"]}
    grid = {round(share, 3) for share in SHARES}
    assert found["share"] not in grid and raced["plain"]["share"] in {*grid, -1.0}
    without = replace(table, genomes=tuple(one for one in table.genomes if one.name != DIP_DEFAULT))
    assert time_to_peak(without, {"seeds": other_seeds}, cases, seeds=1) == {}


def test_the_gene_that_decides_is_the_most_important_one(table: Table) -> None:
    found = gene_importances(table, table.cases)
    assert sum(found.values()) == pytest.approx(1, abs=0.02)
    assert {"input_kind", "learning_rate"} & {*list(found)[:3]}
    assert gene_importances(replace(table, genomes=table.genomes[:5]), table.cases) == {}


def test_the_section_has_strategies_intervals_and_facts(table: Table, rows: list[SearchRow]) -> None:
    counted = {"within": 0.5, "strictly": 0.25, "chosen": 0.1, "median": -1, "searches": 30, "random": 10}
    tuning = {
        "command": "an older command",
        "date": "yesterday",
        "fits": {},
        "peak": {},
        "importances": {"depth": 0.75},
        "method": "PED-ANOVA",
        "dry": [],
    }
    test = tuning | {
        "command": "a command",
        "date": "today",
        "fits": {"once": {"denoise": counted, "sr": counted | {"median": 7.5}}},
        "peak": {
            "once": {
                "share": 0.2,
                "reached": 0.5,
                "cases": 2,
                "all": 9,
                "shares": {"cell, sr": 0.2, "cell, denoise": -1},
            }
        },
        "importances": {"depth": 0.5},
        "dry": [{"strategy": SEEDS, "task": "denoise", "minutes": 12.0, "many": 2, "of": 30}],
    }
    about = {"tuning": tuning, "test": test}
    text = comparison_markdown(rows, about=about, coverage=table.coverage)
    assert "Tuning pictures: `an older command`, yesterday, 4 searches" in text
    assert "test pictures: `a command`, today, 4 searches of each strategy" in text
    assert "### Tuning pictures, mixed with" in text and "### Tuning pictures, the networks" not in text
    alone = comparison_markdown(
        [row for row in rows if row.set == "test"], about={"test": test}, coverage=table.coverage
    )
    assert "### Tuning pictures" not in alone and "Test pictures: `a command`" in alone
    assert "### Test pictures, mixed with the first answer and polished" in text
    assert f"Gain in dB over “{SEEDS}”" in text and "noise of σ 25, 4 min" in text
    assert " 2 of 9 cases: in the others it still rose" in text and "(-0." in text and " … " in text
    assert f"| {SEEDS} | 2 of 30 |" in text
    assert "### The best network of 25 fits against the best of 10 random ones" in text
    assert "| once | 50 % (25 %; 10 %), more | 50 % (25 %; 10 %), 7.5 |" in text
    assert "| strategy | median | cell, enlarged 4 times | cell, noise of σ 25 |" in text
    assert "| once | 0.20 | 0.20 | not reached |" in text and "| depth | 0.75 | 0.50 |" in text


def test_a_case_is_a_problem_of_optunas(table: Table) -> None:
    problem = TableProblem(table, picture="camera", task="denoise")
    study = optuna.create_study(directions=problem.directions, sampler=RandomSampler(seed=0))
    study.optimize(problem, n_trials=5)
    values = {fit.estimate for fit in table.case("camera", "denoise").fits.values()}
    assert {trial.value for trial in study.trials} <= values
    best = table.genomes[0].genome.flat
    assert problem.nearest(best).name == BEST_KNOWN and problem.evaluate(best) in values
    judged = TableProblem(table, picture="camera", task="denoise", value="psnr")
    fit = table.case("camera", "denoise").fits[table.genomes[0].digest, 0]
    assert judged.evaluate(best) == pytest.approx(float(fit.psnr[-1]))


def test_where_optunahub_imports_a_case_is_one_of_its_problems(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BaseProblem:
        """A stand-in."""

        def evaluate_constraints(self, params: object) -> dict[str, float]:
            return {}

    problem = TableProblem(table, picture="camera", task="sr")
    for name in ("optunahub", "optunahub.benchmarks"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="optunahub cannot be imported"):
        as_optunahub(problem)
    for name in ("optunahub", "optunahub.benchmarks"):
        module = ModuleType(name)
        module.BaseProblem = BaseProblem  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    found = as_optunahub(problem)
    assert isinstance(found, BaseProblem) and isinstance(found, TableProblem)
    study = optuna.create_study(directions=found.directions, sampler=RandomSampler(seed=1))
    study.optimize(found, n_trials=2)
    assert found.evaluate(study.best_params) == study.best_value
    assert "learning_rate" in found.search_space


def test_the_expected_course_rises_and_counts_iterations_of_both_workers() -> None:
    table = made_table(24)
    courses = expected_courses(table, set="test")
    assert set(courses) == {"denoise", "inpaint", "sr"}
    for course in courses.values():
        moments, gains = zip(*course, strict=True)
        assert moments[-1] == pytest.approx(2 * 12 * 50 / 0.08)
        assert gains[-1] == max(gains) and gains[-1] > gains[0]
