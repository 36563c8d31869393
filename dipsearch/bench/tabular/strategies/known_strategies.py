"""The strategies without a sampler: known networks, other seeds, and chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..recorded.table_genomes import BEST_KNOWN, DIP_DEFAULT
from .strategy import Choice, Offer, Strategy, Tried

KNOWN_FIRST = 4
"""Known networks before anything else is tried: those with a pilot, as in a search of minutes."""


@dataclass
class InOrder:
    """Fits in a fixed order."""

    choices: Iterator[Choice]

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The next one."""
        del tried
        return next(self.choices, None)


def best_known_once(offer: Offer) -> Strategy:
    """One fit of the best known network."""
    return InOrder(iter(_shuffled(_of_name(offer, BEST_KNOWN), offer.seed)[:1]))


def other_seeds(offer: Offer) -> Strategy:
    """The best known network again and again with other seeds, as many as were recorded."""
    return InOrder(iter(_shuffled(_of_name(offer, BEST_KNOWN), offer.seed)))


def known_networks(offer: Offer) -> Strategy:
    """All known networks in their order, and then other seeds of the best one."""
    first = known_choices(offer)
    others = [choice for choice in _of_name(offer, BEST_KNOWN) if choice not in first]
    return InOrder(iter([*first, *_shuffled(others, offer.seed)]))


def dip_default(offer: Offer) -> Strategy:
    """One fit of Deep Image Prior's default network; nothing where the table does not have it."""
    return InOrder(iter(_of_name(offer, DIP_DEFAULT)[:1]))


def random_genomes(offer: Offer) -> Strategy:
    """The random genomes of the table in a random order."""
    return InOrder(iter(_shuffled(_random(offer), offer.seed)))


def random_after_known(offer: Offer) -> Strategy:
    """A few known networks, and then the random ones in the order of the seed."""
    return InOrder(iter([*known_choices(offer)[:KNOWN_FIRST], *_shuffled(_random(offer), offer.seed)]))


def known_choices(offer: Offer) -> list[Choice]:
    """A fit of every known network in their order, but not of the default one of Deep Image Prior."""
    return [
        (one.digest, 0)
        for one in offer.table.genomes
        if one.genome.kind == "known" and one.name != DIP_DEFAULT
    ]


def _random(offer: Offer) -> list[Choice]:
    return [(one.digest, 0) for one in offer.table.genomes if one.genome.kind == "random"]


def _of_name(offer: Offer, name: str) -> list[Choice]:
    digests = [one.digest for one in offer.table.genomes if one.name == name]
    return [choice for choice in offer.choices if choice[0] in digests]


def _shuffled(choices: Sequence[Choice], seed: int) -> list[Choice]:
    return [choices[k] for k in np.random.default_rng(seed).permutation(len(choices))]
