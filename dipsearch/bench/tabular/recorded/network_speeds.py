"""The time of an iteration: measured once for every genome and size, apart from the fits and when they are packed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....errors import FormatError
from ....files import write_text
from ....fitting import Check, fit
from ....network import Genome
from ....problem import Problem, make_split
from ...shared.machine import machine_name, one_thread
from .table_cases import SIDES, noisy

SPEEDS = "speeds.json"


def measured_speeds(
    genomes: Sequence[Genome], folder: Path, *, watch: Callable[[str], None] = lambda line: None
) -> dict[str, dict[int, float]]:
    """Processor seconds of an iteration on a colour picture on this machine, by the genome's digest and the side.

    Those that the folder's file lacks are measured: on a quiet machine, please, and again when the file is removed.

    Raises:
        FormatError: that file holds something else.
    """
    path = folder / SPEEDS
    known = _known(path)
    one_thread()
    found: dict[str, dict[int, float]] = {}
    machine = machine_name("cpu")
    for genome in genomes:
        for side in sorted({*SIDES.values()}):
            key = f"{genome.digest}@{side} on {machine}"
            if key not in known:
                problem = noisy(torch.full((1, 3, side, side), 0.5), 0)
                known[key] = round(seconds_per_step(genome, problem), 5)
                write_text(path, json.dumps(known, indent=1) + "\n")
                watch(f"{key}: {known[key]:.4f} s for an iteration")
            found.setdefault(genome.digest, {})[side] = known[key]
    return found


def _known(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in known.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{path} holds no times of iterations ({error or type(error).__name__})",
            "it is what bench table wrote",
            "repair it, or remove it to have them measured again",
        ) from error


def seconds_per_step(genome: Genome, problem: Problem) -> float:
    """The fastest of a few: other work on the machine slows down the others."""
    times = [time.process_time()]

    def look(check: Check, image: Tensor) -> None:
        times.append(time.process_time())

    fit(
        genome,
        problem,
        split=make_split(problem, seed=0),
        seed=0,
        max_steps=24,
        check_every=3,
        watch=look,
        pilot=problem.y,
    )
    return float(np.diff(times)[1:].min()) / 3
