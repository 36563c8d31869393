"""Warm weights: what the fit of a known network may begin from instead of random numbers.

``warm/`` holds a file for each preset that has some: the tensors of its generator for pictures of three colours, by
name, as safetensors in half precision. ``dipsearch bench warm-weights`` learns them from pictures that come with
scikit-image. They are read when a fit asks for them, and a network of any other architecture begins cold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dipsearch.calling import option
from dipsearch.errors import FormatError, InputError, first_line
from dipsearch.files import write_bytes
from dipsearch.fitting import StepState, with_matched_head
from dipsearch.network import Generator, Genome, Network
from dipsearch.plain_files import plain_bytes
from dipsearch.request_words import StartWord

from .presets import preset, preset_names

FOLDER = Path(__file__).parent / "warm"
SUFFIX = ".safetensors"

COLOURS = 3
"""Channels of the pictures that weights are learnt from; those for grey ones follow from them."""

MOST_BYTES = 2**25
"""The largest preset has 2.2 million weights, which are 9 MB in single precision."""

AUTO: frozenset[str] = frozenset()
"""Tasks that "auto" begins warm for: none yet. Where pixels are missing, fits to no kind of pictures lost by it
(section `warm` of BENCHMARKS.md), but whole searches have not shown a gain. With noise text lost 0.29 dB, and enlarged
photos lost 0.11."""


@dataclass(frozen=True, eq=False)
class WarmWeights:
    """Weights that were learnt for one architecture.

    Args:
        name: of the preset.
        digest: 12 hex digits of the file.
        tensors: of the generator for three colours, by name, float32 on the CPU.
    """

    name: str
    digest: str
    tensors: Mapping[str, Tensor]


def write_warm_weights(path: Path, tensors: Mapping[str, Tensor], *, notes: Mapping[str, str]) -> None:
    """Write weights in half precision; what they were learnt from goes into the file's header.

    Args:
        path: of the file; its name without the suffix is the preset's.
        tensors: of the generator for three colours, by name.
        notes: plain words.
    """
    halves = {name: value.detach().half().contiguous() for name, value in tensors.items()}
    write_bytes(path, save(halves, metadata=dict(notes)))


def read_warm_weights(path: Path) -> WarmWeights:
    """Read the weights of the preset that the file is named after.

    Raises:
        FormatError: the file is missing, damaged, or holds the weights of something else.
    """
    content = plain_bytes(path, most=MOST_BYTES)
    try:
        tensors = {name: value.float() for name, value in load(content).items()}
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, first_line(error)) from error
    name = path.name.removesuffix(SUFFIX)
    try:
        wanted = _shapes(preset(name))
    except InputError as error:
        raise _damaged(path, f"there is no preset {name}") from error
    if {key: tuple(value.shape) for key, value in tensors.items()} != wanted:
        raise _damaged(path, f"its tensors are not those of {name}")
    if not all(bool(value.isfinite().all()) for value in tensors.values()):
        raise _damaged(path, "some weights are not finite")
    return WarmWeights(name, hashlib.sha256(content).hexdigest()[:12], tensors)


def warm_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The presets that have warm weights."""
    return tuple(name for name in preset_names() if (folder / f"{name}{SUFFIX}").is_file())


def weights_for(network: Network, *, channels: int, folder: Path = FOLDER) -> WarmWeights | None:
    """The warm weights that fit a network; ``None`` where there are none.

    They fit a genome that differs from the preset in the settings of its fit at the most.

    Args:
        channels: of the image.

    Raises:
        FormatError: they cannot be read.
    """
    if not isinstance(network, Genome) or channels not in (1, COLOURS):
        return None
    wanted = architecture_of(network)
    for name in warm_names(folder):
        if architecture_of(preset(name)) == wanted:
            return _read_once(folder / f"{name}{SUFFIX}")
    return None


def warm_state(network: Network, *, channels: int, folder: Path = FOLDER) -> StepState:
    """The warm weights of a network by the names of a step; Adam and the average begin anew.

    Raises:
        FormatError: the weights cannot be read, or there are none for this network.
    """
    found = weights_for(network, channels=channels, folder=folder)
    if found is None or not isinstance(network, Genome):
        raise FormatError(
            "a fit was to begin with learnt weights, and this installation has none for its network",
            f"there are weights for {', '.join(warm_names(folder)) or 'no network'}",
            f"use the version of dipsearch that began it, or begin cold with {option('start', 'cold')}",
        )
    tensors = found.tensors if channels == COLOURS else _for_grey(found.tensors, network)
    return {f"network.{name}": value for name, value in tensors.items()}


def warm_start(
    network: Network, *, channels: int, seed: int, pilot: Tensor | None, folder: Path = FOLDER
) -> StepState:
    """What a warm fit starts from: the learnt weights, with the last layer matched to the pilot where there is one.

    Args:
        network: has warm weights.
        channels: of the image.
        seed: of the fit.
        pilot: (1, C, H, W), a restoration from the fitted part alone; ``None``: there is none.

    Raises:
        FormatError: the weights cannot be read, or there are none for this network.
    """
    state = warm_state(network, channels=channels, folder=folder)
    if pilot is None or not isinstance(network, Genome) or not network.needs_pilot:
        return state
    return with_matched_head(network, state, pilot=pilot, seed=seed)


def begins_warm(start: StartWord, task: str) -> bool:
    """Whether networks that have warm weights begin with them.

    Args:
        start: what was asked for.
        task: of the problem.
    """
    return start == "warm" or (start == "auto" and task in AUTO)


def warm_name(start: StartWord, network: Network, *, task: str, channels: int) -> str | None:
    """The preset whose weights a network begins with; ``None``: it begins cold.

    Args:
        start: what was asked for.
        task: of the problem.
        channels: of the image.

    Raises:
        FormatError: the weights cannot be read.
    """
    found = weights_for(network, channels=channels) if begins_warm(start, task) else None
    return None if found is None else found.name


def architecture_of(genome: Genome) -> dict[str, Any]:
    """What makes the network: the genome without the settings of its fit."""
    return {name: value for name, value in genome.to_nested().items() if name != "fit"}


@cache
def _read_once(path: Path) -> WarmWeights:
    return read_warm_weights(path)


def _shapes(genome: Genome) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        generator = Generator(genome, channels=COLOURS)
    return {name: tuple(value.shape) for name, value in generator.state_dict().items()}


def _for_grey(tensors: Mapping[str, Tensor], genome: Genome) -> dict[str, Tensor]:
    """The weights for pictures of one channel: as if it stood in all three colours, and their mean came out."""
    found = dict(tensors)
    if genome.needs_pilot:
        noise = genome.width_of_input(0)
        for name in ("body.down.0.convolution.weight", "body.skip.convolution.weight"):
            if name in found:
                pilot = found[name][:, noise:].sum(dim=1, keepdim=True)
                found[name] = torch.cat([found[name][:, :noise], pilot], dim=1)
    for name in ("head.weight", "head.bias"):
        found[name] = found[name].mean(dim=0, keepdim=True)
    return found


def _damaged(path: Path, why: str) -> FormatError:
    return FormatError(
        f"the learnt weights in {path.name} cannot be used ({why})",
        "they are safetensors with the tensors of the preset that the file is named after",
        f"install dipsearch again, or begin cold with {option('start', 'cold')}",
    )
