"""A search space as samplers see it: Optuna's distributions, and whole genomes as flat dictionaries.

`Conditional` is a `SearchSpace` seen so; `Unconditional` is what remains when nothing but the distributions
is known, as for a study that somebody else began.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler

from ..errors import InputError
from ..network import SearchSpace
from ..network.gene import Gene

Scalar = bool | int | float | str
Flat = dict[str, Scalar]
Distributions = Mapping[str, BaseDistribution]


class Space(Protocol):
    """What a sampler has to know of a search space."""

    @property
    def distributions(self) -> Distributions:
        """Of all genes, each after those that its condition depends on."""

    def sample(self, generator: np.random.Generator) -> Flat:
        """Draw a genome."""

    def active(self, flat: Mapping[str, Scalar]) -> tuple[str, ...]:
        """The genes that exist given the values in ``flat``."""

    def repair(self, flat: Mapping[str, Scalar], generator: np.random.Generator) -> Flat:
        """Drop the genes that do not exist; draw those that are missing or have a value out of range."""

    def chosen(self, choose: Callable[[str, BaseDistribution], Scalar]) -> Flat:
        """The active genes with the values that ``choose`` gives them, each after what its condition looks at."""

    def identity(self, flat: Mapping[str, Scalar]) -> Hashable:
        """Equal for genes that stand for the same genome."""


class Conditional:
    """A `SearchSpace`, whose genes exist under conditions."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.distributions: Distributions = {gene.name: distribution_of(gene) for gene in space.genes()}
        self.sample, self.active, self.repair = space.sample, space.active, space.repair
        self._digest = lru_cache(maxsize=4096)(self._find_digest)

    def chosen(self, choose: Callable[[str, BaseDistribution], Scalar]) -> Flat:
        """The active genes with the values that ``choose`` gives them."""
        return self._space.chosen(lambda gene: choose(gene.name, self.distributions[gene.name]))

    def identity(self, flat: Mapping[str, Scalar]) -> Hashable:
        """The genome's digest: different genes may stand for one genome, where a limit cuts both off."""
        return self._digest(frozenset(flat.items()))

    def _find_digest(self, items: frozenset[tuple[str, Scalar]]) -> Hashable:
        try:
            return self._space.genome(dict(items)).digest
        except InputError:  # not of this space: another one's trial, or one whose genes are not all known yet
            return items


@lru_cache(maxsize=8)
def conditional(space: SearchSpace) -> Conditional:
    """A space as samplers see it; kept, since it remembers the genomes that it was asked for."""
    return Conditional(space)


class Unconditional:
    """Independent genes, of which only the distributions are known."""

    def __init__(self, distributions: Distributions) -> None:
        self.distributions: Distributions = dict(sorted(distributions.items()))

    def sample(self, generator: np.random.Generator) -> Flat:
        """A value for every gene, uniform over its distribution."""
        return self.repair({}, generator)

    def active(self, flat: Mapping[str, Scalar]) -> tuple[str, ...]:
        """Every gene, always."""
        return tuple(self.distributions)

    def repair(self, flat: Mapping[str, Scalar], generator: np.random.Generator) -> Flat:
        """Drop unknown genes; draw those that are missing or have a value out of range."""
        return {
            name: flat[name]
            if name in flat and offers(distribution, flat[name])
            else uniform(distribution, generator)
            for name, distribution in self.distributions.items()
        }

    def chosen(self, choose: Callable[[str, BaseDistribution], Scalar]) -> Flat:
        """Every gene with the value that ``choose`` gives it."""
        return {name: choose(name, distribution) for name, distribution in self.distributions.items()}

    def identity(self, flat: Mapping[str, Scalar]) -> Hashable:
        """The genes and their values themselves."""
        return frozenset(flat.items())


@lru_cache(maxsize=1024)
def distribution_of(gene: Gene) -> BaseDistribution:
    """A gene's values in Optuna's terms."""
    if gene.kind == "choice":
        return CategoricalDistribution(gene.choices)
    if gene.kind == "int":
        return IntDistribution(int(gene.low), int(gene.high), step=gene.step, log=gene.log)
    return FloatDistribution(gene.low, gene.high, log=gene.log)


def uniform(distribution: BaseDistribution, generator: np.random.Generator) -> Any:
    """Draw from ``distribution``: uniformly, in the logarithm where it says so."""
    sampler = RandomSampler(seed=int(generator.integers(2**32)))
    # A random sampler looks neither at the study nor at the trial.
    return sampler.sample_independent(None, None, "gene", distribution)  # type: ignore[arg-type]


def offers(distribution: BaseDistribution, value: Scalar) -> bool:
    """Whether ``value`` can be had from ``distribution``."""
    if isinstance(distribution, CategoricalDistribution):
        return any(type(value) is type(choice) and value == choice for choice in distribution.choices)
    if not isinstance(distribution, (IntDistribution, FloatDistribution)) or isinstance(value, str):
        return False
    return distribution.low <= value <= distribution.high and snapped(float(value), distribution) == value


def snapped(value: float, distribution: IntDistribution | FloatDistribution) -> int | float:
    """The nearest value that ``distribution`` offers."""
    if distribution.step is not None:
        value = distribution.low + round((value - distribution.low) / distribution.step) * distribution.step
    value = min(max(value, distribution.low), distribution.high)
    return round(value) if isinstance(distribution, IntDistribution) else float(value)
