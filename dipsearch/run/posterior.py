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
from ..problem import Case, Problem, TaskOptions, origin
from ..trials.true_quality import true_psnr_and_ssim
from .devices import choose_devices, threads_each
from .one_by_one import Made, OneByOne, Restorations, Turn
from .outcome import Callback, Snapshot, WorkerState
from .restorable import Opened, Restorable, look_over
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
    resume: bool = False,
) -> Restorations:
    """Restore pictures by Langevin sampling, one after the other, each in its share of the time that is left.

    Args:
        target: as for ``run_restore``; of an ensemble, the first network is sampled.
        out: the folder for ``NAME.png`` and ``NAME-deviation.npz`` (``deviation``, float32, ``(1, C, H, W)``).
        langevin: settings of the sampler.
        budget_seconds: wall time for everything; ``None``: all iterations.
        compute: in which precision.
        resume: as for ``run_restore``.

    Returns:
        Per picture what ``run_restore`` returns, and ``deviation, samples, steps, ended``; the score is ``None``.

    Raises:
        DipsearchError: as ``run_restore``.
    """
    started = time.monotonic() if started is None else started
    genome, place = genomes_of(target)[0], choose_devices(device, workers=1)[0]
    given, asked = look_over(sources, options, out=out), Asked()
    maps = {file: origin for one in given.restorables for file, origin in _maps(one, one.file).items()}
    refuse_overwriting(maps, given.inputs)
    if why := less_precise(compute.precision, torch.device(place)):
        callback.note(why)

    def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
        made = list[Made | None]()
        for one in opened:
            images, rows = list[Tensor](), list[dict[str, Any]]()
            files = _maps(one.restorable, one.file)
            for name, case, file in zip(one.restorable.names, one.cases, files, strict=True):
                if asked.once and len(one.cases) > 1:
                    break  # a film of which a part was hardly begun would replace an earlier one
                now = time.monotonic()
                until = None if turn.seconds is None else turn.started + turn.seconds * (1 - SLACK)
                end = None if until is None else now + (until - now) / (len(one.cases) - len(images))
                problem = case.problem.to(place)
                pilot = _pilot(genome, problem, callback)
                with interruptible(asked=asked):
                    watch = _Watch(callback, name, langevin, asked, started=turn.started, until=until)
                    found = sample(
                        genome,
                        problem,
                        langevin=langevin,
                        seed=seed,
                        seconds=None if end is None else max(1.0, end - time.monotonic()),
                        watch=watch,
                        pilot=pilot,
                        compute=compute,
                    )
                images.append(data_consistent(found.mean.cpu(), case.problem))
                refuse_overwriting({file: files[file]}, one.restorable.inputs)
                _write_map(file, found, case)
                seconds = time.monotonic() - turn.started
                row = _row(found, name, case, images[-1], files=(one.file, file), seconds=seconds)
                rows.append({**row, "interrupted": asked.once})
            made.append((images, rows) if len(images) == len(one.cases) else None)
        return made

    threads = torch.get_num_threads()
    torch.set_num_threads(threads_each(1, hurried=budget_seconds is not None))
    try:
        return OneByOne(
            given,
            options,
            seed,
            callback,
            started,
            budget_seconds,
            request=repr((genome.digest, langevin, compute.precision)),
            resume=resume,
            asked=asked,
        ).run(work)
    finally:
        torch.set_num_threads(threads)


def _maps(one: Restorable, file: Path) -> dict[Path, str]:
    """The maps of a picture, or of each plane of a stack, and what each is made of."""
    names = one.names if one.stack else (file.stem,)
    return {
        file.with_name(f"{name}-deviation.npz"): origin(source)
        for name, source in zip(names, one.sources, strict=True)
    }


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
