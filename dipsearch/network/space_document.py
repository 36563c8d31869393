"""The search-space file being read, as its errors name it: which file, which key, which rule, which fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from dipsearch.errors import FormatError, InputError
from dipsearch.yaml_files import shorten, suggestion

from .gene_rules import Scalar, check_gene


@dataclass(frozen=True)
class SpaceDocument:
    """The file being read; every method raises `FormatError` when a rule is broken.

    Attributes:
        source: the file's name.
    """

    source: str

    def refuse(self, given: str, rule: str, fix: str) -> NoReturn:
        """Say what was found, what is allowed and what to do."""
        raise FormatError(f"{self.source}: {given}", rule, fix)

    def mapping(self, content: object, key: str) -> Mapping[str, Any]:
        """`content` as a mapping with at least one entry."""
        if not isinstance(content, Mapping) or not content:
            self.refuse(
                f"`{key}` is {shorten(content)}", "it holds `name: value` lines", "write them below it"
            )
        return content

    def keys(
        self, content: Mapping[str, Any], key: str, *, required: Iterable[str], optional: Iterable[str]
    ) -> None:
        """Every required key has to be there, and no key that is neither required nor optional."""
        required, allowed = tuple(required), (*required, *optional)
        for name in content:
            if name not in allowed:
                self.refuse(
                    f"unknown key `{_join(key, name)}`",
                    f"allowed here are {', '.join(allowed)}",
                    suggestion(name, allowed) or "remove it",
                )
        for name in required:
            if name not in content:
                self.refuse(f"the key `{_join(key, name)}` is missing", "it is required", "add it")

    def check(self, gene: str, value: object, key: str) -> Scalar:
        """A value as the gene keeps it."""
        try:
            checked: Scalar = check_gene(gene, value)
        except InputError as error:
            self.refuse(f"`{key}`: {error.given}", error.rule, error.fix)
        return checked


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
