"""YAML files from strangers: one safe way in, one way out.

Search spaces, architecture files and studies are read here. The size is looked at before anything is
parsed; tags (but for a lone `!`, which says nothing), anchors and aliases are refused (they can run code, or make
a small file enormous), so are duplicate keys, deep nesting and more than one document. Plain words follow YAML 1.2:
only `true` and `false` are booleans, `1e-3` is a number and `off`, `010` and `2026-01-31` are text. `dump_yaml`
writes under the same rules, so that what is written reads back equal.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.constructor import SafeConstructor

from .errors import FormatError
from .plain_files import plain_bytes
from .whole_numbers import whole_number

MAX_BYTES = 1_000_000
MAX_NESTING = 20


class Strict(BaseModel):
    """What a file may hold: the keys that are named, values of their types, and finite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read the mapping that a YAML file holds.

    Raises:
        FormatError: the file is missing, unreadable, larger than `MAX_BYTES`, not UTF-8, not YAML, not a
        mapping,
            or uses a feature that is refused (see the module docstring).
    """
    content = plain_bytes(path, most=MAX_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path} is not text in UTF-8 (byte {error.start})",
            "a YAML file of dipsearch is UTF-8",
            "save it as UTF-8, or check that it is the file that was meant",
        ) from error
    return parse_yaml(text, source=str(path))


def parse_yaml(text: str, *, source: str) -> dict[str, Any]:
    """Parse YAML text that holds one mapping; `source` names it in errors (`FormatError`)."""
    try:
        content = _loaded(text, source)
        if "\\u" in text.lower():  # which can write half of a character
            json.dumps(content, ensure_ascii=False).encode()
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{source}: {error}",
            "numbers have at most 64 bits, and text is in UTF-8",
            "correct the value",
        ) from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise FormatError(
            f"{source}{line}: {' '.join(problem.split())}",
            "the file has to be valid YAML",
            "correct that line (indentation by spaces, `key: value`, each key once)",
        ) from error
    if not isinstance(content, dict):
        kind = "empty" if content is None else f"not a mapping but {shorten(content)}"
        raise FormatError(
            f"{source} is {kind}",
            "it has to hold `key: value` lines",
            "start from one of the files that come with dipsearch",
        )
    return content


def dump_yaml(content: dict[str, Any]) -> str:
    """Write plain values as YAML that `parse_yaml` reads back equal; short lists stay on one line."""
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )


def validate(model: type[Model], content: object, *, source: str) -> Model:
    """Check `content` against a pydantic model; its first problem becomes a `FormatError` naming the key."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        keys = [str(part) for part in first["loc"]]
        key = ".".join(keys)
        if first["type"] == "extra_forbidden":
            allowed = _fields_at(model, keys[:-1])
            raise FormatError(
                f"{source}: unknown key `{key}`",
                f"allowed here are {', '.join(allowed)}",
                suggestion(keys[-1], allowed) or "remove it",
            ) from error
        if first["type"] == "missing":
            raise FormatError(
                f"{source}: the key `{key}` is missing",
                "every key of this format is required",
                "add it, or write the file again with dipsearch",
            ) from error
        raise FormatError(
            f"{source}: `{key}` is {shorten(first['input'])}"
            if key
            else f"{source}: {shorten(first['input'])}",
            first["msg"][:1].lower() + first["msg"][1:],
            "correct the value",
        ) from error


def suggestion(given: str, allowed: Iterable[str]) -> str:
    """'did you mean `x`?' for the closest of `allowed`, or an empty text when none is close."""
    close = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def shorten(value: object) -> str:
    """A value as it may appear in a one-line message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _fields_at(model: type[BaseModel], keys: list[str]) -> list[str]:
    for key in keys:
        field = model.model_fields.get(key)
        annotation = field.annotation if field is not None else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return list(model.model_fields)


def _loaded(text: str, source: str) -> Any:
    """By libyaml, in a tenth of the time; what it refuses is read by PyYAML itself, whose messages say more."""
    if yaml.__with_libyaml__:
        try:
            return _read_by(_FastLoader, text, source)
        except yaml.YAMLError:
            pass
    return _read_by(_Loader, text, source)


def _read_by(loader: type[_Loader | _FastLoader], text: str, source: str) -> Any:
    _refuse_dangerous(text, source, loader)
    return yaml.load(text, Loader=loader)


def _refuse_dangerous(text: str, source: str, loader: type[_Loader | _FastLoader]) -> None:
    """Look at the parse events alone: nothing is built before the file is known to be harmless."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        where = f"{source}, line {event.start_mark.line + 1}" if event.start_mark is not None else source
        if anchor := getattr(event, "anchor", None):
            raise FormatError(
                f"{where}: `{shorten(anchor)}` is an anchor or alias",
                "anchors and aliases (& and *) are not allowed",
                "write the value out where it is used",
            )
        if tag := getattr(event, "tag", None):
            raise FormatError(
                f"{where}: the tag {shorten(tag)}",
                "tags (!) are not allowed, since they can make a file run code",
                "write a plain number, word, list or mapping",
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_NESTING:
            raise FormatError(
                f"{where}: more than {MAX_NESTING} levels of nesting",
                "no format of dipsearch is that deep",
                "check that it is the file that was meant",
            )


class _Words(SafeConstructor):
    """PyYAML's safe construction with the plain words of YAML 1.2 and without duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"the key {shorten(key)} is not a word", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key `{key}` appears twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return whole_number(str(self.construct_scalar(node)))


_Words.add_constructor("tag:yaml.org,2002:int", _Words.construct_yaml_int)  # type: ignore[type-var]


class _Loader(_Words, yaml.SafeLoader): ...


class _FastLoader(_Words, yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader): ...  # type: ignore[misc]


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True  # equal lists are written twice: aliases would not be read back

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        if node.flow_style and sum(len(str(key)) + len(str(mapping[key])) for key in mapping) > 80:
            node.flow_style = False
        return node


_PLAIN_WORDS = [
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", "~n\0"),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.inf)|\.nan)$",
        "-+.0123456789",
    ),
]
for _class in (_Loader, _FastLoader, _Dumper):
    _class.yaml_implicit_resolvers = {}  # without those of YAML 1.1
    for _tag, _pattern, _first in _PLAIN_WORDS:
        _class.add_implicit_resolver(_tag, re.compile(_pattern), ["" if c == "\0" else c for c in _first])
