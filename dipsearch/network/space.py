"""The search space: which genomes a search may try, how they are drawn, and how they are written as flat
genes.

A space is read from a YAML file (`load_space`; the format is described in `search_spaces/README.md`).
Samplers see its genes and flat dictionaries {gene name: value}; `genome` and `flat` translate. Two spaces
with the same content have the same digest, whatever their files are called.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dipsearch.errors import InputError
from dipsearch.shipped import shipped
from dipsearch.yaml_files import read_yaml, shorten, suggestion

from .gene import Gene, distance
from .gene_rules import Scalar
from .genome import Genome
from .parameter_map import Direct, Parameter
from .space_format import read_parameters

Flat = dict[str, Scalar]

MOST_COMBINATIONS, GRID = 1000, 16
"""Up to so many combinations of a growing width's genes all are compared (the shipped spaces have 24 and 30), and
of more only so many values of each gene, those nearest to the wanted widths, and what is between. With two of the genes
from 1 to 1024 that takes 0.03 s instead of a minute, and 198 of 200 genomes drawn there are recovered exactly."""


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """A set of genomes with a distribution over it.

    Attributes:
        name: of the space, for people.
        description: one or two sentences, for people.
        parameters: one per value of a genome, in dependency order.
        own_seeds: every candidate begins with weights and an input of its own; otherwise all have the study's seed, so
            that what differs is the network.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    own_seeds: bool = False

    @cached_property
    def digest(self) -> str:
        """12 hex digits over the content (genes, ranges, conditions, seeds), not over names and comments."""
        content = repr((self.parameters, self.own_seeds))
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def genes(self) -> tuple[Gene, ...]:
        """All genes, each after those that its condition depends on."""
        return self._genes

    @cached_property
    def _genes(self) -> tuple[Gene, ...]:
        genes = (gene for parameter in self.parameters for gene in parameter.source.genes)
        return tuple({gene.name: gene for gene in genes}.values())

    def active(self, flat: Mapping[str, Scalar]) -> tuple[str, ...]:
        """The genes that exist given the values in `flat`.

        A gene whose condition depends on one that `flat` lacks is not listed yet; asking again after each
        gene of `genes()` in turn therefore meets every active gene. Inactive and unknown names in `flat`
        are ignored.
        """
        met: dict[str, None] = {}

        def note(gene: Gene) -> Scalar | None:
            met[gene.name] = None
            return flat.get(gene.name)

        self._values(note)
        return tuple(met)

    def sample(self, generator: np.random.Generator) -> Flat:
        """Draw active genes, each from its declared distribution."""
        return self.repair({}, generator)

    def repair(self, flat: Mapping[str, Scalar], generator: np.random.Generator) -> Flat:
        """Drop the genes that are not active; draw those that are missing or whose value is not allowed."""

        def keep_or_draw(gene: Gene) -> Scalar:
            value = flat.get(gene.name)
            usable = value is not None and gene.contains(value)
            return value if usable and value is not None else gene.draw(generator)

        return self.chosen(keep_or_draw)

    def chosen(self, choose: Callable[[Gene], Scalar]) -> Flat:
        """The active genes with the values that ``choose`` gives them; each is asked for once, after its conditions."""
        flat: Flat = {}

        def once(gene: Gene) -> Scalar:
            if gene.name not in flat:
                flat[gene.name] = choose(gene)
            return flat[gene.name]

        self._values(once)
        return flat

    def contains(self, flat: Mapping[str, Scalar]) -> bool:
        """Whether `flat` holds exactly the active genes, each with an allowed value."""
        return self._problem(flat) is None

    def genome(self, flat: Mapping[str, Scalar]) -> Genome:
        """The genome that these genes stand for.

        Raises:
            InputError: `flat` is not in the space; the message names the gene.
        """
        if (problem := self._problem(flat)) is not None:
            raise problem
        return Genome.from_flat(self._values(lambda gene: flat.get(gene.name)))

    def flat(self, genome: Genome) -> Flat:
        """The genes that stand for `genome`; the inverse of `genome`.

        Raises:
            InputError: the space does not hold this genome; the message names the value.
        """
        flat = self.nearest(genome)
        closest, wanted = self.genome(flat).to_flat(), genome.to_flat()
        for name in [*wanted, *closest]:
            if closest.get(name) != wanted.get(name):
                raise InputError(
                    f"`{name}` of the genome {genome.digest} is {shorten(wanted.get(name))}",
                    f"the space {self.name} has {shorten(closest.get(name))} as its nearest value",
                    "use another space, or widen this one",
                )
        return flat

    def nearest(self, genome: Genome) -> Flat:
        """The genes of the closest genome of this space: every value moved to the nearest that is allowed.

        This is how published networks enter a space that fixes, say, the averaging: the rest of them stays.
        """
        wanted = genome.to_flat()
        chosen: Flat = {}
        groups: dict[tuple[str, ...], list[Parameter]] = {}
        for parameter in self.parameters:
            if parameter.name in wanted and parameter.source.genes:
                groups.setdefault(tuple(gene.name for gene in parameter.source.genes), []).append(parameter)
        for parameters in groups.values():
            # Where a condition does not hold, the value is the parameter's `otherwise`, and says nothing of its genes.
            parameters = [one for one in parameters if _holds(one, wanted)] or parameters
            source = parameters[0].source
            if isinstance(source, Direct):
                chosen[source.gene.name] = source.gene.nearest(wanted[parameters[0].name])
            else:
                chosen |= _closest_combination(source.genes, parameters, wanted)
        # What the genome lacks and the space wants (a scale below its last one) is drawn from a fixed seed.
        return self.repair(chosen, np.random.default_rng(0))

    def _problem(self, flat: Mapping[str, Scalar]) -> InputError | None:
        active = self.active(flat)
        for name in flat:
            if name not in active:
                fix = suggestion(name, [gene.name for gene in self._genes if gene.name not in flat])
                return InputError(
                    f"the gene `{name}`",
                    f"it is not active here in the space {self.name}",
                    fix or "leave it out",
                )
        for gene in self._genes:
            if gene.name in active and not gene.contains(flat.get(gene.name)):
                given = "is missing" if gene.name not in flat else f"is {shorten(flat[gene.name])}"
                return InputError(
                    f"the gene `{gene.name}` {given}",
                    f"the space {self.name} allows {describe(gene)}",
                    "choose such a value",
                )
        return None

    def _values(self, choose: Callable[[Gene], Scalar | None]) -> Flat:
        """Fill the parameters one after the other; `choose` gives a gene's value, or None if it is not known."""
        values: Flat = {}
        unknown: set[str] = set()
        for parameter in self.parameters:
            if any(need.parameter in unknown for need in parameter.requirements):
                unknown.add(parameter.name)
                continue
            if not all(need.holds(values.get(need.parameter)) for need in parameter.exists):
                continue
            value = parameter.otherwise
            if all(need.holds(values.get(need.parameter)) for need in parameter.when):
                chosen = {gene.name: choose(gene) for gene in parameter.source.genes}
                given = {name: choice for name, choice in chosen.items() if choice is not None}
                if len(given) < len(chosen):
                    unknown.add(parameter.name)
                    continue
                value = parameter.source.value(given)
            if value is not None:
                values[parameter.name] = value
        return values


