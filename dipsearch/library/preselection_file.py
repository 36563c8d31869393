"""The evidence of the pre-selection as a file that people can read: one case a line.

`dipsearch/preselection/1` is JSON in `preselection.json`; it is read as strictly as everything else from outside.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dipsearch.errors import FormatError
from dipsearch.files import write_text
from dipsearch.json_files import read_json
from dipsearch.visible import Words
from dipsearch.yaml_files import Strict, validate

from .measurement_features import FEATURES
from .preselection import EvidenceCase, Seen

FILE = Path(__file__).parent / "preselection.json"
FORMAT = "dipsearch/preselection/1"


Number = Annotated[float, Field(ge=-1e3, le=1e3)]


class _Seen(Strict):
    network: Words
    behind: Annotated[float, Field(ge=0, le=1e3)]
    steps: Annotated[int, Field(ge=0, le=10**7)]


class EvidenceFile(Strict):
    """A case in a file."""

    picture: Words
    task: Words
    features: dict[str, Number]
    seen: list[_Seen]


class _File(Strict):
    format: Literal["dipsearch/preselection/1"]
    source: Words
    cases: list[EvidenceFile]


def case_from(content: EvidenceFile, *, source: str) -> EvidenceCase:
    """A case that was read from a file.

    Raises:
        FormatError: a feature is missing or unknown, or a network occurs twice.
    """
    if set(content.features) != set(FEATURES):
        raise FormatError(
            f"{source}: the features of {content.picture} are {', '.join(content.features) or 'none'}",
            f"they are {', '.join(FEATURES)}",
            "write the file again with this version of dipsearch",
        )
    names = [one.network for one in content.seen]
    if len(set(names)) < len(names):
        raise FormatError(
            f"{source}: a network occurs twice for {content.picture}",
            "each has been seen once",
            "remove one of the two",
        )
    seen = tuple(Seen(one.network, one.behind, one.steps) for one in content.seen)
    return EvidenceCase(content.picture, content.task, content.features, seen)


def read_preselection(path: Path = FILE) -> tuple[EvidenceCase, ...]:
    """The cases of a file.

    Raises:
        FormatError: it is missing, damaged, or something else, or a case occurs twice.
    """
    content = validate(_File, read_json(path), source=str(path))
    cases = tuple(case_from(case, source=str(path)) for case in content.cases)
    seen = set[tuple[object, ...]]()
    for case in cases:
        # A picture may be there with several damages, which the features tell apart.
        key = (case.picture, case.task, *(case.features[name] for name in FEATURES))
        if key in seen:
            raise FormatError(
                f"{path}: {case.picture} with the task {case.task} occurs twice",
                "each measurement counts once",
                "remove one of the two",
            )
        seen.add(key)
    return cases


def write_preselection(path: Path, cases: Sequence[EvidenceCase], *, source: str) -> None:
    """Write cases to a file, one a line.

    Args:
        source: where they come from, for people.
    """
    lines = ",\n".join(f"  {json.dumps(asdict(case), ensure_ascii=False)}" for case in cases)
    head = f'{{\n "format": "{FORMAT}",\n "source": {json.dumps(source, ensure_ascii=False)},\n "cases": [\n'
    write_text(path, f"{head}{lines}\n ]\n}}\n")


@cache
def shipped_cases() -> tuple[EvidenceCase, ...]:
    """The cases that come with dipsearch."""
    return read_preselection() if FILE.is_file() else ()
