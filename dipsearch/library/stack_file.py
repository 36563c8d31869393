"""The stack's file: which networks were combined for each picture of a study, and with which weights.

`dipsearch/stack/1` is YAML in `best/stack.yaml`. `dipsearch restore STUDY` fits its networks to another picture, and
the page shows their weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dipsearch.files import write_text
from dipsearch.network import Genome
from dipsearch.network.genome import read_genome
from dipsearch.yaml_files import Strict, dump_yaml, read_yaml, validate

FORMAT = "dipsearch/stack/1"


@dataclass(frozen=True)
class StackMember:
    """One network of a stack: the candidate's number, its share in [0, 1], and what it is."""

    number: int
    weight: float
    genome: Genome


class _Member(Strict):
    number: int = Field(ge=0, le=10**12)
    weight: float = Field(ge=0, le=1.001)  # rounded shares
    genome: dict[str, Any]


class _File(Strict):
    format: Literal["dipsearch/stack/1"]
    pictures: dict[str, Annotated[list[_Member], Field(max_length=1000)]]


def read_stack(path: Path) -> dict[str, tuple[StackMember, ...]]:
    """The members of the stacks in a file, by the names of the pictures.

    Raises:
        FormatError: the file cannot be read or breaks a rule.
    """
    content = validate(_File, read_yaml(path), source=str(path))
    return {
        name: tuple(
            StackMember(
                one.number, one.weight, read_genome(one.genome, source=f"{path}: a member of `{name}`")
            )
            for one in entries
        )
        for name, entries in content.pictures.items()
    }


def write_stack(path: Path, stacks: Mapping[str, Sequence[StackMember]]) -> None:
    """Write the members of each picture's stack, in full or not at all."""
    pictures = {
        name: [
            {"number": one.number, "weight": round(one.weight, 6), "genome": one.genome.to_nested()}
            for one in members
        ]
        for name, members in stacks.items()
    }
    write_text(path, dump_yaml({"format": FORMAT, "pictures": pictures}))
