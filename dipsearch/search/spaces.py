"""What a sampler knows of a search space, and how genes are drawn from Optuna's distributions.

`Space` is the part of `SearchSpace` that samplers use, so that they can be tested on toys, and
`Unconditional` is the space of a study of which nothing but the distributions is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler

Scalar = bool | int | float | str
Flat = dict[str, Scalar]


class Gene(Protocol):
    """What a sampler has to know of a gene."""

    @property
    def name(self) -> str: ...
    @property
    def distribution(self) -> BaseDistribution: ...


class Space(Protocol):
    """What a sampler has to know of a search space; `SearchSpace` is one."""

    def genes(self) -> tuple[Gene, ...]: ...
    def sample(self, generator: np.random.Generator) -> Flat: ...
    def active(self, flat: Mapping[str, Scalar]) -> tuple[str, ...]: ...
    def repair(self, flat: Mapping[str, Scalar], generator: np.random.Generator) -> Flat: ...


class Unconditional:
    """A space of independent genes, for studies of which only the distributions are known."""

    @dataclass(frozen=True)
    class _Gene:
        name: str
        distribution: BaseDistribution

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._genes = tuple(self._Gene(name, distributions[name]) for name in sorted(distributions))

    def genes(self) -> tuple[Gene, ...]:
        """All genes, by name."""
        return self._genes

    def active(self, flat: Mapping[str, Scalar]) -> tuple[str, ...]:
        """Every gene, always."""
        return tuple(gene.name for gene in self._genes)

    def sample(self, generator: np.random.Generator) -> Flat:
        """A value for every gene, uniform over its distribution."""
        return self.repair({}, generator)

    def repair(self, flat: Mapping[str, Scalar], generator: np.random.Generator) -> Flat:
        """Drop unknown genes and draw those that are missing."""
        repaired: Flat = {}
        for gene in self._genes:
            if gene.name in flat:
                repaired[gene.name] = flat[gene.name]
            else:
                repaired[gene.name] = uniform(gene.distribution, generator)
        return repaired


def uniform(distribution: BaseDistribution, generator: np.random.Generator) -> Any:
    """Draw from ``distribution``: uniformly, in the logarithm where it says so."""
    sampler = RandomSampler(seed=int(generator.integers(2**32)))
    # A random sampler looks neither at the study nor at the trial.
    return sampler.sample_independent(None, None, "gene", distribution)  # type: ignore[arg-type]


def walk(space: Space, choose: Callable[[Gene], Scalar]) -> Flat:
    """Choose a value for every active gene; what a condition looks at is chosen before it."""
    flat: Flat = {}
    for gene in space.genes():
        if gene.name in space.active(flat):
            flat[gene.name] = choose(gene)
    return flat