def load_space(source: str | Path) -> SearchSpace:
    """Load a search space: one that comes with dipsearch by its name ("skip"), or a YAML file by its path.

    Raises:
        FormatError: the file cannot be read or breaks a rule; the message names file, key, rule and fix.
        InputError: there is no space of this name.
    """
    path = space_file(source)
    return SearchSpace(path.stem, *read_parameters(read_yaml(path), source=str(path)))


def space_file(source: str | Path) -> Path:
    """The file of a search space, given by its name or its path.

    Raises:
        InputError: there is no space of this name.
    """
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        names = sorted(file.stem for file in shipped("search_spaces").glob("*.yaml"))
        if str(source) not in names:
            raise InputError(
                f"there is no search space {shorten(str(source))}",
                f"those that come with dipsearch are {', '.join(names)}, others are .yaml files",
                suggestion(str(source), names) or "choose one of these, or give the path of the file",
            )
        return shipped("search_spaces") / f"{source}.yaml"
    return path


def describe(gene: Gene) -> str:
    """The allowed values of a gene in words."""
    if gene.kind == "choice":
        return ", ".join(
            str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in gene.choices
        )
    step = f" in steps of {gene.step}" if gene.kind == "int" and gene.step != 1 else ""
    return f"{gene.low:g} to {gene.high:g}{step}{' (logarithmic)' if gene.log else ''}"


def _holds(parameter: Parameter, values: Mapping[str, Scalar]) -> bool:
    return all(need.holds(values.get(need.parameter)) for need in parameter.when)


def _closest_combination(
    genes: tuple[Gene, ...], parameters: list[Parameter], wanted: Mapping[str, Scalar]
) -> Flat:
    """The values of a growing width's genes whose widths are nearest to those wanted."""
    names = [gene.name for gene in genes]
    values = [gene.values() for gene in genes]

    def mismatch(values: tuple[Scalar, ...]) -> float:
        chosen = dict(zip(names, values, strict=True))
        return sum(
            distance(parameter.source.value(chosen), wanted[parameter.name]) for parameter in parameters
        )

    if math.prod(map(len, values)) <= MOST_COMBINATIONS:
        closest = min(itertools.product(*values), key=mismatch)
        return dict(zip(names, closest, strict=True))
    near = [_grid(gene, {wanted[parameter.name] for parameter in parameters}) for gene in genes]
    best = min(itertools.product(*near), key=mismatch)
    for index, grid in enumerate(near):  # between the points of the grid, one gene after the other
        at = grid.index(best[index])
        low, high = grid[max(0, at - 1)], grid[min(at + 1, len(grid) - 1)]
        between = [value for value in values[index] if low <= value <= high]  # type: ignore[operator]
        best = min(((*best[:index], value, *best[index + 1 :]) for value in between), key=mismatch)
    return dict(zip(names, best, strict=True))


def _grid(gene: Gene, widths: set[Scalar]) -> tuple[Scalar, ...]:
    """Some values of a gene, ascending: both ends, others at growing distances, and the nearest to the widths."""
    values = gene.values()
    spread = {values[round(place) - 1] for place in np.geomspace(1, len(values), GRID)}
    return tuple(sorted(spread | {gene.nearest(width) for width in widths}))
