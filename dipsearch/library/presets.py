"""Presets: networks that are known to work, by name, with where they come from.

Each file of `published/` holds one genome with its task, its number of iterations and its source. Those with
`published: true` reproduce a paper's settings exactly; the others are dipsearch's own (`dipsearch_*.yaml`). A
search tries those of its task first. A search of several pictures leaves a preset, too: `dipsearch/preset/2` is
`dipsearch/preset/1` and its evidence, picture by picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dipsearch.errors import InputError
from dipsearch.files import write_text
from dipsearch.network import Genome
from dipsearch.network.genome import read_genome
from dipsearch.visible import Words
from dipsearch.yaml_files import Strict, dump_yaml, read_yaml, shorten, suggestion, validate

from .preset_evidence import EvidencePart, PresetEvidence, evidence_content, evidence_from

FOLDER = Path(__file__).parent / "published"

PLAIN, WITH_EVIDENCE = "dipsearch/preset/1", "dipsearch/preset/2"

Task = Literal["denoise", "inpaint", "sr", "deblur", "invert"]


@dataclass(frozen=True)
class Preset:
    """A network that is known to work.

    Attributes:
        name: the file's name without its suffix.
        title: a line for people.
        tasks: what it is meant for.
        rank: among the presets of a task, lower ones are tried first.
        published: whether it reproduces a publication; otherwise it is dipsearch's own.
        iterations: after which the source stopped.
        channels: of the images in the source.
        parameters: of the generator with that many channels.
        source: where the settings were read.
        genome: network, input and fit settings.
        evidence: of the pictures that it was found on; ``None``: the source says what speaks for it.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    rank: int
    published: bool
    iterations: int
    channels: int
    parameters: int
    source: str
    genome: Genome
    evidence: PresetEvidence | None = None


class _Plain(Strict):
    format: Literal["dipsearch/preset/1"]
    title: Annotated[Words, Field(min_length=1)]
    tasks: list[Task] = Field(min_length=1)
    rank: int
    published: bool
    iterations: int = Field(ge=1)
    channels: int = Field(ge=1)
    parameters: int = Field(ge=1)
    source: Annotated[Words, Field(min_length=1)]
    genome: dict[str, Any]


class _WithEvidence(_Plain):
    format: Literal["dipsearch/preset/2"]  # type: ignore[assignment]
    evidence: EvidencePart


def read_preset(path: str | Path) -> Preset:
    """Read a preset file.

    Raises:
        FormatError: the file breaks a rule; the message names file, key, rule and fix.
    """
    path = Path(path)
    found = read_yaml(path)
    newer = isinstance(found, dict) and found.get("format") == WITH_EVIDENCE
    content = validate(_WithEvidence if newer else _Plain, found, source=str(path))
    genome = read_genome(content.genome, source=str(path))
    values = content.model_dump(exclude={"format", "genome", "tasks", "evidence"})
    evidence = (
        evidence_from(content.evidence, source=str(path)) if isinstance(content, _WithEvidence) else None
    )
    return Preset(name=path.stem, tasks=tuple(content.tasks), genome=genome, evidence=evidence, **values)


def write_preset(path: Path, found: Preset) -> None:
    """Write a preset file, in full or not at all; it reads back equal but for its name, which is the file's.

    Raises:
        FormatError: a value is not one that the format allows; nothing is written.
    """
    names = ("title", "rank", "published", "iterations", "channels", "parameters", "source")
    content: dict[str, Any] = {
        "format": PLAIN if found.evidence is None else WITH_EVIDENCE,
        **{name: getattr(found, name) for name in names},
        "tasks": list(found.tasks),
        "genome": found.genome.to_nested(),
    }
    if found.evidence is not None:
        content["evidence"] = evidence_content(found.evidence)
    validate(_Plain if found.evidence is None else _WithEvidence, content, source=str(path))
    write_text(path, dump_yaml(content))


def preset_names() -> tuple[str, ...]:
    """The names of all presets."""
    return tuple(entry.name for entry in _all())


def preset(name: str) -> Genome:
    """The genome of the preset `name`.

    Raises:
        InputError: there is none; the message suggests near names.
    """
    for entry in _all():
        if entry.name == name:
            return entry.genome
    raise InputError(
        f"there is no preset {shorten(name)}",
        f"there are {', '.join(preset_names())}",
        suggestion(name, preset_names()) or "choose one of these",
    )


def presets_for(task: str) -> tuple[tuple[str, Genome], ...]:
    """Names and genomes of the published networks for a task, in the order in which they are worth trying."""
    return _of_task(task, published=True)


def starters_for(task: str) -> tuple[tuple[str, Genome], ...]:
    """Names and genomes of dipsearch's own networks for a task, the best one first.

    A task that none was meant for gets those for noise.
    """
    return _of_task(task, published=False) or _of_task("denoise", published=False)


def _of_task(task: str, *, published: bool) -> tuple[tuple[str, Genome], ...]:
    """Of two files with one genome the first one counts: a search would fit it once, and it has one place."""
    entries = [entry for entry in _all() if entry.published is published and task in entry.tasks]
    found: dict[str, tuple[str, Genome]] = {}
    for entry in sorted(entries, key=lambda entry: entry.rank):
        found.setdefault(entry.genome.digest, (entry.name, entry.genome))
    return tuple(found.values())


@cache
def _all() -> tuple[Preset, ...]:
    return tuple(read_preset(path) for path in sorted(FOLDER.glob("*.yaml")))
