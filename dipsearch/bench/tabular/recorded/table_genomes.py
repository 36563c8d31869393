"""The genomes of the tabular benchmark, and in which order they are recorded.

Known networks come first, then random ones of the space ``skip`` and mutants of the best known networks in turns, so
that a table that is not finished is a smaller complete one. A fifth of the genomes have a second seed, the best known
one has many: it is what a search has to beat.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ....errors import InputError
from ....library import preset, presets_for, starters_for
from ....network import Genome, SearchSpace, cost
from ....proposal.distributions import Conditional, Flat
from ....proposal.mutation import mutate

BEST_KNOWN = "dipsearch_pilot_32"
"""The network that a search tries first, for all tasks; times are counted in fits of it."""

DIP_DEFAULT = "dip_2018_denoise"
"""Five scales of 128 channels, skip 4, learning rate 0.01, an average of outputs: for all three tasks. The authors' own
settings for missing pixels take 11,000 iterations, which nobody's table could afford."""

FOUND_HERE = "dipsearch_pilot_bilinear_32x4"
"""A preset that was found on the table: it is among its mutants, under another name."""

PARENTS = (BEST_KNOWN, "dipsearch_pilot_16", "dipsearch_pilot_bilinear_32", "dipsearch_nearest_32")
"""Of the mutants: the first three that a search tries, and the best of those without a pilot that is as cheap."""

DEAREST = 1.5
"""The most multiply-adds and kept activations of other networks, in those of the best known one: a search's gate."""

DEAREST_KNOWN = 2.5
"""The most multiply-adds of a known network in those of the best known one; the wider ones take minutes for a fit."""

SEEDS_OF_BEST, SECOND_SEEDS = 24, 5
"""Seeds of the best known network, twice as many as an ensemble has members; one genome of so many has a second seed.
With 12 of them the strategy of other seeds had nothing left to fit after four minutes."""

FIRST_SEEDS = 12
"""Seeds of the best known network that are recorded before other genomes: so many members has an ensemble."""

MOST_MUTATIONS = 3
"""Genes of a mutant that differ from its parent's, at the most."""

COSTED = (1, 3, 64, 64)
"""Shape of the picture that costs are compared on."""

DIP_PLACE = 12
"""So many others come before the default network of Deep Image Prior, which takes as long as they all do."""

Kind = Literal["known", "random", "mutant"]


@dataclass(frozen=True, eq=False)
class TableGenome:
    """A genome with its name.

    Args:
        name: a preset's, or where it comes from and a number.
        kind: where it comes from.
        genome: itself.
        flat: its genes in the space ``skip``; of a known one those of the nearest genome there.
    """

    name: str
    kind: Kind
    genome: Genome
    flat: Flat


@dataclass(frozen=True)
class Block:
    """A genome with a seed, which is recorded on all pictures and tasks before the next one."""

    genome: str
    seed: int


def multiply_adds(genome: Genome) -> float:
    """Of an iteration, in those of the best known network."""
    usual = cost(preset(BEST_KNOWN), image_shape=COSTED).multiply_adds
    return cost(genome, image_shape=COSTED).multiply_adds / usual


def is_affordable(genome: Genome) -> bool:
    """Whether a search of minutes would start it, by its multiply-adds and the activations that it keeps."""
    usual = cost(preset(BEST_KNOWN), image_shape=COSTED)
    asked = cost(genome, image_shape=COSTED)
    return (
        asked.multiply_adds <= DEAREST * usual.multiply_adds
        and asked.saved_bytes <= DEAREST * usual.saved_bytes
    )


def table_genomes(count: int, *, space: SearchSpace) -> list[TableGenome]:
    """The first so many genomes, known ones first; more of them begin with the same ones.

    Raises:
        InputError: there are fewer than the known ones.
    """
    if count < 1:
        raise InputError(
            f"there are to be {count} genomes", "a table has at least one", "give for example 150"
        )
    found = [TableGenome(name, "known", genome, space.nearest(genome)) for name, genome in known_networks()]
    digests = {one.genome.digest for one in found}
    generator, rounds = np.random.default_rng(0), itertools.count()
    while len(found) < count:
        for kind, flat in _round(space, next(rounds), digests, generator):
            genome = space.genome(flat)
            digests.add(genome.digest)
            place = sum(one.kind == kind for one in found)
            found.append(TableGenome(f"{kind}-{place:03}", kind, genome, flat))
    return found[:count]


def known_networks() -> list[tuple[str, Genome]]:
    """Names and genomes of the known networks that fit a table, the best first; the default one of DIP is the last."""
    named = dict(starters_for("denoise"))
    for task in ("denoise", "inpaint", "sr"):
        named |= {name: genome for name, genome in presets_for(task) if name not in named}
    fitting = [
        (name, genome)
        for name, genome in named.items()
        if multiply_adds(genome) <= DEAREST_KNOWN and name not in (DIP_DEFAULT, FOUND_HERE)
    ]
    return [*fitting, (DIP_DEFAULT, named[DIP_DEFAULT])]


def blocks_of(genomes: Sequence[TableGenome]) -> list[Block]:
    """All genomes with their seeds, in the order in which they are recorded."""
    known = [one.name for one in genomes if one.kind == "known" and one.name != DIP_DEFAULT]
    others = [one.name for one in genomes if one.kind != "known"]
    if len(known) + len(others) < len(genomes):
        others.insert(min(DIP_PLACE, len(others)), DIP_DEFAULT)
    return [
        *(Block(name, 0) for name in known),
        *(Block(BEST_KNOWN, seed) for seed in range(1, FIRST_SEEDS)),
        *(Block(name, 0) for name in others),
        *(Block(name, 1) for name in others[::SECOND_SEEDS]),
        *(Block(BEST_KNOWN, seed) for seed in range(FIRST_SEEDS, SEEDS_OF_BEST)),
        # The best known one has its seeds; these come last, since tables were recorded without them.
        *(Block(name, 1) for name in known[1::SECOND_SEEDS]),
    ]


def _round(
    space: SearchSpace, number: int, digests: Container[str], generator: np.random.Generator
) -> Iterator[tuple[Kind, Flat]]:
    """Two random genomes, with a pilot and without, and a mutant; each new and affordable."""

    def first_usable(draw: Callable[[], Flat]) -> Flat:
        while True:
            flat = draw()
            genome = space.genome(flat)
            if genome.digest not in digests and is_affordable(genome):
                return flat

    parent = preset(PARENTS[number % len(PARENTS)])
    yield "random", first_usable(lambda: space.repair({"input_kind": "pilot"}, generator))
    yield "random", first_usable(lambda: space.repair({"input_kind": _plain_input(generator)}, generator))
    yield "mutant", first_usable(lambda: _mutant(parent, space, generator))


def _plain_input(generator: np.random.Generator) -> str:
    return ("uniform", "uniform", "fourier", "meshgrid")[int(generator.integers(4))]


def _mutant(parent: Genome, space: SearchSpace, generator: np.random.Generator) -> Flat:
    flat = dict(space.nearest(parent))
    seen = Conditional(space)
    names = [name for name in seen.active(flat) if not seen.distributions[name].single()]
    for name in generator.choice(names, size=int(generator.integers(1, MOST_MUTATIONS + 1)), replace=False):
        flat[str(name)] = mutate(flat[str(name)], seen.distributions[str(name)], generator=generator)
    return space.repair(flat, generator)
