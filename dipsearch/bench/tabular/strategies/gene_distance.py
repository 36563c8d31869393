"""How far genomes are apart, gene by gene: a finite table has a nearest genome to every other one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ....network import SearchSpace
from ....network.gene import Gene
from ....network.gene_rules import Scalar


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
