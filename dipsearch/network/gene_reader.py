"""Reads what a search-space file says about one gene: a value, or values to choose from, perhaps on a
condition.

`space_format` reads the file as a whole and asks here gene by gene.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dipsearch.yaml_files import shorten, suggestion

from .gene import Gene
from .gene_rules import Scalar, is_whole
from .genome import GLOBAL_GENES, SCALE_GENES
from .parameter_map import Column, Direct, Fixed, Growing, Parameter, Requirement, Source
from .space_document import SpaceDocument

_FORMS = ("choice", "int", "float", "same_as", "first")
_EXTRAS = {
    "choice": (),
    "int": ("step", "log"),
    "float": ("log",),
    "same_as": (),
    "first": ("growth", "limit"),
}
_WITH_CHANNELS = ("uniform", "gaussian", "fourier", "pilot")
"""Kinds of input that have channels and a scale."""


@dataclass
class GeneReader:
    """Turns what the file says about one gene into parameters."""

    file: SpaceDocument
    specs: Mapping[str, Any]
    defaults: Mapping[str, Any]
    max_depth: int = 0

    def parameter(self, name: str, spec: Any, *, index: int | None = None) -> Parameter:
        """The parameter of a gene; `index` is the scale of a per-scale gene."""
        key = f"genes.{name}"
        full = name if index is None else f"{name}_{index}"
        exists = self._structure(name, index)
        if isinstance(spec, list):
            spec, key = self._of_scale(spec, key, index), f"{key}[{index}]"
        if not isinstance(spec, Mapping):
            return Parameter(full, Fixed(self.file.check(name, spec, key)), exists)
        form = self._form(spec, key, per_scale=index is not None)
        source = self._source(name, form, spec, key, index=index)
        when, otherwise = self._condition(name, spec, key, index=index)
        return Parameter(full, source, exists, when, otherwise)

    @property
    def has_pilots(self) -> bool:
        """Whether a genome of this space may have a pilot in its input."""
        spec = self.specs["input_kind"]
        given = [*spec.get("choice", ()), spec.get("otherwise")] if isinstance(spec, Mapping) else [spec]
        return "pilot" in given

    def _structure(self, name: str, index: int | None) -> tuple[Requirement, ...]:
        """When the gene exists at all."""
        if name == "kernel_skip":
            return (Requirement(f"channels_skip_{index}", above=0),)
        if name in ("input_channels", "input_scale"):
            return (Requirement("input_kind", among=_WITH_CHANNELS),)
        return (Requirement("input_kind", among=("pilot",)),) if name == "pilot_scale" else ()

    def _of_scale(self, specs: list[Any], key: str, index: int | None) -> Any:
        if index is None:
            self.file.refuse(
                f"`{key}` is a list", "only genes that every scale has take one entry per scale",
                "write {choice: [...]} for alternatives",
            )  # fmt: skip
        if len(specs) != self.max_depth:
            self.file.refuse(
                f"`{key}` lists {len(specs)} scales",
                f"the depth of this space goes up to {self.max_depth}",
                f"give {self.max_depth} entries, full resolution first, or write {{choice: [...]}}",
            )
        spec = specs[index]
        for word in ("shared", "first"):
            if isinstance(spec, Mapping) and word in spec:
                self.file.refuse(
                    f"`{key}[{index}].{word}`",
                    "an entry of a list is of one scale",
                    f"write {key}.{word} for all scales",
                )
        return spec

    def _form(self, spec: Mapping[str, Any], key: str, *, per_scale: bool) -> str:
        forms = [form for form in _FORMS if form in spec]
        if len(forms) != 1:
            near = next((suggestion(name, _FORMS) for name in spec if suggestion(name, _FORMS)), "")
            self.file.refuse(
                f"`{key}` has {' and '.join(forms) if forms else shorten(dict(spec))}",
                f"it has exactly one of {', '.join(_FORMS)}",
                near or "see search_spaces/README.md for examples",
            )
        form = forms[0]
        if form in ("same_as", "first") and not per_scale:
            self.file.refuse(
                f"`{key}.{form}`", "only genes that every scale has know it", "use choice, int or float"
            )
        extras = (
            *_EXTRAS[form],
            "when",
            "otherwise",
            *(("shared",) if per_scale and form != "same_as" else ()),
        )
        self.file.keys(spec, key, required=(form,), optional=extras)
        return form

    def _source(
        self, name: str, form: str, spec: Mapping[str, Any], key: str, *, index: int | None
    ) -> Source:
        if form == "same_as":
            return self._same(name, spec["same_as"], key, index)
        if form == "first":
            return self._growing(name, spec, key, index or 0)
        shared = spec.get("shared", False)
        if not isinstance(shared, bool):
            self.file.refuse(
                f"`{key}.shared` is {shorten(shared)}", "it is true or false", "write true or remove it"
            )
        gene = name if index is None or shared else f"{name}_{index}"
        return self._values(name, gene, form, spec, key)

    def _same(self, name: str, other: object, key: str, index: int | None) -> Source:
        rule = f"it names another gene that every scale has: {', '.join(SCALE_GENES)}"
        if other not in SCALE_GENES or other == name:
            self.file.refuse(
                f"`{key}.same_as` is {shorten(other)}",
                rule,
                suggestion(str(other), SCALE_GENES) or "name one of them",
            )
        target = self.specs[str(other)]
        if isinstance(target, list):  # of the same scale; what it says is read, and refused, below
            target = self._of_scale(target, f"genes.{other}", index)
        if isinstance(target, Mapping) and ("same_as" in target or "when" in target):
            self.file.refuse(
                f"`{key}.same_as` is {other}, which has a condition or is itself the same as another gene",
                "it names a gene with values of its own",
                "name that gene, or repeat the values",
            )
        source = self.parameter(str(other), self.specs[str(other)], index=index).source
        assert not isinstance(source, Column)  # only a list of networks has such
        for value in source.values():
            self.file.check(name, value, f"{key}.same_as")
        return source

    def _growing(self, name: str, spec: Mapping[str, Any], key: str, index: int) -> Source:
        if not name.startswith("channels_"):
            self.file.refuse(f"`{key}.first`", "only channels grow from scale to scale", "use choice or int")

        def part(word: str, default: Scalar, rule: str) -> Fixed | Direct:
            value = spec.get(word, default)
            if not isinstance(value, Mapping):
                return Fixed(self._number(rule, value, f"{key}.{word}"))
            form = self._form(value, f"{key}.{word}", per_scale=False)
            if form == "float" or "when" in value:
                self.file.refuse(
                    f"`{key}.{word}` has {'a float range' if form == 'float' else 'a condition'}",
                    "parts of a growing width are numbers, choices or int ranges without conditions",
                    "use {choice: [...]}",
                )
            return self._values(rule, f"{name}_{word}", form, value, f"{key}.{word}")

        first, growth, limit = part("first", 0, name), part("growth", 2, "growth"), part("limit", 128, name)
        firsts, growths, limits = ([float(value) for value in one.values()] for one in (first, growth, limit))
        if min(firsts) > max(limits) and min(growths) >= 1:
            self.file.refuse(
                f"`{key}.first` is {shorten(spec['first'])}, above its limit {max(limits):g}",
                "such a width is its limit at every scale",
                f"give a larger `{key}.limit`, or a smaller first",
            )
        return Growing(first, growth, limit, index, lowest=0 if name == "channels_skip" else 1)

    def _values(self, rule: str, gene: str, form: str, spec: Mapping[str, Any], key: str) -> Fixed | Direct:
        if form == "choice":
            return self._choice(rule, gene, spec["choice"], f"{key}.choice")
        return self._range(rule, gene, form, spec, key)

    def _choice(self, rule: str, gene: str, given: object, key: str) -> Fixed | Direct:
        if not isinstance(given, list) or not given:
            self.file.refuse(
                f"`{key}` is {shorten(given)}", "it lists at least one value", "write [first, second]"
            )
        values = tuple(self._number(rule, value, key) for value in given)
        if len(set(values)) < len(values):
            self.file.refuse(
                f"`{key}` is {shorten(given)}", "each value stands there once", "remove the repetition"
            )
        if len(values) == 1:
            return Fixed(values[0])
        made = Gene(gene, "choice", values)
        return Direct(replace(made, choices=tuple(sorted(values))) if made.ordered else made)

    def _range(self, rule: str, gene: str, form: str, spec: Mapping[str, Any], key: str) -> Fixed | Direct:
        ends, number = spec[form], "whole numbers" if form == "int" else "numbers"
        allowed = int if form == "int" else int | float
        if not isinstance(ends, list) or len(ends) != 2 or not all(_is_number(end, allowed) for end in ends):
            self.file.refuse(
                f"`{key}.{form}` is {shorten(ends)}", f"it holds two {number}", "write [lowest, highest]"
            )
        low, high = (self._number(rule, end, f"{key}.{form}") for end in ends)
        assert not isinstance(low, str) and not isinstance(high, str)
        if rule == "growth":  # any number, of which a range has whole ones only
            low, high = ends
        elif is_whole(rule) is not (form == "int"):
            self.file.refuse(
                f"`{key}.{form}` is {shorten(ends)}",
                f"{rule} is a whole number" if form == "float" else f"{rule} is not a whole number",
                "write int" if form == "float" else "write float",
            )
        step, log = spec.get("step", 1), spec.get("log", False)
        if low > high:
            self.file.refuse(
                f"the range `{key}.{form}` {ends} is empty", "the lowest value comes first", "swap the two"
            )
        if not isinstance(log, bool):
            self.file.refuse(
                f"`{key}.log` is {shorten(log)}", "it is true or false", "write true or remove it"
            )
        if log and low <= 0:
            self.file.refuse(
                f"`{key}.log`", f"a logarithmic range starts above 0, this one at {low}", "raise the start"
            )
        if form == "int" and (
            not _is_number(step, int) or step < 1 or (high - low) % step or (log and step != 1)
        ):
            self.file.refuse(
                f"`{key}.step` is {shorten(step)}",
                f"it is a positive whole number that divides {high} - {low}, and not used with log",
                "change the step or the range",
            )
        if rule.startswith("kernel_"):
            for value in range(int(low), int(high) + 1, step):
                self.file.check(rule, value, f"{key}.{form}")
        if low == high:
            return Fixed(low)
        return Direct(Gene(gene, "int" if form == "int" else "float", (), low, high, step, log))

    def _number(self, rule: str, value: object, key: str) -> Scalar:
        if rule != "growth":
            return self.file.check(rule, value, key)
        if not _is_number(value, int | float) or not 0 < float(value) <= 16:  # type: ignore[arg-type]
            self.file.refuse(
                f"`{key}` is {shorten(value)}", "growth is a number above 0, at most 16", "change it"
            )
        return float(value)  # type: ignore[arg-type]

    def _condition(
        self, name: str, spec: Mapping[str, Any], key: str, *, index: int | None
    ) -> tuple[tuple[Requirement, ...], Scalar | None]:
        if "when" not in spec:
            if "otherwise" in spec:
                self.file.refuse(
                    f"`{key}.otherwise`", "it belongs to a condition", "add `when`, or remove it"
                )
            return (), None
        if "otherwise" not in spec:
            self.file.refuse(
                f"`{key}` has `when` but no `otherwise`",
                "the genome needs a value when the condition does not hold",
                "add for example `otherwise: " + shorten(self.defaults[name]) + "`",
            )
        otherwise = self.file.check(name, spec["otherwise"], f"{key}.otherwise")
        needs = self.file.mapping(spec["when"], f"{key}.when").items()
        return tuple(self._requirement(other, test, f"{key}.when", index) for other, test in needs), otherwise

    def _requirement(self, other: str, test: object, key: str, index: int | None) -> Requirement:
        reachable = ("depth", *GLOBAL_GENES, *(SCALE_GENES if index is not None else ()))
        if other not in reachable:
            scope = (
                " (a gene of the whole network cannot depend on one scale)" if other in SCALE_GENES else ""
            )
            self.file.refuse(
                f"`{key}.{other}` is a condition on a gene that does not exist{' here' if scope else ''}",
                f"a condition names one of {', '.join(reachable)}{scope}",
                suggestion(other, reachable) or "correct the name",
            )
        parameter = f"{other}_{index}" if other in SCALE_GENES else other
        if isinstance(test, Mapping):
            self.file.keys(test, f"{key}.{other}", required=(), optional=("above", "below"))
            bounds = {word: test[word] for word in test}
            if not bounds or not all(_is_number(bound, int | float) for bound in bounds.values()):
                self.file.refuse(
                    f"`{key}.{other}` is {shorten(dict(test))}",
                    "it is a value, a list of values, or {above: number} and/or {below: number}",
                    "write for example {above: 0}",
                )
            return Requirement(parameter, (), bounds.get("above"), bounds.get("below"))
        values = test if isinstance(test, list) else [test]
        if not values:
            self.file.refuse(f"`{key}.{other}` is empty", "it lists the values that fulfil it", "add a value")
        return Requirement(
            parameter, tuple(self.file.check(other, value, f"{key}.{other}") for value in values)
        )


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)
