"""Our own search on a measurement of an operator: as from Python, with the problem alone.

The clean picture is not given to it, not even for its reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...api import Result, search
from ...errors import FormatError
from ...fitting import combine
from ...problem import Problem
from ...trials.trial_files import read_output, trial_folder
from ..shared.search_process import no_library


@dataclass(frozen=True, eq=False)
class Restored:
    """An image (1, C, H, W) and the PSNR in dB that the search itself expects of its A x, if it expects any."""

    image: Tensor
    estimate: float | None


@dataclass(frozen=True, eq=False)
class Found:
    """What a search ended with.

    Args:
        delivered: by it.
        networks: the mean of its best networks, or its best one, without similar patches; ``None`` where none was
            fitted.
    """

    delivered: Restored
    networks: Restored | None


Searcher = Callable[[Problem, int, int], Found]
"""From a problem, seconds and a seed to what was found; tests put something quicker in its place."""


def run_search(workers: int) -> Searcher:
    """A searcher with so many processes."""

    def searched(problem: Problem, seconds: int, seed: int) -> Found:
        with no_library():
            result = search(problem, budget=float(seconds), workers=workers, seed=seed)
        if result.summary.get("interrupted"):
            # The search took Ctrl-C for itself, and delivers what it had: that is no measurement.
            raise KeyboardInterrupt
        return Found(Restored(result.restored[0], result.estimated_psnr), networks_of(result))

    return searched


def networks_of(result: Result) -> Restored | None:
    """What the networks of a search lead to, from the files that its candidates left."""
    picture: Mapping[str, Any] = (result.summary.get("pictures") or [{}])[0]
    ensemble, best = picture.get("ensemble") or picture.get("stack"), picture.get("best")
    if ensemble:
        members, weights, estimate = ensemble["members"], ensemble["weights"], ensemble["score"]
    elif best:
        members, weights, estimate = [best["number"]], [1.0], best["score"]
    else:
        return None
    assert result.folder is not None
    try:
        images = [
            read_output(trial_folder(result.folder, number) / "output.npz").delivered for number in members
        ]
    except FormatError:
        return None
    return Restored(combine(images, [weight / sum(weights) for weight in weights]), estimate)
