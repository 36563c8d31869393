"""The strategies with a sampler of Optuna's.

A table is finite. What a sampler asks for is therefore replaced by the nearest genome that was recorded and not used
yet, and the sampler is told of that one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.trial import TrialState, create_trial

from ....network import SearchSpace, load_space
from ....network.gene import Gene
from ....network.gene_rules import Scalar
from ....proposal.distributions import conditional
from ....proposal.proposals import ProposingSampler
from ....proposal.samplers import make_sampler, suggest
from ..recorded.table import Table
from ..recorded.table_genomes import DIP_DEFAULT
from ..recorded.table_parts import Recorded
from .known_strategies import KNOWN_FIRST, known_choices, shipped_choices
from .strategy import Choice, Maker, Offer, Strategy, Tried


class Neighbours:
    """Genomes of a space, to be asked which of them are near to another one.

    A number is as far from another as the share of the gene's range between them, of its logarithm where the gene says
    so; neighbouring choices among numbers likewise; words are equal or one apart, and so are a gene and its absence.

    Args:
        space: of the genes.
        flats: of the genomes.
    """

    def __init__(self, space: SearchSpace, flats: Sequence[Mapping[str, Scalar]]) -> None:
        self._genes = space.genes()
        self._codes = np.stack([self._code(flat) for flat in flats])
        self._words = np.array([not gene.ordered for gene in self._genes])

    def distances(self, flat: Mapping[str, Scalar]) -> NDArray[np.float64]:
        """To each of the genomes, ``(n,)``."""
        wanted = self._code(flat)
        apart = np.abs(self._codes - wanted)
        apart[:, self._words] = np.where(apart[:, self._words] > 0, 1.0, apart[:, self._words])
        lacking = np.isnan(self._codes) != np.isnan(wanted)
        return np.asarray(np.nansum(np.where(lacking, 1.0, apart), axis=1))

    def _code(self, flat: Mapping[str, Scalar]) -> NDArray[np.float64]:
        """A number for every gene, from 0 to 1, or which word it is; NaN for one that does not exist there."""
        return np.array(
            [_place(gene, flat[gene.name]) if gene.name in flat else np.nan for gene in self._genes]
        )


def _place(gene: Gene, value: Scalar) -> float:
    if gene.kind == "choice":
        place = gene.choices.index(value)
        return place / max(len(gene.choices) - 1, 1) if gene.ordered else float(place)
    low, high, here = float(gene.low), float(gene.high), float(value)
    if gene.log:
        low, high, here = math.log(low), math.log(high), math.log(here)
    return (here - low) / (high - low) if high > low else 0.0


SPACE = "skip"
"""The space that all genomes of the table have their genes in."""


MUCH_JITTER = 0.03
"""The lower half of the gene's range, 0 to 0.06, is cut off: on the tuning pictures 26 random networks with a pilot
above this reached 0.43 dB (standard error 0.06) more than the table's median, and 20 below it 0.13 (0.07)."""


class Sampled:
    """A sampler that is asked for one genome after the other, and told of the nearest recorded ones.

    Args:
        offer: of the table.
        sampler: over the genes of the space.
        first: what is fitted before it is asked.
        pilots: whether it gets none but networks with a pilot.
        least_jitter: of the networks that it gets.
    """

    def __init__(
        self,
        offer: Offer,
        sampler: BaseSampler,
        *,
        first: Sequence[Choice] = (),
        pilots: bool = False,
        least_jitter: float = 0.0,
    ) -> None:
        self._space, self._first = skip_space(), iter(first)
        self._sampler = sampler
        self._begin_study()
        self._known = conditional(self._space).distributions
        self._used = set[str]()
        self._pool, self._near = pool_of(offer.table, pilots=pilots, least_jitter=least_jitter)

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
        sampler = make_sampler(word, skip_space(), seed=offer.seed)
        return Sampled(offer, sampler, first=first, pilots=word == "pilot")

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


def with_much_jitter(offer: Offer) -> Strategy:
    """Networks with a pilot, of a space that is cut by the gene that matters most."""
    sampler = make_sampler("pilot", skip_space(), seed=offer.seed)
    first = known_choices(offer)[:KNOWN_FIRST]
    return Sampled(offer, sampler, first=first, pilots=True, least_jitter=MUCH_JITTER)


def as_shipped(offer: Offer) -> Strategy:
    """As a search of 12 minutes does today: the known networks of the task first, and then others with a pilot."""
    sampler = make_sampler("pilot", skip_space(), seed=offer.seed)
    return Sampled(offer, sampler, first=shipped_choices(offer), pilots=True)


@lru_cache(maxsize=4)
def pool_of(
    table: Table, *, pilots: bool = False, least_jitter: float = 0.0
) -> tuple[list[Recorded], Neighbours]:
    """What a sampler may have: one seed of each genome, but not what takes longer than a whole search.

    Args:
        pilots: those with a pilot alone.
        least_jitter: of the input.
    """
    pool = [
        one
        for one in table.genomes
        if one.name != DIP_DEFAULT
        and (one.genome.genome.needs_pilot or not pilots)
        and float(one.genome.flat["jitter"]) >= least_jitter
    ]
    return pool, Neighbours(skip_space(), [one.genome.flat for one in pool])
