"""A kept study, as a value and as a file: what the user's library remembers of a finished study.

`dipsearch/kept-study/1` is JSON, named after the study, and read as if a stranger had written it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dipsearch.errors import FormatError
from dipsearch.files import write_text
from dipsearch.json_files import read_json
from dipsearch.network import Genome
from dipsearch.network.genome import read_genome
from dipsearch.visible import Words
from dipsearch.yaml_files import Strict, validate

from .measurement_features import FEATURES

FORMAT = "dipsearch/kept-study/1"

MOST_NETWORKS = 5
"""Of a study: its best ones."""


@dataclass(frozen=True)
class KeptNetwork:
    """A network of a study.

    Args:
        genome: what it is.
        estimated_psnr: estimated PSNR in dB, without a reference.
        steps: the iteration that it delivered.
        name: of the preset that it is; ``None``: the search made it.
    """

    genome: Genome
    estimated_psnr: float
    steps: int
    name: str | None = None


@dataclass(frozen=True)
class KeptPicture:
    """A measurement of a study: digest (12 hex digits), shape (1, C, H, W) and features by name."""

    digest: str
    shape: tuple[int, ...]
    features: Mapping[str, float]


@dataclass(frozen=True)
class KeptStudy:
    """A finished study in the library.

    Args:
        name: by which it is kept.
        task: of it.
        seed: of it.
        added: when, UTC, ISO 8601.
        version: of dipsearch.
        pictures: what was measured.
        networks: the best ones, best first.
    """

    name: str
    task: str
    seed: int
    added: str
    version: str
    pictures: tuple[KeptPicture, ...]
    networks: tuple[KeptNetwork, ...]

    @property
    def identity(self) -> tuple[object, ...]:
        """What two files of the same study share."""
        digests = tuple(picture.digest for picture in self.pictures)
        return (
            self.task,
            self.seed,
            digests,
            tuple((one.genome.digest, one.estimated_psnr) for one in self.networks),
        )


Number = Annotated[float, Field(ge=-1e4, le=1e4)]
Side = Annotated[int, Field(ge=1, le=10**9)]


class _Network(Strict):
    genome: dict[str, Any]
    score: Number
    steps: Annotated[int, Field(ge=0, le=10**9)]
    name: Words | None


class _Picture(Strict):
    digest: str = Field(pattern="^[0-9a-f]{12}$")
    shape: list[Side] = Field(min_length=4, max_length=4)
    features: dict[str, Number]


class _File(Strict):
    format: Literal["dipsearch/kept-study/1"]
    task: Literal["denoise", "inpaint", "sr", "deblur", "invert"]
    seed: int
    added: Words
    version: Words
    pictures: list[_Picture] = Field(min_length=1, max_length=10_000)
    networks: list[_Network] = Field(min_length=1, max_length=MOST_NETWORKS)


def read_kept_study(path: Path) -> KeptStudy:
    """A study of the library.

    Raises:
        FormatError: the file is missing, damaged, or something else, or a network occurs twice.
    """
    content = validate(_File, read_json(path), source=str(path))
    for picture in content.pictures:
        if set(picture.features) != set(FEATURES):
            raise FormatError(
                f"{path}: the features are {', '.join(picture.features) or 'none'}",
                f"they are {', '.join(FEATURES)}",
                "remove the study from the library, and add it again",
            )
    networks = tuple(
        KeptNetwork(read_genome(one.genome, source=str(path)), one.score, one.steps, one.name)
        for one in content.networks
    )
    names = [one.name for one in networks if one.name is not None]
    digests = {one.genome.digest for one in networks}
    if len({*names}) < len(names) or len(digests) < len(networks):
        raise FormatError(
            f"{path}: a network occurs twice",
            "each has one score in a study",
            "remove the study from the library, and add it again",
        )
    return KeptStudy(
        name=path.stem,
        task=content.task,
        seed=content.seed,
        added=content.added,
        version=content.version,
        pictures=tuple(KeptPicture(one.digest, tuple(one.shape), one.features) for one in content.pictures),
        networks=networks,
    )


def write_kept_study(path: Path, study: KeptStudy) -> None:
    """Write a study, in full or not at all; it reads back equal."""
    write_text(path, json.dumps(_content(study), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _content(study: KeptStudy) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "task": study.task,
        "seed": study.seed,
        "added": study.added,
        "version": study.version,
        "pictures": [asdict(picture) for picture in study.pictures],
        "networks": [
            {
                "genome": one.genome.to_nested(),
                "score": one.estimated_psnr,
                "steps": one.steps,
                "name": one.name,
            }
            for one in study.networks
        ],
    }
