"""The delivery's table: ways of making one image from the fits of a case, against the best single fit.

That fit is chosen with the reference, among images as they were judged at the stop; a gain is in dB over it. For
inpainting all images are compared before the observed pixels are put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..fitting import combine, put_back, stack, stack_weights
from ..problem import Problem, Split, make_split, psnr
from ..search.baselines import classical
from ..search.blending import Classical, blended
from ..search.candidate import Output
from ..search.delivering import WORTH_STACKING, Member, deliver
from ..search.prepared import Prepared
from .damages import DAMAGES
from .pictures import half_size_crop
from .recorder import SECOND, Job, cases_of, read_second
from .recording import Outputs, read_recording
from .replays import default_choice
from .score_tables import ALL
from .sections import crossed

BASELINE, DEFAULT = "classical method", "stack, all of y, blended (default)"


@dataclass(frozen=True)
class DeliveryRow:
    """What a way of delivering gains over the best single fit that was chosen with the reference.

    Args:
        task, damage: which cases; "all" where they are put together.
        method: its name.
        gain_mean_db, gain_sd_db, gain_min_db: over the cases.
        cases: measurements.
    """

    task: str
    damage: str
    method: str
    gain_mean_db: float
    gain_sd_db: float
    gain_min_db: float
    cases: int


@dataclass(frozen=True, eq=False)
class _Case:
    """The fits of one measurement that are worth combining, the best score first."""

    problem: Problem
    split: Split
    clean: Tensor
    outputs: tuple[Outputs, ...]
    every: tuple[Tensor, ...]
    second: tuple[tuple[float, Tensor], ...]
    second_split: Split


def delivery_rows(jobs: Sequence[Job], *, folder: Path) -> list[DeliveryRow]:
    """One row per damage and method, and per method over everything, from the recordings in ``folder``."""
    gains: dict[tuple[str, str, str], list[float]] = {}
    for case in cases_of(jobs).values():
        found = _read_case(case, folder=folder)
        if found is None:
            continue
        damage, task = case[0].damage, DAMAGES[case[0].damage].task
        images = delivered(found)
        best = max(psnr(image, found.clean) for image in found.every)
        for method, image in images.items():
            for key in ((task, damage, method), (ALL, ALL, method)):
                gains.setdefault(key, []).append(psnr(image, found.clean) - best)
        if found.problem.exact is None or task == "sr":
            continue
        # Exact measurements are delivered as they are: what counts then is what lies between them.
        best = max(psnr(put_back(image, found.problem), found.clean) for image in found.every)
        for method, image in images.items():
            gain = psnr(put_back(image, found.problem), found.clean) - best
            gains.setdefault((task, f"{damage} put back", method), []).append(gain)
    return [
        DeliveryRow(
            *key,
            gain_mean_db=round(float(np.mean(values)), 4),
            gain_sd_db=round(float(np.std(values)), 4),
            gain_min_db=round(float(np.min(values)), 4),
            cases=len(values),
        )
        for key, values in gains.items()
    ]


def delivered(case: _Case) -> Mapping[str, Tensor]:
    """The image that each way of delivering makes of a case."""
    judged = [one.judged for one in case.outputs]
    full = [one.full for one in case.outputs]
    weights, everything = _weights(case, judged), classical(case.problem)[1]
    ways = {
        "chosen by the score": judged[0],
        "chosen by the score, all of y": full[0],
        "stack": combine(judged, weights),
        "stack, all of y": combine(full, weights),
        DEFAULT: combine([combine(full, weights), everything], _shares(case, everything)),
        "stack of three, all of y": combine(full[:3], _weights(case, judged[:3])),
        "mean of three, all of y": combine(full[:3], [1 / len(full[:3])] * len(full[:3])),
        "stack without a ridge, all of y": combine(full, _plain_weights(case, judged, scoring=True)),
        "stack weighed on the fitted part": combine(judged, _plain_weights(case, judged, scoring=False)),
        BASELINE: everything,
    }
    if case.second:
        images = [image for _, image in case.second]
        again = stack(images, case.problem, split=case.second_split, members=range(len(images)))
        other = combine([images[index] for index in again.members], again.weights)
        ways["mean of the stacks of two splits"] = (ways["stack, all of y"] + other) / 2
    return ways


def _shares(case: _Case, everything: Tensor) -> tuple[float, float]:
    """Of the stack and of the classical restoration in what a search would deliver."""
    picture = Prepared("picture", case.problem, case.split)
    members = [
        Member(
            index, Output(one.judged, one.full), float(case.split.score(case.problem.operator.A(one.judged)))
        )
        for index, one in enumerate(case.outputs)
    ]
    name, fitted = classical(case.problem, split=case.split)
    blend = blended(deliver(picture, members), Classical(name, fitted, everything), picture).blend
    share = 0.0 if blend is None else blend.share
    return 1 - share, share


def _weights(case: _Case, images: Sequence[Tensor]) -> list[float]:
    found = stack(images, case.problem, split=case.split, members=range(len(images)))
    by_member = dict(zip(found.members, found.weights, strict=True))
    return [by_member.get(index, 0.0) for index in range(len(images))]


def _plain_weights(case: _Case, images: Sequence[Tensor], *, scoring: bool) -> list[float]:
    split = case.split
    weight, target = (
        (split.score_weight, split.score_target) if scoring else (split.fit_weight, split.fit_target)
    )
    where = weight.bool().expand_as(target)
    rows = np.stack([case.problem.operator.A(image)[where].double().numpy() for image in images])
    return [float(value) for value in stack_weights(rows, target[where].double().numpy())]


def _read_case(case: Sequence[Job], *, folder: Path) -> _Case | None:
    there = [job for job in case if (folder / job.file).exists()]
    if len(there) < 3:
        return None
    damage = DAMAGES[case[0].damage]
    clean = half_size_crop(case[0].source, side=damage.side)
    problem = damage.make(clean, case[0].seed)
    scored: list[tuple[float, int, Outputs]] = []
    every: list[Tensor] = []
    for index, job in enumerate(there):
        recording, outputs = read_recording(folder / job.file)
        stop = default_choice(recording)
        if stop is not None and bool(torch.isfinite(outputs.full).all()):
            scored.append((stop.score, index, outputs))
            every.append(outputs.judged)
    scored.sort(key=lambda row: row[:2])
    allowance = max(abs(scored[0][0]), 1e-6) * (10 ** (WORTH_STACKING / 10) - 1)
    second = [read_second(folder / job.second_file) for job in there if (folder / job.second_file).exists()]
    seed = case[0].seed
    return _Case(
        problem,
        make_split(problem, seed=seed),
        clean,
        tuple(outputs for score, _, outputs in scored if score <= scored[0][0] + allowance),
        tuple(every),
        tuple((score, outputs.judged) for score, outputs in second),
        make_split(problem, seed=seed + SECOND),
    )


def delivery_markdown(rows: Sequence[DeliveryRow]) -> str:
    """Mean and smallest gain in dB: methods against damages."""
    cells = {
        (row.method, row.damage): f"{row.gain_mean_db:+.2f} (min {row.gain_min_db:+.2f})" for row in rows
    }
    return crossed("method", cells)
