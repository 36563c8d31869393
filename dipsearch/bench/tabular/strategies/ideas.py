"""Strategies that were tried against those of a search, each for one idea of what makes a search pay.

They draw from the genomes of the table as `Sampled` does, after the same few known networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....delivery.delivering import MOST_MEMBERS
from ....proposal.breeding import Breeding, child
from ....proposal.distributions import conditional
from ..recorded.table import Table
from .known_strategies import KNOWN_FIRST, known_choices, other_seeds
from .replay_delivery import as_scored, delivered_weights
from .sampler_strategies import can_be_judged, pool_of, sampled, skip_space
from .strategy import Choice, Offer, Tried

FOUNDERS = Breeding().founders
"""Fits that have to be judged before anything but chance decides, as in a search."""

REACH = 2.0
"""Genes so far apart tell little of each other: the width of the kernel of `Predicted`."""

WORST = 3.0
"""How many dB below the best an estimate counts at the most: how bad a failure is does not matter."""


class AfterKnown(ABC):
    """A few known networks, and then genomes of the pool, one by one.

    Args:
        offer: of the table.
    """

    def __init__(self, offer: Offer) -> None:
        self.pool, self.near = pool_of(offer.table)
        self.apart = _apart(offer.table)
        self.place = {one.digest: place for place, one in enumerate(self.pool)}
        self.random = np.array([one.genome.kind == "random" for one in self.pool])
        self.seconds = np.array([min(one.seconds.values()) for one in self.pool])
        self.generator = np.random.default_rng(offer.seed)
        self._first = iter(known_choices(offer)[:KNOWN_FIRST])
        self._used = np.zeros(len(self.pool), dtype=bool)

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """A known network, or the one that is picked."""
        choice = next(self._first, None)
        if choice is None:
            if self._used.all():
                return None
            judged = [one for one in tried if can_be_judged(one)]
            picked = self.by_chance() if len(judged) < FOUNDERS else self.pick(tried, judged)
            choice = self.pool[picked].digest, 0
        self._used[self.place[choice[0]]] = True
        return choice

    @abstractmethod
    def pick(self, tried: Sequence[Tried], judged: Sequence[Tried]) -> int:
        """The place of an unused genome in the pool.

        Args:
            tried: all that were begun.
            judged: those that can be compared, ``FOUNDERS`` of them at least.
        """

    @property
    def unused(self) -> NDArray[np.int64]:
        """The places of genomes that were not begun yet."""
        return np.flatnonzero(~self._used)

    def by_chance(self, weights: NDArray[np.float64] | None = None) -> int:
        """One of the unused random genomes, or of all where there is none any more; ``weights`` are the pool's."""
        free = self.unused
        places = free[self.random[free]] if self.random[free].any() else free
        chances = np.ones(len(places)) if weights is None else weights[places]
        if not chances.any():
            chances = np.ones(len(places))
        return int(self.generator.choice(places, p=chances / chances.sum()))


class CheapFirst(AfterKnown):
    """Random genomes, a cheap one the likelier: chances are the inverse of what an iteration costs."""

    def pick(self, tried: Sequence[Tried], judged: Sequence[Tried]) -> int:
        """By chance, in that proportion."""
        return self.by_chance(1 / self.seconds)


class ForEnsemble(AfterKnown):
    """Children of the ensemble's members, in proportion to their weights, instead of the best networks'."""

    def pick(self, tried: Sequence[Tried], judged: Sequence[Tried]) -> int:
        """The unused genome nearest to a child."""
        best = sorted(judged, key=lambda one: -one.estimate)[:MOST_MEMBERS]
        sketches = np.stack([_sketch(one) for one in best])
        scores = np.array([one.contestant.mse for one in best])
        weights = delivered_weights(as_scored(sketches @ sketches.T / sketches.shape[1], scores))
        first, second = (best[place] for place in self.parents(weights))
        rates = Breeding()
        crossed = self.generator.random() < rates.crossover
        wanted, _ = child(
            first.recorded.genome.flat,
            second.recorded.genome.flat if crossed else None,
            rates=rates,
            space=conditional(skip_space()),
            generator=self.generator,
        )
        free = self.unused
        return int(free[self.near.distances(wanted)[free].argmin()])

    def parents(self, weights: NDArray[np.float64]) -> tuple[int, int]:
        """The places of the parents among the best; the second one counts where there is a crossover.

        Args:
            weights: of the best in the ensemble, which sum to 1.
        """
        first, second = self.generator.choice(len(weights), size=2, p=weights)
        return int(first), int(second)


class ForWeakest(ForEnsemble):
    """Children of the ensemble's weakest member, the one with the least weight that is not 0, with any other one."""

    def parents(self, weights: NDArray[np.float64]) -> tuple[int, int]:
        """The weakest member, and another one in proportion to the weights."""
        weakest = int(np.where(weights > 0, weights, np.inf).argmin())
        others = weights.copy()
        others[weakest] = 0
        if not others.any():
            return weakest, weakest
        return weakest, int(self.generator.choice(len(weights), p=others / others.sum()))


class Predicted(AfterKnown):
    """The genome with the largest sum of its predicted estimate and of how unlike those begun it is.

    Predicted is the mean of what was judged, weighted by likeness; unlike counts with the logarithm of the distance to
    the nearest. Cheap genomes count ``thrift`` dB more for each halving of their cost.
    """

    thrift = 0.0

    def pick(self, tried: Sequence[Tried], judged: Sequence[Tried]) -> int:
        """The unused genome that promises most."""
        free = self.unused
        places = np.array([self.place[one.choice[0]] for one in judged])
        levels = np.array([one.estimate for one in judged])
        levels = np.clip(levels, levels.max() - WORST, None)
        alike = np.exp(-((self.apart[np.ix_(free, places)] / REACH) ** 2))
        expected = (alike @ levels + 0.1 * levels.mean()) / (alike.sum(axis=1) + 0.1)
        begun = np.flatnonzero(self._used)
        unlike = np.log1p(self.apart[np.ix_(free, begun)].min(axis=1))
        cost = np.log2(self.seconds[free] / np.median(self.seconds))
        return int(free[(expected + unlike - self.thrift * cost).argmax()])


class PredictedPerSecond(Predicted):
    """The same, which minds the cost."""

    thrift = 0.3


class WithOtherSeeds:
    """As a search does, but every second fit after the known networks is another seed of the best of these.

    Args:
        offer: of the table.
    """

    def __init__(self, offer: Offer) -> None:
        self._genomes = sampled("pilot")(offer)
        self._seeds = other_seeds(offer)

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The next one of either."""
        there = {one.choice for one in tried}
        if len(tried) >= KNOWN_FIRST and len(tried) % 2:
            while (choice := self._seeds.next(tried)) in there:
                pass
            if choice is not None:
                return choice
        return self._genomes.next(tried)


def _sketch(one: Tried) -> NDArray[np.float64]:
    sketch = one.contestant.sketch
    assert sketch is not None, "one that can be judged has a sketch"
    return sketch.astype(np.float64)


@lru_cache(maxsize=2)
def _apart(table: Table) -> NDArray[np.float64]:
    """Distances of all genomes of the pool, ``(n, n)``."""
    pool, near = pool_of(table)
    return np.stack([near.distances(one.genome.flat) for one in pool])
