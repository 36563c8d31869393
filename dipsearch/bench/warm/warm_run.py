"""Warm starts measured: networks fitted from random and from learnt weights to pictures that nothing was learnt from.

Both fits get the same split, the same z, jitter and first answer, and end by the rule of a search. A fit that is
recorded is not made again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ...fitting import Check, Ended, StepState, data_consistent, default_rule, fit
from ...fitting.memory import keep_freed_memory
from ...library import preset
from ...library.warm_weights import SUFFIX, warm_start
from ...patches import answer
from ...planning.budget import SHORT_PATIENCE
from ...problem import Problem, Split, make_split, psnr
from ...problem.formats.sources import picture_name
from ...trials.array_files import read_npz, write_npz
from ..cases.damages import DAMAGES
from ..cases.half_size_crops import half_size_crop
from ..shared.row_file import RowFile
from .warm_pictures import WARM_DAMAGES
from .warm_rows import NEAR, WarmRow

SIDE = 64
"""Of the crops, at half the size of the pictures."""

EVERY = 10
"""Iterations between check points."""

VERSION = "matched head"
"""Of what a warm fit starts from, beside its weights: rows of another one are made again."""


@dataclass(frozen=True, eq=False)
class _Course:
    """What is kept of a fit: PSNR of the averaged output at each check point, and where the rule stopped."""

    psnr: NDArray[np.float64]
    stop_step: int
    seconds_per_step: float

    @property
    def stop_db(self) -> float:
        return float(self.psnr[self.stop_step // EVERY - 1])

    @property
    def peak(self) -> tuple[float, int]:
        return float(np.nanmax(self.psnr)), EVERY * (int(np.nanargmax(self.psnr)) + 1)

    @property
    def steps(self) -> int:
        return EVERY * len(self.psnr)

    def reaches(self, level: float) -> int:
        """The first iteration with so many dB; 0: none."""
        there = np.flatnonzero(self.psnr >= level)
        return EVERY * (int(there[0]) + 1) if len(there) else 0


@dataclass(frozen=True, eq=False)
class _WarmCase:
    clean: Tensor
    problem: Problem
    split: Split
    pilot: Tensor


@dataclass(frozen=True)
class WarmFits:
    """What is measured.

    Args:
        sources: pictures and what they show.
        pictures: "tuning" or "fresh".
        networks: presets with weights.
        attempt: how these were learnt.
        weights: their folder.
        steps: iterations of a fit at the most.
        recordings: where fits are kept.
    """

    sources: Sequence[tuple[str, str]]
    pictures: str
    networks: Sequence[str]
    attempt: str
    weights: Path
    steps: int
    recordings: Path


def measure_warm(wanted: WarmFits, file: RowFile[WarmRow], *, say: Callable[[str], None]) -> None:
    """Measure what ``file`` does not hold yet, picture by picture; it is written after every row.

    Args:
        say: sees a line for every row.

    Raises:
        DipsearchError: a picture or weights cannot be read.
    """
    torch.set_num_threads(1)
    keep_freed_memory()
    for (source, kind), damage, network in product(wanted.sources, WARM_DAMAGES, wanted.networks):
        content = (wanted.weights / f"{network}{SUFFIX}").read_bytes()
        digest = hashlib.sha256(content + f"{VERSION} {wanted.steps} {SIDE}".encode()).hexdigest()[:12]
        name = picture_name(source).lower()
        if file.has((wanted.pictures, name, damage, network, wanted.attempt), measurement=digest):
            continue
        try:
            row = _row(wanted, source, kind, damage, network, digest)
        except TooFewValues as error:
            say(f"{name} {damage}: left out, {error.given}")
            continue
        say(
            f"{name} {damage} {network}: cold {row.cold_stop_db:.2f} dB at {row.cold_stop_step}, "
            f"warm {row.warm_stop_db:.2f} at {row.warm_stop_step}; near the cold peak after "
            f"{row.cold_near_step} and {row.warm_near_step or 'never'}"
        )
        file.add([row])


def _row(wanted: WarmFits, source: str, kind: str, damage: str, network: str, digest: str) -> WarmRow:
    name, steps, case = picture_name(source).lower(), wanted.steps, _case(source, damage)
    channels = case.clean.shape[1]
    start = warm_start(preset(network), channels=channels, seed=0, pilot=case.pilot, folder=wanted.weights)
    of = f"{name}-{damage}-{network}-{steps}"
    cold = _recorded(wanted.recordings / f"{of}-cold.npz", case, network, None, steps)
    warm = _recorded(wanted.recordings / f"{of}-{digest}.npz", case, network, start, steps)
    level = cold.peak[0] - NEAR
    return WarmRow(
        pictures=wanted.pictures,
        picture=name,
        kind=kind,
        damage=damage,
        task=DAMAGES[damage].task,
        network=network,
        attempt=wanted.attempt,
        measurement=digest,
        seconds_per_step=round(min(cold.seconds_per_step, warm.seconds_per_step), 5),
        cold_peak_db=round(cold.peak[0], 3),
        cold_peak_step=cold.peak[1],
        cold_near_step=cold.reaches(level),
        cold_stop_db=round(cold.stop_db, 3),
        cold_stop_step=cold.stop_step,
        cold_steps=cold.steps,
        warm_peak_db=round(warm.peak[0], 3),
        warm_peak_step=warm.peak[1],
        warm_near_step=warm.reaches(level),
        warm_stop_db=round(warm.stop_db, 3),
        warm_stop_step=warm.stop_step,
        warm_steps=warm.steps,
    )


class TooFewValues(InputError):
    """So little was measured that nothing is left to judge a restoration."""


@lru_cache(maxsize=1)
def _case(source: str, damage: str) -> _WarmCase:
    clean = half_size_crop(source, side=SIDE)
    problem = DAMAGES[damage].make(clean, 0)
    try:
        split = make_split(problem, seed=0)
    except InputError as error:  # a small grey picture at a quarter of its size
        raise TooFewValues(error.given, error.rule, error.fix) from error
    return _WarmCase(clean, problem, split, answer(problem, split=split))


def _recorded(file: Path, case: _WarmCase, network: str, start: StepState | None, steps: int) -> _Course:
    if file.exists():
        arrays = read_npz(file)
        return _Course(arrays["psnr"], int(arrays["stop"]), float(arrays["seconds"]))
    found = _course(case, network, start, steps)
    write_npz(
        file,
        {
            "psnr": found.psnr,
            "stop": np.array(found.stop_step),
            "seconds": np.array(found.seconds_per_step),
        },
    )
    return found


def _course(case: _WarmCase, network: str, start: StepState | None, steps: int) -> _Course:
    truths: list[float] = []
    times = [time.process_time()]

    def look(check: Check, image: Tensor) -> Ended | None:
        del check
        truths.append(psnr(data_consistent(image, case.problem), case.clean))
        times.append(time.process_time())
        return None

    done = fit(
        preset(network),
        case.problem,
        split=case.split,
        seed=0,
        max_steps=steps,
        rule=default_rule(case.split, patience=SHORT_PATIENCE),
        check_every=EVERY,
        start=start,
        watch=look,
        pilot=case.pilot,
    )
    # The check point at which the rule ends the fit is not looked at; its own choice lies before that.
    return _Course(np.array(truths), max(done.step, EVERY), float(np.diff(times).min()) / EVERY)
