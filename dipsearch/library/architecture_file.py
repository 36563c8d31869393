"""The architecture file: a genome that a search found, with how it was fitted and where it came from.

`dipsearch/architecture/1` is YAML that people read, send to each other and hand to `dipsearch restore`. It is
read strictly: an unknown or missing key is an error that names the key, the rule and the fix. It holds
digests of images, never their names or places.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dipsearch.field_names import renamed, reversed_names
from dipsearch.files import write_text
from dipsearch.network import Genome
from dipsearch.network.genome import read_genome
from dipsearch.yaml_files import Strict, dump_yaml, read_yaml, validate

FORMAT = "dipsearch/architecture/1"

IN_FILES = {"estimated_psnr": "score"}
"""What a file calls a field of ``ArchitectureFit``."""


@dataclass(frozen=True)
class ArchitectureFit:
    """How the candidate was fitted when it was chosen.

    Attributes:
        task: "denoise", "inpaint", "sr", "deblur" or "invert".
        step: iteration at which the fit stopped.
        loss_at_stop: training loss there; a refit on the whole measurement stops at the same value.
        split: which split scored it ("held-out", "held-out holes", "recorruption", "thinning",
            "whole").
        estimated_psnr: estimated PSNR in dB, without a reference.
        ended: why the fit ended, a sentence.
    """

    task: str
    step: int
    loss_at_stop: float
    split: str
    estimated_psnr: float
    ended: str


@dataclass(frozen=True)
class ImageRecord:
    """A measurement that the architecture was found on: `digest` (12 hex digits) and `shape` (1, C, H, W)."""

    digest: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Provenance:
    """Where an architecture comes from.

    Attributes:
        images: the measurements it was found on.
        seed: of the study.
        versions: of dipsearch, torch, optuna and python.
        date: UTC, ISO 8601.
        seconds: that this candidate's fit took.
        device: it ran on.
        study: name of the study.
    """

    images: tuple[ImageRecord, ...]
    seed: int
    versions: dict[str, str]
    date: str
    seconds: float
    device: str
    study: str


@dataclass(frozen=True)
class Architecture:
    """An exported genome."""

    genome: Genome
    fit: ArchitectureFit
    provenance: Provenance


class _Fit(Strict):
    task: Literal["denoise", "inpaint", "sr", "deblur", "invert"]
    step: int = Field(ge=0)
    loss_at_stop: float = Field(ge=0)
    split: Literal["held-out", "held-out holes", "recorruption", "thinning", "whole"]
    score: float
    ended: str


class _Image(Strict):
    digest: str = Field(pattern="^[0-9a-f]{12}$")
    shape: list[int] = Field(min_length=4, max_length=4)


class _Provenance(Strict):
    images: list[_Image]
    seed: int
    versions: dict[str, str]
    date: str
    seconds: float = Field(ge=0)
    device: str
    study: str


class _File(Strict):
    format: Literal["dipsearch/architecture/1"]
    genome: dict[str, Any]
    fit: _Fit
    provenance: _Provenance


def read_architecture(path: str | Path) -> Architecture:
    """Read an architecture file.

    Raises:
        FormatError: the file cannot be read or breaks a rule; the message names file, key, rule and fix.
    """
    content = validate(_File, read_yaml(path), source=str(path))
    genome = read_genome(content.genome, source=str(path))
    origin = content.provenance.model_dump()
    images = tuple(ImageRecord(image["digest"], tuple(image["shape"])) for image in origin.pop("images"))
    fit = ArchitectureFit(**renamed(content.fit.model_dump(), reversed_names(IN_FILES)))
    return Architecture(genome, fit, Provenance(images, **origin))


def write_architecture(path: str | Path, architecture: Architecture) -> None:
    """Write an architecture file, in full or not at all; it reads back equal.

    Raises:
        FormatError: a value is not one that the format allows; nothing is written.
        ResourceError: the system refuses to write.
    """
    origin = asdict(architecture.provenance)
    origin["images"] = [image | {"shape": list(image["shape"])} for image in origin["images"]]
    content = {
        "format": FORMAT,
        "genome": architecture.genome.to_nested(),
        "fit": renamed(asdict(architecture.fit), IN_FILES),
        "provenance": origin,
    }
    validate(_File, content, source=str(path))
    write_text(path, dump_yaml(content))


def provenance_now(
    images: Iterable[tuple[str, tuple[int, ...]]], *, seed: int, seconds: float, device: str, study: str
) -> Provenance:
    """The provenance of something made at this moment by this installation.

    Args:
        images: digest and shape of each measurement.
    """
    return Provenance(
        images=tuple(ImageRecord(digest, tuple(shape)) for digest, shape in images),
        seed=seed,
        versions={name: _version(name) for name in ("dipsearch", "torch", "optuna")}
        | {"python": platform.python_version()},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        device=device,
        study=study,
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was not installed
        from dipsearch import __version__

        return __version__ if package == "dipsearch" else "unknown"
