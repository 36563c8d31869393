"""Breeding: the genetic sampler, which makes new genomes out of the best ones so far.

Optuna's own genetic sampler inherits only the genes that all trials have in common; over architectures with
conditional genes two fifths of a child would be drawn at random. Here whole genomes are bred: two
tournaments in a small population, a crossover gene by gene, small mutations, and a repair by the search
space that drops the genes which became inactive and draws the ones which are missing.

The population is asynchronous: the best trials that have finished when a worker asks, not a closed
generation. A candidate takes minutes, and nobody should wait for a generation to fill up. Enqueued trials
(the published networks) belong to it as soon as they finish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import isfinite

import numpy as np
from optuna.samplers import BaseGASampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..errors import InputError
from ..network import SearchSpace
from .distributions import Flat, Scalar, Space
from .mutation import mutate
from .proposals import NO_LIMITS, Proposal, ProposalLimits, ProposingSampler, is_resting

BRED_DRAWS = 32  # with a mutation that grows from draw to draw; then genomes are drawn at random
RANDOM_DRAWS = 64  # that were refused, until a space has nothing more


@dataclass(frozen=True)
class Breeding:
    """How children are made.

    Args:
        founders: how many finished trials there have to be before anything is bred.
        crossover: the share of children that have two parents.
        mutation: the probability of a gene to mutate, for each gene.
        step: the standard deviation of a numeric gene's mutation, as a share of its range (of the range of
            its logarithm where the gene says so).
        tournament: how many are compared to find one parent.
        strangers: the share of genomes that are drawn at random although something could be bred.
    """

    founders: int = 6
    crossover: float = 0.7
    mutation: float = 0.1
    step: float = 0.2
    tournament: int = 4
    strangers: float = 0.0


class GeneticSampler(ProposingSampler, BaseGASampler):
    """Breed whole genomes over the union of all gene distributions.

    A child records its ``operator`` ("random", "crossover", "mutation", "crossover+mutation"), its
    ``parents`` (trial numbers) and the genes that ``changed`` against the first parent as user attributes,
    and how many generations lie behind it. The sampler holds no state: any worker can breed, and the same
    seed and the same history give the same child in any process.

    Args:
        space: the search space; ``None`` for independent genes taken from the study's history.
        population_size: how many of the best trials may become parents; 8 to 16 for budgets below 100 trials.
        seed: of everything that is drawn.
        breeding: rates and sizes.
        limits: what may be fitted; other candidates are refused and drawn again, a bounded number of times.

    Raises:
        InputError: a population of fewer than two.
    """

    def __init__(
        self,
        space: SearchSpace | None = None,
        *,
        population_size: int = 10,
        seed: int = 0,
        breeding: Breeding | None = None,
        limits: ProposalLimits = NO_LIMITS,
    ) -> None:
        if population_size < 2:
            raise InputError(
                f"the population is {population_size}", "it has at least two members", "give for example 10"
            )
        BaseGASampler.__init__(self, population_size)
        ProposingSampler.__init__(self, space, seed=seed, limits=limits)
        self._breeding = breeding or Breeding()

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The best trials at this moment, best first; ``generation`` plays no part.

        A trial under way belongs to them from its first look on.

        A pruned trial stands at the best value that it reported, which is less than it would have reached: it
        becomes a parent only as long as better ones are few. Failed trials and values that are not finite
        never do.
        """
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        ranked = [
            (sign * value, trial.number, trial)
            for trial in study.get_trials(deepcopy=False)
            if (trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or is_resting(trial))
            and trial.params
            and (value := _worth(trial, sign)) is not None
        ]
        return [trial for _, _, trial in sorted(ranked)[: self.population_size]]

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        """How many generations lie behind ``trial``; 0 for one that was not bred."""
        return int(trial.system_attrs.get(self._get_generation_key(), 0))

    def draws(
        self, study: Study, trial: FrozenTrial, *, space: Space, generator: np.random.Generator
    ) -> Iterator[Proposal]:
        """Yield children, from draw to draw more mutated, and then genomes at random."""
        population = self.select_parent(study, self.get_trial_generation(study, trial))
        enough = len(population) >= min(self._breeding.founders, self.population_size or 2)
        strangers = self._breeding.strangers
        if enough and not (strangers and generator.random() < strangers):
            yield from islice(self._children(study, population, space, generator), BRED_DRAWS)
        for _ in range(RANDOM_DRAWS):
            yield Proposal(space.sample(generator), "random")

    def _children(
        self,
        study: Study,
        population: Sequence[FrozenTrial],
        space: Space,
        generator: np.random.Generator,
    ) -> Iterator[Proposal]:
        rates = self._breeding
        while True:
            parents = _tournaments(population, generator, size=rates.tournament)
            if generator.random() >= rates.crossover:
                parents = parents[:1]
            flat, mutated = child(
                *(parent.params for parent in parents), rates=rates, space=space, generator=generator
            )
            yield Proposal(
                flat,
                _operator(parents, mutated=mutated),
                parents=tuple(parent.number for parent in parents),
                changed=differences(flat, parents[0].params),
                generation=1 + max(self.get_trial_generation(study, parent) for parent in parents),
            )
            # A converged population keeps on making the same children; stronger mutations lead out of it.
            rates = replace(rates, mutation=min(0.5, rates.mutation * 1.1))


def child(
    first: Flat, second: Flat | None = None, *, rates: Breeding, space: Space, generator: np.random.Generator
) -> tuple[Flat, bool]:
    """Breed one genome from one or two.

    Returns:
        Its active genes, and whether any of them mutated.
    """
    crossed = space.repair(crossover(first, second, generator=generator), generator)
    flat = dict(crossed)
    for name in space.active(crossed):
        if generator.random() < rates.mutation:
            flat[name] = mutate(flat[name], space.distributions[name], generator=generator, step=rates.step)
    flat = space.repair(flat, generator)
    return flat, flat != crossed


def crossover(first: Flat, second: Flat | None = None, *, generator: np.random.Generator) -> Flat:
    """Take each gene from either parent with equal chances; a gene that only one of them has, from that one.

    Genes that turn out to be inactive in the child are for the search space to drop: what is kept until then
    can still be inherited when another gene switches it on.
    """
    if second is None:
        return dict(first)
    crossed: Flat = {}
    for name in sorted({*first, *second}):
        sources = [parent[name] for parent in (first, second) if name in parent]
        crossed[name] = sources[int(generator.integers(len(sources)))]
    return crossed


def differences(flat: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Names of the genes that have another value, or that only one of the two has; sorted."""
    return tuple(sorted(name for name in {*flat, *other} if flat.get(name) != other.get(name)))


def _tournaments(
    population: Sequence[FrozenTrial], generator: np.random.Generator, *, size: int
) -> list[FrozenTrial]:
    """Two different parents, each the best of ``size`` at random; ``population`` is sorted, best first."""
    first = int(generator.integers(len(population), size=size).min())
    others = [trial for index, trial in enumerate(population) if index != first]
    if not others:
        return [population[first]]
    return [population[first], others[int(generator.integers(len(others), size=size).min())]]


def _operator(parents: Sequence[FrozenTrial], *, mutated: bool) -> str:
    if len(parents) == 1:
        return "mutation"
    return "crossover+mutation" if mutated else "crossover"


def _worth(trial: FrozenTrial, sign: float) -> float | None:
    """What a trial counts for in the population; ``sign`` is -1 when more is better."""
    values = [trial.value] if trial.state == TrialState.COMPLETE else list(trial.intermediate_values.values())
    finite = [value for value in values if value is not None and isfinite(value)]
    return min(finite, key=lambda value: sign * value) if finite else None
