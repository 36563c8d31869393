"""The genetic sampler: whole conditional genomes, no repetition, no state, and better than chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import TrialState

from dipsearch.errors import InputError
from dipsearch.network import Genome, load_space
from dipsearch.proposal.breeding import Breeding, GeneticSampler, crossover, differences
from dipsearch.proposal.distributions import Flat, offers
from dipsearch.proposal.mutation import mutate
from dipsearch.proposal.proposals import ProposalLimits, genome_of
from dipsearch.proposal.samplers import make_sampler, suggest

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = load_space("skip")


def worth(genome: Genome) -> float:
    """A "PSNR" in microseconds, at most about 30: 5 widening scales, few skips, no mesh grid, and so on."""
    loss = 0.5 * abs(genome.depth - 5) + (4 * math.log10(genome.learning_rate / 0.01)) ** 2
    for index, scale in enumerate(genome.scales):
        loss += 0.25 * abs(math.log2(scale.channels_down) - min(7, 5 + index))
        loss += 0.15 * abs(math.log2(1 + scale.channels_skip) - math.log2(5 if index > 1 else 1))
    loss += {"uniform": 0.0, "fourier": 0.4, "meshgrid": 1.2, "pilot": 0.4}[genome.input_kind]
    loss += 0.15 * abs(math.log2((genome.input_channels or 2) / 8)) + 0.2 * genome.up_1x1
    return 30 - loss


class TestOptunaConformance(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's published suites; the space is unknown to the sampler there."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return GeneticSampler


def searched(sampler: BaseSampler, *, trials: int) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, worth(SPACE.genome(suggest(trial, SPACE))))
    return study


def genomes(study: optuna.Study) -> list[dict[str, Any]]:
    return [genome_of(trial) for trial in study.trials]


def distinct(flats: list[dict[str, Any]]) -> int:
    return len({SPACE.genome(flat).digest for flat in flats})


class TestSearching:
    def test_it_beats_random_search_on_a_conditional_space_without_any_repetition(self) -> None:
        best: dict[str, list[float]] = {"genetic": [], "random": []}
        for seed in range(3):
            for word, values in best.items():
                study = searched(make_sampler(word, SPACE, seed=seed), trials=40)
                values.append(study.best_value)
                assert distinct(genomes(study)) == 40
        assert np.mean(best["genetic"]) > np.mean(best["random"]) + 0.4

    def test_every_genome_is_whole(self) -> None:
        study = searched(GeneticSampler(SPACE, seed=3), trials=40)
        assert all(SPACE.contains(flat) for flat in genomes(study))

    def test_children_record_where_they_come_from(self) -> None:
        study = searched(GeneticSampler(SPACE, seed=1), trials=40)
        operators = [trial.user_attrs["operator"] for trial in study.trials]
        assert operators[:6] == ["random"] * 6
        assert set(operators[6:]) == {"crossover", "mutation", "crossover+mutation"}
        for trial in study.trials[6:]:
            parents = trial.user_attrs["parents"]
            assert len(parents) == (1 if trial.user_attrs["operator"] == "mutation" else 2)
            assert len(set(parents)) == len(parents)
            assert all(parent < trial.number for parent in parents)
            first = study.trials[parents[0]].params
            assert trial.user_attrs["changed"] == list(differences(trial.params, first))
            assert trial.user_attrs["changed"]

    def test_generations_are_counted_from_the_founders(self) -> None:
        sampler = GeneticSampler(SPACE, seed=1)
        study = searched(sampler, trials=30)
        generations = [sampler.get_trial_generation(study, trial) for trial in study.trials]
        assert generations[:6] == [0] * 6
        assert max(generations) >= 2
        for trial, generation in zip(study.trials[6:], generations[6:], strict=True):
            assert generation == 1 + max(generations[parent] for parent in trial.user_attrs["parents"])

    def test_the_same_seed_and_history_give_the_same_children_also_after_a_stop(self) -> None:
        without_stop = searched(GeneticSampler(SPACE, seed=7), trials=24)
        resumed = optuna.create_study(direction="maximize", sampler=GeneticSampler(SPACE, seed=7))
        for _ in range(24):
            resumed.sampler = GeneticSampler(SPACE, seed=7)  # as if every trial ran in a new process
            trial = resumed.ask()
            resumed.tell(trial, worth(SPACE.genome(suggest(trial, SPACE))))
        assert genomes(resumed) == genomes(without_stop)
        assert genomes(searched(GeneticSampler(SPACE, seed=8), trials=24)) != genomes(without_stop)


class TestRefusing:
    def test_genomes_of_running_failed_and_waiting_trials_are_refused_too(self) -> None:
        for state in (TrialState.RUNNING, TrialState.FAIL):
            reference = searched(GeneticSampler(SPACE, seed=5), trials=9)
            wanted = genomes(reference)[8]
            study = searched(GeneticSampler(SPACE, seed=5), trials=7)
            study.enqueue_trial(wanted)
            trial = study.ask()
            assert suggest(trial, SPACE) == wanted
            if state == TrialState.FAIL:
                study.tell(trial, state=state)
            assert suggest(study.ask(), SPACE) != wanted
            assert distinct(genomes(study)) == 9

    def test_a_worker_sees_what_another_has_proposed_before_its_genes_are_asked(self) -> None:
        study = searched(GeneticSampler(SPACE, seed=0), trials=8)
        first = study.ask()
        first.suggest_int("depth", 3, 6)
        assert SPACE.contains(genome_of(study.trials[8]))

    def test_two_workers_that_draw_the_same_at_the_same_moment_do_not_both_keep_it(self) -> None:
        study = searched(GeneticSampler(SPACE, seed=0), trials=8)
        late, early = study.ask(), study.ask()
        drawn: dict[str, Any] = {}

        def meanwhile(flat: Mapping[str, Any]) -> bool:
            if not drawn:  # the other worker claims the very genome that is being looked at
                drawn.update(flat)
                study._storage.set_trial_system_attr(early._trial_id, "dipsearch:genome", dict(flat))
            return True

        study.sampler = GeneticSampler(SPACE, seed=0, limits=ProposalLimits(meanwhile))
        kept = suggest(late, SPACE)
        assert drawn
        assert kept != drawn

    def test_an_exhausted_space_repeats_and_says_so(self) -> None:
        study = optuna.create_study(direction="maximize", sampler=GeneticSampler(seed=0))
        space = {"a": CategoricalDistribution(("x", "y"))}
        for value in range(6):
            study.tell(study.ask(space), float(value))
        repeats = [trial for trial in study.trials if "repeat_of" in trial.user_attrs]
        assert len(repeats) >= 3
        for trial in repeats:
            assert study.trials[trial.user_attrs["repeat_of"]].params == trial.params


class TestGate:
    def test_what_is_not_affordable_is_not_proposed(self) -> None:
        sampler = GeneticSampler(SPACE, seed=0, limits=ProposalLimits(lambda flat: flat["depth"] <= 4))
        study = searched(sampler, trials=30)
        assert max(flat["depth"] for flat in genomes(study)) == 4
        assert not any("unaffordable" in trial.user_attrs for trial in study.trials)

    def test_when_nothing_is_affordable_the_cheapest_seen_is_proposed_and_marked(self) -> None:
        seen: list[float] = []

        def expense(flat: Mapping[str, Any]) -> float:
            seen.append(flat["depth"] * flat["channels_down_first"])
            return seen[-1]

        sampler = GeneticSampler(SPACE, seed=0, limits=ProposalLimits(lambda flat: False, expense))
        trial = searched(sampler, trials=1).trials[0]
        assert len(seen) == 64
        assert trial.params["depth"] * trial.params["channels_down_first"] == min(seen)
        assert trial.user_attrs["unaffordable"] is True


class TestPopulation:
    def test_it_is_the_best_that_have_finished_and_pruned_ones_stand_at_their_best_value(self) -> None:
        study = optuna.create_study(direction="maximize")
        space = {"x": FloatDistribution(0, 1)}

        def add(x: float, **values: Any) -> None:
            study.add_trial(optuna.create_trial(params={"x": x}, distributions=space, **values))

        add(0.0, value=20.0)
        add(0.1, value=22.0)
        add(0.2, state=TrialState.PRUNED, intermediate_values={50: 10.0, 100: 21.0, 150: float("nan")})
        add(0.3, state=TrialState.PRUNED)
        add(0.4, state=TrialState.FAIL, intermediate_values={50: 30.0})
        add(0.5, value=float("inf"))
        add(0.6, value=19.0)
        study.enqueue_trial({"x": 0.7})
        population = GeneticSampler(population_size=3).select_parent(study, 0)
        assert [trial.params["x"] for trial in population] == [0.1, 0.2, 0.0]
        everyone = GeneticSampler(population_size=16).select_parent(study, 0)
        assert [trial.params["x"] for trial in everyone] == [0.1, 0.2, 0.0, 0.6]

    def test_those_under_way_belong_to_it_from_their_first_look_on(self) -> None:
        study = optuna.create_study(direction="maximize")
        space = {"x": FloatDistribution(0, 1)}
        for x, usable, values in (
            (0.1, True, {450: 21.0, 560: 23.0}),
            (0.2, False, {100: 30.0}),
            (0.3, True, {450: 24.0}),
            (0.4, True, {450: float("nan")}),
        ):
            study.enqueue_trial({"x": x})
            trial = study.ask(space)
            trial.set_user_attr("fit", {"usable": usable})
            for step, value in values.items():
                trial.report(value, step)
        study.add_trial(optuna.create_trial(params={"x": 0.5}, distributions=space, value=23.5))
        population = GeneticSampler(population_size=8).select_parent(study, 0)
        assert [trial.params["x"] for trial in population] == [0.3, 0.5, 0.1]

    def test_those_under_way_have_children(self) -> None:
        study = optuna.create_study(direction="maximize", sampler=GeneticSampler(SPACE, seed=0))
        for _ in range(6):
            trial = study.ask()
            trial.report(worth(SPACE.genome(suggest(trial, SPACE))), 450)
            trial.set_user_attr("fit", {"usable": True})
        suggest(study.ask(), SPACE)
        assert study.trials[-1].user_attrs["operator"] != "random"
        assert set(study.trials[-1].user_attrs["parents"]) <= {*range(6)}

    def test_enqueued_networks_become_parents(self) -> None:
        study = optuna.create_study(direction="maximize", sampler=GeneticSampler(SPACE, seed=0))
        published = [SPACE.sample(np.random.default_rng(seed)) for seed in range(6)]
        for flat in published:
            study.enqueue_trial(flat, user_attrs={"operator": "published"})
        for _ in range(8):
            trial = study.ask()
            study.tell(trial, worth(SPACE.genome(suggest(trial, SPACE))))
        assert genomes(study)[:6] == published
        assert [trial.user_attrs["operator"] for trial in study.trials[:6]] == ["published"] * 6
        assert set(study.trials[6].user_attrs["parents"]) <= {*range(6)}
        assert study.trials[6].user_attrs["operator"] != "random"

    @pytest.mark.filterwarnings("ignore:Fixed parameter")
    def test_a_parent_outside_of_the_space_has_children_inside(self) -> None:
        study = optuna.create_study(direction="maximize", sampler=GeneticSampler(SPACE, seed=0))
        for number in range(6):
            study.enqueue_trial({**SPACE.sample(np.random.default_rng(number)), "learning_rate": 0.5})
        for number in range(12):
            trial = study.ask()
            suggest(trial, SPACE)
            study.tell(trial, float(number))
        assert [flat["learning_rate"] for flat in genomes(study)[:6]] == [0.5] * 6
        assert all(SPACE.contains(flat) for flat in genomes(study)[6:])

    def test_a_network_that_is_enqueued_in_part_keeps_that_part(self) -> None:
        study = searched(GeneticSampler(SPACE, seed=0), trials=8)
        study.enqueue_trial({"depth": 6, "channels_skip_5": 128, "channels_down_first": 8})
        flat = suggest(study.ask(), SPACE)
        assert SPACE.contains(flat)
        assert (flat["depth"], flat["channels_skip_5"], flat["channels_down_first"]) == (6, 128, 8)

    def test_a_share_of_the_genomes_is_drawn_at_random_where_that_is_wanted(self) -> None:
        space = load_space("small")
        sampler = GeneticSampler(space, seed=0, breeding=Breeding(strangers=0.5))
        study = optuna.create_study(sampler=sampler)
        for number in range(40):
            trial = study.ask()
            suggest(trial, space)
            study.tell(trial, float(number))
        operators = [trial.user_attrs["operator"] for trial in study.trials[Breeding().founders :]]
        assert 8 <= operators.count("random") <= 26

    def test_a_population_of_one_is_refused(self) -> None:
        with pytest.raises(InputError, match="at least two"):
            GeneticSampler(population_size=1)


class TestPilotSampler:
    def test_every_genome_has_the_first_answer_as_its_input_where_the_space_has_that(self) -> None:
        space = load_space("skip")
        study = optuna.create_study(sampler=make_sampler("pilot", space, seed=0))
        genomes = [space.genome(suggest(study.ask(), space)) for _ in range(12)]
        assert all(genome.needs_pilot for genome in genomes)
        assert len({genome.digest for genome in genomes}) == 12

    def test_a_space_without_such_networks_is_drawn_from_as_it_is(self) -> None:
        space = load_space("dip_2018")
        study = optuna.create_study(sampler=make_sampler("pilot", space, seed=0))
        assert not space.genome(suggest(study.ask(), space)).needs_pilot


class TestOperators:
    def test_crossover_takes_every_gene_from_a_parent_and_loses_none(self) -> None:
        first: Flat = {"depth": 2, "a": 1}
        second: Flat = {"depth": 3, "b": 2}
        generator = np.random.default_rng(0)
        children = [crossover(first, second, generator=generator) for _ in range(20)]
        assert {child["depth"] for child in children} == {2, 3}
        assert all((child["a"], child["b"]) == (1, 2) for child in children)

    @pytest.mark.parametrize(
        ("value", "distribution", "kind"),
        [
            (3, IntDistribution(0, 8), int),
            (0, IntDistribution(0, 1), int),
            (64, IntDistribution(8, 128, log=True), int),
            (6, IntDistribution(2, 10, step=4), int),
            (0.5, FloatDistribution(0, 1), float),
            (1e-2, FloatDistribution(1e-4, 1e-1, log=True), float),
            (0.25, FloatDistribution(0, 1, step=0.25), float),
            (16, CategoricalDistribution((8, 16, 32)), int),
            ("batch", CategoricalDistribution(("batch", "none")), str),
            (True, CategoricalDistribution((True, False)), bool),
        ],
    )
    def test_mutation_always_changes_a_gene_and_stays_inside(
        self, value: Any, distribution: Any, kind: type
    ) -> None:
        generator = np.random.default_rng(0)
        for _ in range(200):
            mutated = mutate(value, distribution, generator=generator)
            assert type(mutated) is kind
            assert mutated != value
            assert offers(distribution, mutated)

    def test_a_gene_with_one_value_keeps_it(self) -> None:
        generator = np.random.default_rng(0)
        assert mutate(4, IntDistribution(4, 4), generator=generator) == 4
        assert mutate("a", CategoricalDistribution(("a",)), generator=generator) == "a"

    def test_numbers_mutate_locally_in_their_own_scale(self) -> None:
        generator = np.random.default_rng(0)
        rates = FloatDistribution(1e-4, 1e-1, log=True)
        moved = [np.log10(mutate(1e-2, rates, generator=generator, step=0.1)) for _ in range(500)]
        assert np.mean(moved) == pytest.approx(-2, abs=0.05)
        assert np.std(moved) == pytest.approx(0.3, abs=0.03)  # a tenth of three decades
        channels = CategoricalDistribution((8, 16, 32, 64, 128))
        neighbours = [mutate(32, channels, generator=generator) in (16, 64) for _ in range(400)]
        assert np.mean(neighbours) == pytest.approx(0.875, abs=0.05)  # 3/4, and half of the last quarter

    @pytest.mark.parametrize(
        ("distribution", "value"),
        [
            (IntDistribution(2, 10, step=4), 4),
            (IntDistribution(2, 10), 11),
            (FloatDistribution(0, 1), "batch"),
            (CategoricalDistribution((8, 16)), 12),
        ],
    )
    def test_a_distribution_knows_what_it_does_not_offer(self, distribution: Any, value: Any) -> None:
        assert not offers(distribution, value)
