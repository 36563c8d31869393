"""The request: everything that was asked of a study, as plain values, so that it can be run again.

``study.yaml`` in the study's folder holds it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..durations import LONGEST
from ..files import write_text
from ..fitting import EngineWord, Precision
from ..fitting.precision import DEFAULT
from ..problem import Task, TaskOptions
from ..request_words import OrderWord, SamplerWord, StartWord
from ..yaml_files import Strict, dump_yaml, read_yaml, validate
from .storage_url import masked

DEFAULT_BUDGET_SECONDS = 600.0
"""Ten minutes, as the help says."""

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
        precision: of the convolutions: "tf32" or "fp32" on CUDA, "bf16" there and on processors with AMX.
        cluster: the address of a Dask scheduler, or "local:N"; ``None``: processes of this machine.
        start: what known networks begin from: "warm": learnt weights, "cold": random ones, "auto": what was measured to
            be better for the task.
        order: in which known networks are tried: "fixed", which is what "auto" is, or "similar": by how they did on
            similar measurements.
    """

    sources: tuple[str, ...]
    options: TaskOptions
    name: str
    space: str = "skip"
    sampler: SamplerWord = "pilot"
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
    start: StartWord = "auto"
    order: OrderWord = "auto"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for YAML and JSON; a password in ``storage`` is masked."""
        return {
            **asdict(self),
            "sources": list(self.sources),
            "options": self.options.to_dict(),
            "storage": None if self.storage is None else masked(self.storage),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, source: str = "a study's request") -> Request:
        """The request that ``to_dict`` wrote; ``source`` names it in errors.

        Raises:
            FormatError: an unknown or a missing key, or a value of another type.
            InputError: options that do not go together.
        """
        read = validate(_Request, values, source=source).model_dump()
        options = TaskOptions.from_dict(read.pop("options"))
        return cls(sources=tuple(read.pop("sources")), options=options, **read)

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
            ("start", self.start, other.start),
            ("order", self.order, other.order),
        ):
            if mine != theirs:
                return f"its {label} were {mine}, now they are {theirs}"
        return None


Whole = Annotated[int, Field(ge=1, le=10**9)]
Level = Annotated[float, Field(ge=0, le=1e9)]


class _Options(Strict):
    """``TaskOptions`` in a file: of the right types; what goes together is checked by themselves."""

    task: Task
    mask: str | None = None
    invert_mask: bool = False
    missing: Level | None = None
    sigma: Level | None = None
    factor: Whole = 4
    reference: str | None = None
    simulate: bool = False
    photons: Level | None = None
    kernel: str | None = None
    value_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    data_range: float | None = None
    axes: Annotated[str, Field(max_length=10)] | None = None


class _Request(Strict):
    """A request in a file."""

    sources: list[str] = Field(min_length=1, max_length=100_000)
    options: _Options
    name: str = Field(min_length=1, max_length=200)
    space: str = "skip"
    sampler: SamplerWord = "pilot"
    budget_seconds: Annotated[float, Field(gt=0, le=LONGEST)] | None = None
    trials: Whole | None = None
    steps: Whole | None = None
    workers: Whole | None = None
    device: str = Field(default="auto", max_length=40)
    seed: int = 0
    storage: str | None = None
    engine: EngineWord = "auto"
    precision: Precision = DEFAULT
    cluster: str | None = None
    start: StartWord = "auto"
    order: OrderWord = "auto"


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
    return Request.from_dict(read_yaml(path), source=str(path))
