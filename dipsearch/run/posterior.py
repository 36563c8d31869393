"""Sampling: restore a picture by the mean of a long, disturbed fit, with a map of where it is unsure.

No split, no stopping rule, no ensemble: what ``restore --sgld`` does instead of a stopped fit (Cheng et al., 2019).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..execution.at_once import patch_device
from ..execution.runner import Asked
from ..execution.timed_answer import plain_threads
from ..files import replacing
from ..fitting import Check, Ended, Langevin, Posterior, data_consistent, sample
from ..fitting.compute import USUAL, Compute
from ..fitting.precision import less_precise
from ..network import Genome
from ..own_files import refuse_overwriting, remember
from ..patches import answer
from ..planning.budget import SLACK
from ..problem import (
    Case,
    Problem,
    TaskOptions,
    left_out,
    origin,
)
from ..trials.true_quality import true_psnr_and_ssim
from .devices import choose_devices, threads_each
from .outcome import Callback, Snapshot, WorkerState
from .restorable import restorable
from .restore_run import genomes_of
from .signals import interruptible


def run_sampling(
    target: str | Path,
    sources: Sequence[str],
    options: TaskOptions,
    *,
    out: Path,
    device: str,
    seed: int,
    langevin: Langevin,
    budget_seconds: float | None,
    callback: Callback,
    compute: Compute = USUAL,
    started: float | None = None,
) -> list[dict[str, Any]]:
    """Restore pictures by Langevin sampling, one after the other, each in an equal share of the time that is left.

    Args:
        target: as for ``run_restore``; of an ensemble, the first network is sampled.
        out: the folder for ``NAME.png`` and ``NAME-deviation.npz`` (``deviation``, float32, ``(1, C, H, W)``).
        langevin: settings of the sampler.
        budget_seconds: wall time for everything; ``None``: all iterations.
        compute: in which precision.

    Returns:
        Per picture what ``run_restore`` returns, and ``deviation, samples, steps, ended``; the score is ``None``.

    Raises:
        DipsearchError: something cannot be used; nothing was written.
    """
    started = time.monotonic() if started is None else started
    genome, place = genomes_of(target)[0], choose_devices(device, workers=1)[0]
    pictures = restorable(sources, options, out=out, seed=seed)
    cases, names, files = pictures.cases, pictures.names, pictures.files
    # The planes of a stack have one file, and each a map of its own.
    maps = [
        file.with_name(f"{name if file in pictures.stacks else file.stem}-deviation.npz")
        for name, file in zip(names, files, strict=True)
    ]
    refuse_overwriting({file: origin(case.source) for file, case in zip(maps, cases, strict=True)}, {})
    if why := less_precise(compute.precision, torch.device(place)):
        callback.note(why)
    until = None if budget_seconds is None else started + budget_seconds * (1 - SLACK)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads_each(1, hurried=budget_seconds is not None))
    asked = Asked()
    results, images = list[dict[str, Any]](), list[Tensor]()
    try:
        for index, (name, case) in enumerate(zip(names, cases, strict=True)):
            if asked.once:
                callback.note(f"{asked.by}: {', '.join(names[index:])} not begun")
                break
            of = f"{name}: " if len(names) > 1 else ""
            for note in (*(f"{of}{one}" for one in case.notes), left_out(files[index], case)):
                if note:
                    callback.note(note)
            for sentence in case.details:
                callback.detail(f"{of}{sentence}")
            end = (
                None
                if until is None
                else time.monotonic() + (until - time.monotonic()) / (len(cases) - index)
            )
            problem = case.problem.to(place)
            pilot = _pilot(genome, problem, callback)
            left = None if end is None else max(1.0, end - time.monotonic())
            with interruptible(asked=asked):
                watch = _Watch(callback, name, langevin, asked, started=started, until=until)
                found = sample(
                    genome,
                    problem,
                    langevin=langevin,
                    seed=seed,
                    seconds=left,
                    watch=watch,
                    pilot=pilot,
                    compute=compute,
                )
            images.append(data_consistent(found.mean.cpu(), case.problem))
            pictures.write(index, images[-1])
            _write_map(maps[index], found, case)
            seconds = time.monotonic() - started
            row = _row(found, name, case, images[-1], files=(files[index], maps[index]), seconds=seconds)
            results.append({**row, "interrupted": asked.once})
    finally:
        torch.set_num_threads(threads)
    pictures.write_stacks(images)  # somebody may have asked to finish before the last plane of one
    return results


def _pilot(genome: Genome, problem: Problem, callback: Callback) -> Tensor | None:
    """What similar patches make of all of y, for networks that have it in their input."""
    if not genome.needs_pilot:
        return None
    callback.note("similar patches first: this network has their answer in its input")
    with plain_threads():
        return answer(problem.to(patch_device(str(problem.y.device)))).to(problem.y.device)


class _Watch:
    """Shows the sampling as the work of one worker."""

    def __init__(
        self,
        callback: Callback,
        name: str,
        langevin: Langevin,
        asked: Asked,
        *,
        started: float,
        until: float | None,
    ) -> None:
        self._asked = asked
        self._callback, self._langevin, self._started, self._until = callback, langevin, started, until
        self._state = WorkerState(0, label=f"sampling {name}", max_steps=langevin.steps)
        self._begun = time.monotonic()

    def __call__(self, check: Check, mean: Tensor) -> Ended | None:
        del mean
        now = time.monotonic()
        speed = check.step / max(now - self._begun, 1e-6)
        worker = replace(self._state, step=check.step, steps_per_second=speed)
        left = (self._langevin.steps - check.step) / speed
        left = left if self._until is None else min(left, max(0.0, self._until - now))
        self._callback.progress(
            Snapshot("sampling", seconds=now - self._started, seconds_left=left, workers=(worker,))
        )
        return Ended.TIME if self._asked.once else None


def _write_map(file: Path, found: Posterior, case: Case) -> None:
    # Where observed pixels were put back, nothing is unsure.
    kept = data_consistent(torch.full_like(found.deviation.cpu(), float("nan")), case.problem).isfinite()
    unsure = torch.where(kept, 0.0, found.deviation.cpu())
    with replacing(file) as temporary:
        np.savez_compressed(temporary, deviation=unsure.numpy().astype(np.float32))
    remember({file: origin(case.source)})


def _row(
    found: Posterior, name: str, case: Case, image: Tensor, *, files: tuple[Path, Path], seconds: float
) -> dict[str, Any]:
    truth = case.reference
    return {
        "name": name,
        "source": case.source,
        "restored": str(files[0]),
        "deviation": str(files[1]),
        "delivered": "posterior mean",
        "score": None,
        "members": 1,
        "samples": found.samples,
        "steps": found.steps,
        "ended": found.ended.value,
        **true_psnr_and_ssim(image, truth, data_range=case.data_range),
        "seconds": round(seconds, 1),
        "reference": truth is not None,
    }
