"""The genome: everything that defines one candidate, as a frozen value.

A genome names the generator (one `Scale` per resolution, full resolution first, and the operations between
them), its input and the settings of its fit. It is drawn from a `SearchSpace`, built by `generator.build`,
kept in architecture files and compared by its digest: equal genomes have equal digests in every process. A
gene that is not active does not exist: without skip channels there is no skip kernel, a mesh grid has no
channels to choose, and without a pilot there is no scale of it. The defaults are the denoising settings of Ulyanov,
Vedaldi and Lempitsky (2018, arXiv:1711.10925).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from dipsearch.errors import FormatError, InputError
from dipsearch.yaml_files import shorten, suggestion

from .gene_rules import (
    Activation,
    Downsampling,
    InputKind,
    Loss,
    Norm,
    Output,
    Padding,
    Scalar,
    Upsampling,
    check_gene,
)

# The nested shape groups some genes; the flat names are the field names.
_INPUT_KEYS = {
    "kind": "input_kind",
    "channels": "input_channels",
    "scale": "input_scale",
    "pilot_scale": "pilot_scale",
}
_FIT_KEYS = {name: name for name in ("jitter", "learning_rate", "averaging", "loss")}


@dataclass(frozen=True)
class Scale:
    """One resolution of the skip network, encoder and decoder side together.

    Attributes:
        channels_down: width of the encoder at this scale, 1 to 1024.
        channels_up: width of the decoder at this scale, 1 to 1024.
        kernel_down: size of the two encoder convolutions: 1, 3, 5 or 7.
        kernel_up: size of the decoder convolution: 1, 3, 5 or 7.
        channels_skip: width of the skip branch; 0 = none.
        kernel_skip: size of the skip convolution: 1, 3, 5 or 7; None exactly when there is no skip branch.
    """

    channels_down: int = 128
    channels_up: int = 128
    kernel_down: int = 3
    kernel_up: int = 3
    channels_skip: int = 4
    kernel_skip: int | None = 1

    def __post_init__(self) -> None:
        for name in ("channels_down", "channels_up", "kernel_down", "kernel_up", "channels_skip"):
            self._keep(name)
        if self.channels_skip == 0:
            _require_absent("kernel_skip", self.kernel_skip, "channels_skip is 0")
        else:
            self._keep("kernel_skip")

    def _keep(self, name: str) -> None:
        object.__setattr__(self, name, check_gene(name, getattr(self, name)))


SCALE_GENES = tuple(field.name for field in fields(Scale))


@dataclass(frozen=True)
class Genome:
    """One candidate: generator, input and fit settings.

    Attributes:
        scales: 1 to `MAX_DEPTH` scales, full resolution first; each halves the resolution.
        upsampling: how the decoder doubles the resolution.
        downsampling: how the encoder halves it: inside the first convolution ("stride") or after it.
        activation: after every normalisation but the one that follows a concatenation.
        norm: always with the statistics of the present image; "instance" has no learned scale and shift
            (with them, and one image, it would be "batch").
        padding: of every convolution larger than 1×1.
        up_1x1: whether each scale of the decoder ends with a 1×1 convolution.
        output: "sigmoid" keeps the image in (0, 1).
        input_kind: what `make_input` draws.
        input_channels: of the input; None for a mesh grid, which has two. Those of a pilot come on top.
        input_scale: amplitude of the input; None for a mesh grid, which spans [0, 1].
        pilot_scale: factor of the pilot's channels; None exactly when there is no pilot.
        jitter: standard deviation of the Gaussian noise that is added to the input in every iteration (σ_p).
        learning_rate: of Adam, in (0, 1].
        averaging: decay of the exponential average of the outputs, in [0, 1); 0 = no averaging.
        loss: mean squared or mean absolute error of the measurement.
    """

    scales: tuple[Scale, ...] = (Scale(),) * 5
    upsampling: Upsampling = "bilinear"
    downsampling: Downsampling = "stride"
    activation: Activation = "leaky_relu"
    norm: Norm = "batch"
    padding: Padding = "reflect"
    up_1x1: bool = True
    output: Output = "sigmoid"
    input_kind: InputKind = "uniform"
    input_channels: int | None = 32
    input_scale: float | None = 0.1
    pilot_scale: float | None = None
    jitter: float = 1 / 30
    learning_rate: float = 0.01
    averaging: float = 0.99
    loss: Loss = "mse"

    def __post_init__(self) -> None:
        scales = tuple(self.scales) if isinstance(self.scales, Iterable) else (None,)
        if not all(isinstance(scale, Scale) for scale in scales):
            raise InputError(
                f"the scales of the genome are {shorten(self.scales)}",
                "they are a tuple of Scale, full resolution first",
                "give for example (Scale(channels_down=32, channels_up=32),) * 5",
            )
        object.__setattr__(self, "scales", scales)
        check_gene("depth", len(self.scales))
        for name in GLOBAL_GENES:
            if not _has_input_gene(self.input_kind, name):
                _require_absent(name, getattr(self, name), f"input_kind is {self.input_kind}")
            else:
                value = check_gene(name, getattr(self, name))
                object.__setattr__(self, name, value)

    @property
    def depth(self) -> int:
        """The number of scales."""
        return len(self.scales)

    @property
    def needs_pilot(self) -> bool:
        """Whether its input holds a restoration of the same measurement beside the noise."""
        return self.input_kind == "pilot"

    def width_of_input(self, channels: int) -> int:
        """Channels of the input z.

        Args:
            channels: of the image; a pilot has as many.
        """
        return (self.input_channels or 2) + (channels if self.needs_pilot else 0)

    @cached_property
    def digest(self) -> str:
        """12 hex digits that equal genomes share in every process and version of Python."""
        text = json.dumps(self.to_nested(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """A few words for a table, such as "64·64·64·64·64 skip 4 bilinear"."""
        widths = "·".join(
            str(s.channels_up) if s.channels_up == s.channels_down else f"{s.channels_down}/{s.channels_up}"
            for s in self.scales
        )
        skips = [s.channels_skip for s in self.scales]
        skip = str(skips[0]) if len(set(skips)) == 1 else "·".join(map(str, skips))
        words = [widths, f"skip {skip}" if any(skips) else "no skip", self.upsampling.replace("_", " ")]
        return " ".join(words)

    def to_nested(self) -> dict[str, Any]:
        """The genome as YAML holds it: scales as one list per gene, input and fit as groups."""
        nested: dict[str, Any] = {
            "scales": {gene: [getattr(scale, gene) for scale in self.scales] for gene in SCALE_GENES}
        }
        grouped = {*_INPUT_KEYS.values(), *_FIT_KEYS.values()}
        nested |= {name: getattr(self, name) for name in GLOBAL_GENES if name not in grouped}
        nested["input"] = {
            key: getattr(self, name) for key, name in _INPUT_KEYS.items() if getattr(self, name) is not None
        }
        nested["fit"] = {key: getattr(self, name) for key, name in _FIT_KEYS.items()}
        return nested

    @classmethod
    def from_nested(cls, nested: object) -> Genome:
        """The inverse of `to_nested`; strict.

        Raises:
            InputError: a key is missing or unknown, the lists of `scales` differ in length, or a value is
            not allowed.
        """
        grouped = {*_INPUT_KEYS.values(), *_FIT_KEYS.values()}
        plain = [name for name in GLOBAL_GENES if name not in grouped]
        content = _mapping(nested, "genome", ["scales", *plain, "input", "fit"])
        columns = _mapping(content["scales"], "genome.scales", SCALE_GENES)
        given_input = content["input"]
        kind = given_input.get("kind") if isinstance(given_input, Mapping) else None
        there = [key for key, name in _INPUT_KEYS.items() if _has_input_gene(kind, name)]
        group = _mapping(given_input, "genome.input", there)
        fit = _mapping(content["fit"], "genome.fit", list(_FIT_KEYS))
        values = {name: content[name] for name in plain}
        values |= {name: group.get(key) for key, name in _INPUT_KEYS.items()}
        values |= {name: fit[key] for key, name in _FIT_KEYS.items()}
        return cls(scales=_scales(columns), **values)

    def to_flat(self) -> dict[str, Scalar]:
        """The genome as one dictionary of plain values; scale genes carry their index ("channels_down_0")."""
        flat: dict[str, Scalar] = {"depth": self.depth}
        for index, scale in enumerate(self.scales):
            for gene in SCALE_GENES:
                if (value := getattr(scale, gene)) is not None:
                    flat[f"{gene}_{index}"] = value
        return flat | {name: value for name in GLOBAL_GENES if (value := getattr(self, name)) is not None}

    @classmethod
    def from_flat(cls, flat: Mapping[str, Scalar]) -> Genome:
        """The inverse of `to_flat`; strict: every active gene has to be there and no other.

        Raises:
            InputError: a gene is missing, unknown or inactive, or a value is not allowed.
        """
        rest = dict(flat)
        depth = check_gene("depth", rest.pop("depth", None))
        scales = []
        for index in range(int(depth)):
            values = {gene: rest.pop(f"{gene}_{index}", None) for gene in SCALE_GENES}
            scales.append(Scale(**values))  # type: ignore[arg-type]  # checked by Scale
        genes = {name: rest.pop(name, None) for name in GLOBAL_GENES}
        if rest:
            name = next(iter(rest))
            raise InputError(
                f"the gene `{name}`",
                f"at depth {depth} it does not exist",
                suggestion(
                    name, [*GLOBAL_GENES, *(f"{g}_{i}" for g in SCALE_GENES for i in range(int(depth)))]
                )
                or "leave it out",
            )
        return cls(scales=tuple(scales), **genes)  # type: ignore[arg-type]  # checked by Genome


GLOBAL_GENES = tuple(field.name for field in fields(Genome) if field.name != "scales")


def read_genome(nested: object, *, source: str) -> Genome:
    """`Genome.from_nested` of a file: what is wrong is a `FormatError` that names the `source`."""
    try:
        return Genome.from_nested(nested)
    except InputError as error:
        raise FormatError(f"{source}: {error.given}", error.rule, error.fix) from error


def _has_input_gene(kind: object, name: str) -> bool:
    """Whether the gene `name` exists for an input of this kind; genes of other things always do."""
    if name == "pilot_scale":
        return kind == "pilot"
    return kind != "meshgrid" or name not in ("input_channels", "input_scale")


def _require_absent(name: str, value: object, reason: str) -> None:
    if value is not None:
        raise InputError(
            f"the gene `{name}` is {shorten(value)}", f"it does not exist when {reason}", "leave it out"
        )


def _mapping(content: object, where: str, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise InputError(
            f"`{where}` is {shorten(content)}", f"it has the keys {', '.join(keys)}", "write them out"
        )
    for key in content:
        if key not in keys:
            raise InputError(
                f"unknown key `{where}.{key}`",
                f"allowed here are {', '.join(keys)}",
                suggestion(str(key), keys) or "remove it",
            )
    for key in keys:
        if key not in content:
            raise InputError(f"the key `{where}.{key}` is missing", "every gene has to be there", "add it")
    return content


def _scales(columns: Mapping[str, Any]) -> tuple[Scale, ...]:
    for gene, column in columns.items():
        if not isinstance(column, list | tuple):
            raise InputError(
                f"`genome.scales.{gene}` is {shorten(column)}",
                "it is a list with one value per scale, full resolution first",
                "write for example [128, 128, 128]",
            )
    lengths = {gene: len(column) for gene, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            "the lists of `genome.scales` have the lengths "
            + ", ".join(f"{gene} {length}" for gene, length in lengths.items()),
            "each holds one value per scale",
            "make them equally long",
        )
    return tuple(Scale(*row) for row in zip(*(columns[gene] for gene in SCALE_GENES), strict=True))
