"""The course that searches took on recorded pictures: the best candidate over the first answer, by time.

``expected_course.json`` holds points for each task, which ``bench replay-search --ship`` writes. Time is counted in
iterations of the best known network, so that it can be said in seconds of any machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..files import write_text
from ..json_files import read_json
from ..visible import Words
from ..yaml_files import Strict, validate

FILE = Path(__file__).parent / "expected_course.json"
FORMAT = "dipsearch/expected-course/1"

Course = tuple[tuple[float, float], ...]
"""Iterations of the best known network that all workers together had time for, and dB over the first answer."""


class _File(Strict):
    format: Literal["dipsearch/expected-course/1"]
    source: Words
    network: Words
    courses: dict[str, list[Annotated[tuple[float, float], Field(strict=False)]]]


@cache
def expected_course(task: str) -> Course:
    """What is expected of a search for a task; empty where nothing is recorded.

    Raises:
        FormatError: the file that ships is damaged.
    """
    return tuple(_shipped().courses.get(task, ()))


def course_network() -> str:
    """The preset whose iterations are counted.

    Raises:
        FormatError: the file that ships is damaged.
    """
    return _shipped().network


@cache
def _shipped() -> _File:
    return validate(_File, read_json(FILE), source=FILE.name)


def write_courses(
    path: Path, courses: Mapping[str, Sequence[tuple[float, float]]], *, source: str, network: str
) -> None:
    """Write such a file.

    Args:
        courses: by task.
        source: where they come from, in words.
        network: the preset whose iterations are counted.
    """
    lines = [
        f"  {json.dumps(task)}: {json.dumps([[round(at), round(gain, 3)] for at, gain in course])}"
        for task, course in courses.items()
    ]
    head = {"format": FORMAT, "source": source, "network": network}
    text = "".join(
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in head.items()
    )
    write_text(path, "{\n" + text + ' "courses": {\n' + ",\n".join(lines) + "\n }\n}\n")
