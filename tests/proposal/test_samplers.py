"""The samplers behind one word: each proposes whole, new, affordable genomes, the same ones after a stop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import TrialState

from dipsearch.errors import InputError
from dipsearch.network import Genome, load_space
from dipsearch.network.gene import Gene
from dipsearch.proposal.distributions import Conditional, distribution_of
from dipsearch.proposal.proposals import NO_LIMITS, ProposalLimits, genome_of
from dipsearch.proposal.samplers import SAMPLERS, ParzenSampler, UniformSampler, make_sampler, suggest
from dipsearch.proposal.storage import create_or_load, open_storage

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = load_space("skip")


def worth(genome: Genome) -> float:
    return 30 - abs(genome.depth - 5) - (4 * math.log10(genome.learning_rate / 0.01)) ** 2


def in_memory(word: str, *, seed: int = 0, limits: ProposalLimits = NO_LIMITS) -> optuna.Study:
    return optuna.create_study(
        direction="maximize", sampler=make_sampler(word, SPACE, seed=seed, limits=limits)
    )


def run(study: optuna.Study, *, trials: int) -> list[dict[str, Any]]:
    """Judge candidates one after the other; return all genomes of the study."""
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, worth(SPACE.genome(suggest(trial, SPACE))))
    return [genome_of(trial) for trial in study.trials]


class TestParzenConformance(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return lambda: ParzenSampler(None, seed=0)


class TestUniformConformance(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return lambda: UniformSampler(None, seed=0)


@pytest.mark.parametrize("word", SAMPLERS)
class TestEverySampler:
    def test_genomes_are_whole_and_none_appears_twice(self, word: str) -> None:
        flats = run(in_memory(word), trials=25)
        assert all(SPACE.contains(flat) for flat in flats)
        assert len({SPACE.genome(flat).digest for flat in flats}) == 25

    def test_the_same_seed_gives_the_same_candidates_and_another_seed_others(self, word: str) -> None:
        first = run(in_memory(word, seed=4), trials=14)
        assert run(in_memory(word, seed=4), trials=14) == first
        assert run(in_memory(word, seed=5), trials=14) != first

    def test_a_negative_seed_is_a_seed(self, word: str) -> None:
        assert run(in_memory(word, seed=-1), trials=1) != run(in_memory(word, seed=1), trials=1)

    def test_a_kill_and_a_resume_do_not_change_the_candidates(self, word: str, tmp_path: Path) -> None:
        def opened() -> optuna.Study:
            return create_or_load(
                "study",
                open_storage(tmp_path).storage,
                sampler=make_sampler(word, SPACE, seed=2),
                pruner=NopPruner(),
                space_digest=SPACE.digest,
            )

        without_a_kill = run(in_memory(word, seed=2), trials=14)
        run(opened(), trials=9)
        suggest(opened().ask(), SPACE)  # and here the power fails
        resumed = opened()
        (under_way,) = resumed.get_trials(states=(TrialState.RUNNING,))
        resumed.tell(under_way.number, worth(SPACE.genome(genome_of(under_way))))  # it is gone on with
        assert run(resumed, trials=4) == without_a_kill

    def test_what_is_not_affordable_is_not_proposed(self, word: str) -> None:
        flats = run(in_memory(word, limits=ProposalLimits(lambda flat: flat["depth"] <= 4)), trials=14)
        assert {flat["depth"] for flat in flats} == {3, 4}

    def test_when_nothing_is_affordable_the_trial_says_so(self, word: str) -> None:
        study = in_memory(word, limits=ProposalLimits(lambda flat: False, lambda flat: flat["depth"]))
        assert run(study, trials=1)[0]["depth"] == 3
        assert study.trials[0].user_attrs["unaffordable"] is True

    def test_the_trial_says_who_proposed_it(self, word: str) -> None:
        study = in_memory(word)
        run(study, trials=12)
        expected = {"random": {"random"}, "tpe": {"random", "tpe"}}
        operators = {trial.user_attrs["operator"] for trial in study.trials}
        assert operators == expected.get(word, operators)
        assert study.trials[0].user_attrs["parents"] == []

    def test_enqueued_genomes_are_taken_as_they_are(self, word: str) -> None:
        wanted = run(in_memory("random", seed=9), trials=3)
        study = in_memory(word)
        for flat in wanted:
            study.enqueue_trial(flat, user_attrs={"operator": "published"})
        assert run(study, trials=5)[:3] == wanted
        assert study.trials[2].user_attrs == {"operator": "published"}


def test_tpe_does_better_than_random_search() -> None:
    studies = {word: in_memory(word, seed=1) for word in ("tpe", "random")}
    for study in studies.values():
        run(study, trials=30)
    halves = {word: [trial.value for trial in study.trials[15:]] for word, study in studies.items()}
    assert sum(halves["tpe"]) / 15 > sum(halves["random"]) / 15 + 0.5


class TestResting:
    """Candidates under way that had their first look: to the estimator they are as good as finished."""

    def study(self, *, finished: int, usable: bool = True) -> optuna.Study:
        """Eight genomes with their worth, the first ones finished and the others under way."""
        study = in_memory("tpe", seed=1)
        run(study, trials=finished)
        while len(study.trials) < 8:
            trial = study.ask()
            score = worth(SPACE.genome(suggest(trial, SPACE)))
            trial.set_user_attr("fit", {"usable": usable, "score": score})
        return study

    def test_the_estimator_begins_with_those_that_rest(self) -> None:
        for finished, usable, operator in ((8, True, "tpe"), (2, True, "tpe"), (2, False, "random")):
            study = self.study(finished=finished, usable=usable)
            suggest(study.ask(), SPACE)
            assert study.trials[-1].user_attrs["operator"] == operator

    def test_it_proposes_what_it_would_if_they_were_finished(self) -> None:
        flats = [suggest(self.study(finished=finished).ask(), SPACE) for finished in (8, 2)]
        assert flats[0] == flats[1]

    def test_it_learns_from_their_scores(self) -> None:
        study = self.study(finished=0)
        for trial in study.trials:
            study._storage.set_trial_user_attr(
                trial._trial_id, "fit", {"usable": True, "score": -trial.number}
            )
        assert suggest(study.ask(), SPACE) != suggest(self.study(finished=0).ask(), SPACE)

    def test_it_learns_from_the_users_own_metric_where_that_ranks(self) -> None:
        study = self.study(finished=0)
        for trial in study.trials:
            fit = trial.user_attrs["fit"]
            other = {"usable": True, "score": -trial.number, "metric": fit["score"]}
            study._storage.set_trial_user_attr(trial._trial_id, "fit", other)
        assert suggest(study.ask(), SPACE) == suggest(self.study(finished=0).ask(), SPACE)

    def test_one_whose_score_is_no_number_is_one_that_runs(self) -> None:
        without = self.study(finished=8)
        suggest(without.ask(), SPACE)
        study = self.study(finished=8)
        trial = study.ask()
        suggest(trial, SPACE)
        trial.set_user_attr("fit", {"usable": True})  # what is not finite is left out
        assert suggest(study.ask(), SPACE) == suggest(without.ask(), SPACE)

    def test_failures_before_it_do_no_harm(self) -> None:
        study = self.study(finished=2)
        for _ in range(3):
            failed = study.ask()
            suggest(failed, SPACE)
            study.tell(failed, state=TrialState.FAIL)
        suggest(study.ask(), SPACE)
        assert study.trials[-1].user_attrs["operator"] == "tpe"


def test_an_unknown_word_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean `genetic`") as refused:
        make_sampler("genetics", SPACE, seed=0)
    assert "genetic, tpe, random" in refused.value.rule


def test_only_active_genes_are_asked() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.enqueue_trial({"depth": 3, "input_kind": "meshgrid"})
    flat = suggest(study.ask(), SPACE)
    assert SPACE.contains(flat)
    assert not {"channels_skip_3", "channels_skip_4", "channels_skip_5", "input_channels"} & set(flat)
    assert study.trials[0].params == flat


def test_genes_that_stand_for_the_same_genome_are_the_same_candidate() -> None:
    space = Conditional(SPACE)
    widest = {**run(in_memory("random"), trials=1)[0], "channels_down_first": 128}
    growing, constant = {**widest, "channels_down_growth": 2.0}, {**widest, "channels_down_growth": 1.0}
    assert growing != constant
    assert space.identity(growing) == space.identity(constant)


@pytest.mark.parametrize(
    ("gene", "distribution"),
    [
        (Gene("a", "choice", choices=(1, 1.5, 2)), CategoricalDistribution((1, 1.5, 2))),
        (Gene("a", "int", low=2, high=10, step=4), IntDistribution(2, 10, step=4)),
        (Gene("a", "int", low=8, high=128, log=True), IntDistribution(8, 128, log=True)),
        (Gene("a", "float", low=0.003, high=0.02, log=True), FloatDistribution(0.003, 0.02, log=True)),
    ],
)
def test_a_gene_has_the_same_values_in_optuna(gene: Gene, distribution: Any) -> None:
    assert distribution_of(gene) == distribution
