"""Where a genome's values come from: the parts that a search space is made of.

A space has one parameter for every value of a genome ("upsampling", "channels_down_2"). A parameter says when it
exists and which source fills it: a fixed value, a gene, a width that grows from scale to scale, or a column
of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .gene import Gene
from .gene_rules import Scalar


@dataclass(frozen=True)
class Fixed:
    """The same value for every genome of the space."""

    constant: Scalar
    genes: tuple[Gene, ...] = ()

    def value(self, chosen: Mapping[str, Scalar]) -> Scalar | None:
        return self.constant

    def values(self) -> tuple[Scalar, ...]:
        """All that it may be."""
        return (self.constant,)


@dataclass(frozen=True)
class Direct:
    """The value of one gene. Several parameters may share it."""

    gene: Gene

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.gene,)

    def value(self, chosen: Mapping[str, Scalar]) -> Scalar | None:
        return chosen[self.gene.name]

    def values(self) -> tuple[Scalar, ...]:
        """All that it may be; of a float range both ends."""
        return (self.gene.low, self.gene.high) if self.gene.kind == "float" else self.gene.values()


@dataclass(frozen=True)
class Growing:
    """first · growth^index, rounded, at least lowest, at most limit: a whole profile of widths from one to three genes.

    A branch that every scale has keeps one channel where a growth below 1 would leave none.
    """

    first: Fixed | Direct
    growth: Fixed | Direct
    limit: Fixed | Direct
    index: int
    lowest: int = field(default=0, repr=False)  # the digest of a space is of what its file says

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (*self.first.genes, *self.growth.genes, *self.limit.genes)

    def value(self, chosen: Mapping[str, Scalar]) -> Scalar | None:
        first, growth, limit = (
            float(part.value(chosen) or 0) for part in (self.first, self.growth, self.limit)
        )
        return self._width(first, growth, limit)

    def values(self) -> tuple[Scalar, ...]:
        """All that it may be, ascending."""
        firsts, growths, limits = (
            [float(value) for value in part.values()] for part in (self.first, self.growth, self.limit)
        )
        top = max(limits)
        grown = {self._width(first, growth, top) for first in firsts for growth in growths}
        return tuple(sorted(grown | {int(limit) for limit in limits if limit < max(grown)}))

    def _width(self, first: float, growth: float, limit: float) -> int:
        return int(min(limit, max(self.lowest, round(first * growth**self.index))))


@dataclass(frozen=True)
class Column:
    """One value per point of a list of genomes; the gene chooses the point."""

    gene: Gene
    points: tuple[tuple[Scalar, Scalar | None], ...]

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.gene,)

    def value(self, chosen: Mapping[str, Scalar]) -> Scalar | None:
        return dict(self.points)[chosen[self.gene.name]]


Source = Fixed | Direct | Growing | Column
"""Fills a parameter from the values of its `genes`, which have to be chosen first; None = it does not exist."""


@dataclass(frozen=True)
class Requirement:
    """A condition on another parameter's value; a parameter that does not exist fulfils none.

    Attributes:
        parameter: whose value is looked at.
        among: allowed values; empty = any.
        above, below: exclusive bounds of a number.
    """

    parameter: str
    among: tuple[Scalar, ...] = ()
    above: float | None = None
    below: float | None = None

    def holds(self, value: Scalar | None) -> bool:
        if value is None or (self.among and value not in self.among):
            return False
        if self.above is None and self.below is None:
            return True
        if isinstance(value, str):
            return False
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)


@dataclass(frozen=True)
class Parameter:
    """One value of the genome.

    Attributes:
        name: as in `Genome.to_flat`.
        source: what fills it.
        exists: the genome has this value only if all of these hold (depth, skip branch, kind of input).
        when: the source fills it only if all of these hold …
        otherwise: … and this value does if one does not.
    """

    name: str
    source: Source
    exists: tuple[Requirement, ...] = ()
    when: tuple[Requirement, ...] = ()
    otherwise: Scalar | None = None

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return self.exists + self.when
