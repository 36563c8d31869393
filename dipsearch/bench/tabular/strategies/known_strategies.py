"""The strategies without a sampler: known networks, other seeds, and chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ....library import presets_for, starters_for
from ..recorded.table_genomes import BEST_KNOWN, DIP_DEFAULT
from .strategy import Choice, Maker, Offer, Strategy, Tried

KNOWN_FIRST = 4
"""Known networks before anything else is tried: those with a pilot, as in a search of minutes."""

PILOTS_ALONE = ("denoise", "inpaint")
"""Tasks of which a search with time for the others, too, tries known networks with a pilot alone."""


@dataclass
class InOrder:
    """Fits in a fixed order."""

    choices: Iterator[Choice]

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The next one."""
        del tried
        return next(self.choices, None)


def once(name: str) -> Maker:
    """One fit of a network by its name; nothing where the table does not have it."""
    return lambda offer: InOrder(iter(_shuffled(_of_name(offer, name), offer.seed)[:1]))


best_known_once, dip_default = once(BEST_KNOWN), once(DIP_DEFAULT)


def other_seeds(offer: Offer) -> Strategy:
    """The best known network again and again with other seeds, as many as were recorded."""
    return InOrder(iter(_shuffled(_of_name(offer, BEST_KNOWN), offer.seed)))


def known_networks(offer: Offer) -> Strategy:
    """All known networks in their order, and then other seeds of the best one."""
    first = known_choices(offer)
    others = [choice for choice in _of_name(offer, BEST_KNOWN) if choice not in first]
    return InOrder(iter([*first, *_shuffled(others, offer.seed)]))


def random_genomes(offer: Offer) -> Strategy:
    """The random genomes of the table in a random order."""
    return InOrder(iter(_shuffled(_random(offer), offer.seed)))


def random_after_known(offer: Offer) -> Strategy:
    """A few known networks, and then the random ones in the order of the seed."""
    return InOrder(iter([*known_choices(offer)[:KNOWN_FIRST], *_shuffled(_random(offer), offer.seed)]))


def known_choices(offer: Offer) -> list[Choice]:
    """A fit of every network that is known for the task, in the table's order; not of Deep Image Prior's default."""
    names = {name for name, _ in (*starters_for(offer.task), *presets_for(offer.task))} - {DIP_DEFAULT}
    return [
        (one.digest, 0) for one in offer.table.genomes if one.genome.kind == "known" and one.name in names
    ]


def shipped_choices(offer: Offer) -> list[Choice]:
    """A fit of every network that a search of 12 minutes begins with, in its order; see ``run.known_networks``."""
    there = {one.digest for one in offer.table.genomes}
    return [
        (genome.digest, 0)
        for _, genome in starters_for(offer.task)
        if genome.digest in there and (genome.needs_pilot or offer.task not in PILOTS_ALONE)
    ]


def _random(offer: Offer) -> list[Choice]:
    return [(one.digest, 0) for one in offer.table.genomes if one.genome.kind == "random"]


def _of_name(offer: Offer, name: str) -> list[Choice]:
    digests = [one.digest for one in offer.table.genomes if one.name == name]
    return [choice for choice in offer.choices if choice[0] in digests]


def _shuffled(choices: Sequence[Choice], seed: int) -> list[Choice]:
    return [choices[k] for k in np.random.default_rng(seed).permutation(len(choices))]
