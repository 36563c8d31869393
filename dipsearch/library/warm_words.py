"""What people are told of warm weights: which networks begin with them, and why others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dipsearch.network import Genome, Network
from dipsearch.request_words import StartWord

from .warm_weights import FOLDER, SUFFIX, begins_warm, read_warm_weights, warm_name, warm_names


def warm_words(
    start: StartWord, queue: Sequence[tuple[str, Genome]], *, task: str, channels: Sequence[int]
) -> str:
    """Which known networks of a search begin with learnt weights; empty where nobody asked for any and none do.

    Args:
        start: what was asked for.
        queue: the known networks by name.
        task: of the problems.
        channels: of their images.

    Raises:
        FormatError: the weights cannot be read.
    """
    if not begins_warm(start, task):
        return ""
    warm = [
        name
        for name, genome in queue
        if len(set(channels)) == 1 and warm_name(start, genome, task=task, channels=channels[0])
    ]
    if not warm and start == "auto":
        return ""
    if not warm:
        return f"no network of this search has learnt weights for such pictures: all begin cold; {_there()}"
    return f"{', '.join(warm)} {'begins' if len(warm) == 1 else 'begin'} with learnt weights, all others cold"


def cold_words(network: Network) -> str:
    """Why a network begins cold although it was to begin warm."""
    label = network.label if isinstance(network, Genome) else "a network of one's own"
    return f"no learnt weights fit {label}, which begins cold; {_there()}"


def start_record(start: StartWord, used: Mapping[int, str | None]) -> dict[str, Any]:
    """What ``result.json`` says of the beginnings of the candidates.

    Args:
        start: what was asked for.
        used: the preset whose weights each candidate began with; ``None``: random ones.
    """
    names = sorted({name for name in used.values() if name is not None})
    return {
        "asked": start,
        "warm": [number for number, name in used.items() if name is not None],
        "weights": {name: read_warm_weights(FOLDER / f"{name}{SUFFIX}").digest for name in names},
    }


def _there() -> str:
    return f"there are some for {', '.join(warm_names()) or 'no network'}"
