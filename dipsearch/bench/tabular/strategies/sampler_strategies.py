"""The strategies with a sampler of Optuna's.

A table is finite. What a sampler asks for is therefore replaced by the nearest genome that was recorded and not used
yet, and the sampler is told of that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState, create_trial

from ....network import SearchSpace, load_space
from ....proposal.distributions import conditional
from ....proposal.proposals import ProposingSampler
from ....proposal.samplers import make_sampler, suggest
from ..recorded.table import Table
from ..recorded.table_genomes import DIP_DEFAULT
from ..recorded.table_parts import Recorded
from .gene_distance import Neighbours
from .known_strategies import KNOWN_FIRST, known_choices
from .strategy import Choice, Maker, Offer, Strategy, Tried

SPACE = "skip"
"""The space that all genomes of the table have their genes in."""


class Sampled:
    """A sampler that is asked for one genome after the other, and told of the nearest recorded ones.

    Args:
        offer: of the table.
        sampler: over the genes of the space.
        first: what is fitted before it is asked.
    """

    def __init__(self, offer: Offer, sampler: BaseSampler, *, first: Sequence[Choice] = ()) -> None:
        self._space, self._first = skip_space(), iter(first)
        self._sampler = sampler
        self._begin_study()
        self._known = conditional(self._space).distributions
        self._used = set[str]()
        self._pool, self._near = pool_of(offer.table)

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The nearest unused genome to what the sampler asks for."""
        judged = [one for one in tried if can_be_judged(one)]
        if any(self._told.get(one.choice, one.estimate) != one.estimate for one in judged):
            self._begin_study()  # some went on: what was said of them holds no more
        for one in judged:
            self._tell(one)
        choice = next(self._first, None) or self._asked()
        if choice is not None:
            self._used.add(choice[0])
        return choice

    def _begin_study(self) -> None:
        # A search begins many studies, of which nobody wants to be told.
        said = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(max(said, optuna.logging.WARNING))
        try:
            self._study = optuna.create_study(direction="maximize", sampler=self._sampler)
        finally:
            optuna.logging.set_verbosity(said)
        self._told = dict[Choice, float]()

    def _asked(self) -> Choice | None:
        used = np.array([one.digest in self._used for one in self._pool])
        if used.all():
            return None
        trial = self._study.ask()
        # Ours propose whole genomes, which need not be asked for gene by gene.
        ours = isinstance(self._sampler, ProposingSampler)
        wanted = trial.relative_params if ours else suggest(trial, self._space)
        self._study.tell(trial, state=TrialState.FAIL)  # of that very genome nothing will be known
        nearest = int(np.where(used, np.inf, self._near.distances(wanted)).argmin())
        return self._pool[nearest].digest, 0

    def _tell(self, one: Tried) -> None:
        if one.choice in self._told:
            return
        self._told[one.choice] = one.estimate
        flat = one.recorded.genome.flat
        shapes = {name: self._known[name] for name in flat}
        self._study.add_trial(create_trial(params=flat, distributions=shapes, value=one.estimate))


def can_be_judged(one: Tried) -> bool:
    return not one.busy and (one.ended or one.steps >= one.look) and bool(np.isfinite(one.estimate))


def sampled(word: str, *, known: int | None = KNOWN_FIRST) -> Maker:
    """A strategy with one of our samplers.

    Args:
        word: "pilot", "genetic", "tpe" or "random".
        known: with so many known networks it begins, by default with a few as a search does; ``None``: with all.
    """

    def make(offer: Offer) -> Strategy:
        first = known_choices(offer)[:known]
        return Sampled(offer, make_sampler(word, skip_space(), seed=offer.seed), first=first)

    return make


def with_sampler(make: Callable[[SearchSpace, int], BaseSampler]) -> Maker:
    """A strategy with any sampler of Optuna's, made from the space and a seed, after a few known networks."""

    def of(offer: Offer) -> Strategy:
        return Sampled(offer, make(skip_space(), offer.seed), first=known_choices(offer)[:KNOWN_FIRST])

    return of


@lru_cache(maxsize=1)
def skip_space() -> SearchSpace:
    """The space of the table's genes."""
    return load_space(SPACE)


@lru_cache(maxsize=2)
def pool_of(table: Table) -> tuple[list[Recorded], Neighbours]:
    """What a sampler may have: one seed of each genome, but not what takes longer than a whole search."""
    pool = [one for one in table.genomes if one.name != DIP_DEFAULT]
    return pool, Neighbours(skip_space(), [one.genome.flat for one in pool])
