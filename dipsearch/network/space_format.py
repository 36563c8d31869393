"""Reads the content of a search-space file (`dipsearch/space/1`) into parameters; `search_spaces/README.md` is
its guide.

Reading is strict: an unknown key, an empty range or a condition on a gene that does not exist is a
`FormatError` that names the file, the key, the rule and the fix. A gene that the file does not mention
keeps its published default.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dipsearch.yaml_files import shorten

from .gene import Gene
from .gene_reader import GeneReader
from .gene_rules import Scalar
from .genome import GLOBAL_GENES, SCALE_GENES, Genome, Scale, read_genome
from .parameter_map import Column, Direct, Fixed, Parameter, Requirement
from .space_document import SpaceDocument

FORMAT = "dipsearch/space/1"

PILOT_SCALE = 1.0
"""The scale of a pilot where a space does not mention it; a genome without a pilot has none."""


def read_parameters(content: Mapping[str, Any], *, source: str) -> tuple[str, tuple[Parameter, ...], bool]:
    """Return the description, the parameters in dependency order, and whether candidates have seeds of their own.

    Raises:
        FormatError: `content` breaks a rule of the format; `source` names the file in the message.
    """
    file = SpaceDocument(source)
    file.keys(content, "", required=("format",), optional=("description", "seeds", "genes", "points"))
    if content["format"] != FORMAT:
        file.refuse(
            f"`format` is {shorten(content['format'])}", f"this dipsearch reads {FORMAT}", "correct it"
        )
    if ("genes" in content) == ("points" in content):
        file.refuse(
            "`genes` and `points`", "exactly one of the two says what the space holds", "keep one of them"
        )
    description = content.get("description", "")
    if not isinstance(description, str):
        file.refuse(f"`description` is {shorten(description)}", "it is text", "put it in quotes")
    seeds = content.get("seeds", "common")
    if seeds not in ("common", "own"):
        file.refuse(f"`seeds` is {shorten(seeds)}", "it is common or own", "write one of them, or remove it")
    if "points" in content:
        parameters = _parameters_of_points(file, content["points"])
    else:
        parameters = _parameters_of_genes(file, content["genes"])
    return description, parameters, seeds == "own"


def _parameters_of_points(file: SpaceDocument, content: object) -> tuple[Parameter, ...]:
    genomes = {
        name: read_genome(nested, source=f"{file.source}: `points.{name}`")
        for name, nested in file.mapping(content, "points").items()
    }
    gene = Gene("point", "choice", tuple(genomes))
    flats = {name: genome.to_flat() for name, genome in genomes.items()}
    names = dict.fromkeys(name for flat in flats.values() for name in flat)
    return tuple(
        Parameter(name, Column(gene, tuple((point, flat.get(name)) for point, flat in flats.items())))
        for name in names
    )


def _parameters_of_genes(file: SpaceDocument, content: object) -> tuple[Parameter, ...]:
    declared = file.mapping(content, "genes")
    file.keys(declared, "genes", required=(), optional=("depth", *GLOBAL_GENES, *SCALE_GENES))
    defaults = _defaults()
    specs = {name: declared.get(name, default) for name, default in defaults.items()}
    reader = GeneReader(file, specs, defaults)
    parameters = {"depth": reader.parameter("depth", specs["depth"])}
    source = parameters["depth"].source
    assert isinstance(source, Fixed | Direct)
    depths = [int(depth) for depth in source.values()]
    if parameters["depth"].when:
        file.refuse("`genes.depth.when`", "the depth does not depend on other genes", "remove the condition")
    reader.max_depth = max(depths)
    for name in GLOBAL_GENES:
        parameters[name] = reader.parameter(name, specs[name])
    if not reader.has_pilots:
        del parameters["pilot_scale"]
    for index in range(max(depths)):
        deep = (Requirement("depth", above=index),) if index >= min(depths) else ()
        for name in SCALE_GENES:
            parameter = reader.parameter(name, specs[name], index=index)
            parameters[parameter.name] = replace(parameter, exists=deep + parameter.exists)
    _refuse_idle(file, parameters)
    return _simplify(_in_dependency_order(file, parameters))


def _defaults() -> dict[str, Any]:
    genome = Genome()
    defaults: dict[str, Any] = {"depth": genome.depth}
    defaults |= {name: getattr(genome, name) for name in GLOBAL_GENES} | {"pilot_scale": PILOT_SCALE}
    return defaults | dataclasses.asdict(Scale())


def _refuse_idle(file: SpaceDocument, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a condition that holds for no genome; of a gene that every scale has, one scale is enough."""
    held: dict[str, bool] = {}
    for parameter in parameters.values():
        for need in parameter.when:
            gene, other = (re.sub(r"_\d$", "", name) for name in (parameter.name, need.parameter))
            key = f"genes.{gene}.when.{other}"
            held[key] = held.get(key, False) or _can_hold(need, parameters.get(need.parameter))
    for key, holds in held.items():
        if not holds:
            file.refuse(
                f"`{key}` never holds",
                "a condition holds for some network of the space",
                "correct it, or write what `otherwise` has as the gene's value",
            )


def _can_hold(need: Requirement, parameter: Parameter | None) -> bool:
    if parameter is None:
        return False
    source = parameter.source
    assert not isinstance(source, Column)
    values = [*source.values(), parameter.otherwise]
    if isinstance(source, Direct) and source.gene.kind == "float":
        low = source.gene.low if need.above is None else max(source.gene.low, need.above)
        high = source.gene.high if need.below is None else min(source.gene.high, need.below)
        tried = (*need.among, (low + high) / 2)
        values += [value for value in tried if source.gene.contains(value)]
    return any(need.holds(value) for value in values)


def _in_dependency_order(file: SpaceDocument, parameters: Mapping[str, Parameter]) -> list[Parameter]:
    done: dict[str, Parameter] = {}
    under_way: list[str] = []

    def visit(name: str) -> None:
        if name in done or name not in parameters:
            return
        if name in under_way:
            circle = " -> ".join([*under_way[under_way.index(name) :], name])
            file.refuse(f"the conditions {circle}", "conditions cannot run in a circle", "remove one of them")
        under_way.append(name)
        for need in parameters[name].requirements:
            visit(need.parameter)
        under_way.pop()
        done[name] = parameters[name]

    for name in parameters:
        visit(name)
    return list(done.values())


def _simplify(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Decide the conditions on fixed values now, so that only genes that can be met remain."""
    constants: dict[str, Scalar | None] = {}
    kept: list[Parameter] = []
    for parameter in parameters:
        exists, possible = _undecided(parameter.exists, constants)
        if not possible:
            constants[parameter.name] = None
            continue
        when, active = _undecided(parameter.when, constants)
        source = parameter.source if active or parameter.otherwise is None else Fixed(parameter.otherwise)
        parameter = replace(
            parameter,
            source=source,
            exists=exists,
            when=when if active else (),
            otherwise=parameter.otherwise if active and when else None,
        )
        if isinstance(parameter.source, Fixed) and not parameter.requirements:
            constants[parameter.name] = parameter.source.constant
        kept.append(parameter)
    return tuple(kept)


def _undecided(
    needs: tuple[Requirement, ...], constants: Mapping[str, Scalar | None]
) -> tuple[tuple[Requirement, ...], bool]:
    """The requirements that depend on genes, and whether those on fixed values hold."""
    left = tuple(need for need in needs if need.parameter not in constants)
    return left, all(need.holds(constants[need.parameter]) for need in needs if need.parameter in constants)
