"""The request: everything that was asked of a study, as plain values, so that it can be run again.

``study.yaml`` in the study's folder holds it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import FormatError
from ..files import write_text
from ..fitting import EngineWord, Precision
from ..fitting.precision import DEFAULT
from ..problem import TaskOptions
from ..yaml_files import dump_yaml, read_yaml
from .storage_url import masked

SamplerWord = Literal["genetic", "tpe", "random"]
SAMPLERS: tuple[str, ...] = get_args(SamplerWord)
DEFAULT_BUDGET_SECONDS = 600.0

ARRAY = "array:"
"""What a source begins with that is no file: the measurement came from Python, and lies in the study's folder."""


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Args:
        sources: image files, ``sample:NAME``, or ``array:NAME`` of a measurement from Python; several: one architecture
            for all of them.
        options: the task and what is known of the damage.
        name: of the study, and of its folder.
        space: a shipped search space's name or a file.
        sampler: who proposes candidates.
        budget_seconds: wall time for everything, output included; ``None`` with ``trials``.
        trials: the number of candidates to finish; ``None`` with ``budget_seconds``.
        steps: iterations of one fit at the most; ``None``: as many as the task usually has.
        workers: processes; ``None``: one for each core, or for each GPU.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        seed: of everything random.
        storage: a database's URL; ``None``: a journal file in the study's folder.
        engine: what makes the steps: "auto", "eager" or "cuda_graph".
        precision: of the convolutions on CUDA: "tf32", "fp32" or "bf16".
        cluster: the address of a Dask scheduler, or "local:N"; ``None``: processes of this machine.
    """

    sources: tuple[str, ...]
    options: TaskOptions
    name: str
    space: str = "skip"
    sampler: SamplerWord = "genetic"
    budget_seconds: float | None = None
    trials: int | None = None
    steps: int | None = None
    workers: int | None = None
    device: str = "auto"
    seed: int = 0
    storage: str | None = None
    engine: EngineWord = "auto"
    precision: Precision = DEFAULT
    cluster: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for YAML and JSON; a password in ``storage`` is masked."""
        return {
            **asdict(self),
            "sources": list(self.sources),
            "options": self.options.to_dict(),
            "storage": None if self.storage is None else masked(self.storage),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Request:
        """The request that ``to_dict`` wrote.

        Raises:
            FormatError: an unknown or a missing key.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise FormatError(
                f"a study's request has the key '{unknown[0]}'",
                f"known are {', '.join(sorted(known))}",
                "remove it",
            )
        if missing := sorted({"sources", "options", "name"} - set(values)):
            raise FormatError(f"a study's request lacks '{missing[0]}'", "it has to be there", "add it")
        options = TaskOptions.from_dict(values["options"])
        return cls(**{**values, "sources": tuple(values["sources"]), "options": options})

    def differs_from(self, other: Request) -> str | None:
        """Say in words what keeps ``other`` from going on with this request's study; ``None``: nothing does.

        Budget, trials, sampler, workers, device, cluster and engine may change on resuming.
        """
        for label, mine, theirs in (
            ("task options", self.options, other.options),
            ("images", self.sources, other.sources),
            ("search space", self.space, other.space),
            ("seed", self.seed, other.seed),
            ("steps", self.steps, other.steps),
            ("precision", self.precision, other.precision),
        ):
            if mine != theirs:
                return f"its {label} were {mine}, now they are {theirs}"
        return None


def write_request(path: Path, request: Request) -> None:
    """Write ``study.yaml``."""
    head = (
        "# What was asked of this study. The same command again: dipsearch search --resume with this name.\n"
    )
    write_text(path, head + dump_yaml(request.to_dict()))


def read_request(path: Path) -> Request:
    """Read ``study.yaml``.

    Raises:
        FormatError: the file is missing, or not a study's request.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise FormatError(f"{path} holds no keys", "a study's request is a mapping", "restore the file")
    return Request.from_dict(content)
