"""Kept studies: what a person's own searches have found, as further evidence and further known networks.

``dipsearch library add`` writes a file for each study into a folder of the user's, ``$DIPSEARCH_LIBRARY`` or where the
system keeps data of programs. Nothing leaves the machine, and a file holds no picture: features of the measurement, its
digest, and the best networks with their scores.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dipsearch.errors import FormatError, InputError
from dipsearch.files import write_text
from dipsearch.json_files import read_json
from dipsearch.network import Genome
from dipsearch.visible import Words
from dipsearch.yaml_files import shorten, suggestion, validate

from .measurement_features import FEATURES

FORMAT = "dipsearch/kept-study/1"
PLACE = "DIPSEARCH_LIBRARY"
"""The environment variable that names the folder."""

MOST_NETWORKS = 5
"""Of a study: its best ones."""

MOST_TRIED = 3
"""Networks of the user's own studies that a search tries: a fit each, which a short budget has few of."""


@dataclass(frozen=True)
class KeptNetwork:
    """A network of a study.

    Args:
        genome: what it is.
        score: estimated PSNR in dB, without a reference.
        steps: the iteration that it delivered.
        name: of the preset that it is; ``None``: the search made it.
    """

    genome: Genome
    score: float
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
        return self.task, self.seed, digests, tuple((one.genome.digest, one.score) for one in self.networks)


def library_folder() -> Path:
    """Where the user's own library lies; it need not exist."""
    if given := os.environ.get(PLACE):
        return Path(given)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "dipsearch" / "library"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "dipsearch" / "library"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "dipsearch" / "library"


def keep_study(study: KeptStudy, *, folder: Path | None = None) -> Path:
    """Write a study into the library; return its file.

    Raises:
        InputError: the study, or another one of its name, is there already.
        FormatError: one of the files that are there is damaged.
    """
    folder = library_folder() if folder is None else folder
    for other in kept_studies(folder):
        if other.identity == study.identity:
            raise InputError(
                f"the study is in the library already, as {other.name}",
                "each study counts once",
                f"remove it with dipsearch library remove {other.name} to add it anew",
            )
        if other.name.casefold() == study.name.casefold():
            raise InputError(
                f"the library has another study of the name {other.name}",
                "a study is kept by its name",
                "choose another one with --name",
            )
    file = folder / f"{study.name}.json"
    write_text(file, json.dumps(_content(study), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return file


def kept_studies(folder: Path | None = None) -> tuple[KeptStudy, ...]:
    """The studies of the library, by name.

    Raises:
        FormatError: one of its files is damaged, or something else.
    """
    folder = library_folder() if folder is None else folder
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return tuple(read_kept_study(file) for file in files if not file.name.startswith("."))


def readable_studies(folder: Path | None = None) -> tuple[tuple[KeptStudy, ...], tuple[str, ...]]:
    """The studies of the library that can be read, and a sentence on each that cannot: a search goes on without it."""
    folder = library_folder() if folder is None else folder
    found, left_out = [], []
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            found.append(read_kept_study(file))
        except FormatError as error:
            left_out.append(f"{file.stem} of your library is left out: {error}")
    return tuple(found), tuple(left_out)


def remove_study(name: str, *, folder: Path | None = None) -> None:
    """Remove a study from the library, also one that cannot be read.

    Raises:
        InputError: there is none of this name.
    """
    folder = library_folder() if folder is None else folder
    files = {file.stem: file for file in folder.glob("*.json")} if folder.is_dir() else {}
    if name not in files:
        raise InputError(
            f"the library has no study {shorten(name)}",
            f"it has {', '.join(sorted(files)) or 'none'}",
            suggestion(name, files) or "see dipsearch library list",
        )
    files[name].unlink()


def kept_networks(studies: tuple[KeptStudy, ...], task: str) -> tuple[tuple[str, Genome], ...]:
    """The networks of the user's own studies that a search of this task tries, by name, the best of each study first.

    Presets are not among them, since a search tries those anyway.
    """
    own = [
        (place, study.name, one)
        for study in studies
        if study.task == task
        for place, one in enumerate(one for one in study.networks if one.name is None)
    ]
    found: dict[str, tuple[str, Genome]] = {}
    for place, name, one in sorted(own, key=lambda each: each[0]):
        label = f"library:{name}" if place == 0 else f"library:{name}-{place + 1}"
        found.setdefault(one.genome.digest, (label, one.genome))
    return tuple(found.values())[:MOST_TRIED]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


Number = Annotated[float, Field(ge=-1e4, le=1e4)]
Side = Annotated[int, Field(ge=1, le=10**9)]


class _Network(_Strict):
    genome: dict[str, Any]
    score: Number
    steps: Annotated[int, Field(ge=0, le=10**9)]
    name: Words | None


class _Picture(_Strict):
    digest: str = Field(pattern="^[0-9a-f]{12}$")
    shape: list[Side] = Field(min_length=4, max_length=4)
    features: dict[str, Number]


class _File(_Strict):
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
        FormatError: the file is missing, damaged, or something else.
    """
    content = validate(_File, read_json(path), source=str(path))
    for picture in content.pictures:
        if set(picture.features) != set(FEATURES):
            raise FormatError(
                f"{path}: the features are {', '.join(picture.features) or 'none'}",
                f"they are {', '.join(FEATURES)}",
                "remove the study from the library, and add it again",
            )
    try:
        networks = tuple(
            KeptNetwork(Genome.from_nested(one.genome), one.score, one.steps, one.name)
            for one in content.networks
        )
    except InputError as error:
        raise FormatError(f"{path}: {error.given}", error.rule, error.fix) from error
    return KeptStudy(
        name=path.stem,
        task=content.task,
        seed=content.seed,
        added=content.added,
        version=content.version,
        pictures=tuple(KeptPicture(one.digest, tuple(one.shape), one.features) for one in content.pictures),
        networks=networks,
    )


def _content(study: KeptStudy) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "task": study.task,
        "seed": study.seed,
        "added": study.added,
        "version": study.version,
        "pictures": [asdict(picture) for picture in study.pictures],
        "networks": [
            {"genome": one.genome.to_nested(), "score": one.score, "steps": one.steps, "name": one.name}
            for one in study.networks
        ],
    }
