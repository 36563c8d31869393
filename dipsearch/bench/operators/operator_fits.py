"""Fits of single networks to measurements of operators, watched with the clean picture in hand, several at a time.

A network of the benchmark is recorded to its end and beyond, into a file from which any stopping rule can be judged
later. The default network of Deep Image Prior is fitted to all of y and stopped by somebody who knows the truth.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ...errors import ResourceError
from ...files import write_text
from ...fitting.compute import Compute
from ...fitting.precision import DEFAULT, Precision
from ...problem import psnr
from ...trials.objective import estimated_psnr
from ..recordings.recorder import SCORING, contestant
from ..recordings.recording import read_recording, record, write_recording
from ..recordings.replays import default_choice
from ..rivals.dip_default import dip_oracle, precision_mark
from ..rivals.rival_limits import Limits
from ..shared.worker_pool import worker_pool
from .operator_cases import INSTRUMENTS, OperatorCase, make_case
from .operator_rows import DIP, NETWORK, OperatorRow, image_row, row_of

DIP_NETWORK = "dip_2018_denoise"
"""The preset with the settings of Ulyanov, Vedaldi and Lempitsky (arXiv 1711.10925) for noise."""


@dataclass(frozen=True)
class FitJob:
    """One fit, in the words from which another process makes it.

    Args:
        crop: the clean picture, a file.
        operator: the name of an instrument.
        seed: of everything that is random.
        method: "dip-oracle", or "network NAME".
        steps: iterations at the most.
        recordings: the folder where recordings are kept.
        precision: of the convolutions of the default network of Deep Image Prior.
    """

    crop: Path
    operator: str
    seed: int
    method: str
    steps: int
    recordings: Path
    precision: Precision = DEFAULT

    def case(self) -> OperatorCase:
        """The measurement."""
        return make_case(self.crop, INSTRUMENTS[self.operator], seed=self.seed)


Fitter = Callable[[Sequence[FitJob]], Iterator[OperatorRow]]
"""Makes the rows of some fits, in any order; tests put something quicker in its place."""


def fit_in_processes(workers: int) -> Fitter:
    """A fitter that has so many processes, one thread each."""

    def fits(jobs: Sequence[FitJob]) -> Iterator[OperatorRow]:
        with worker_pool(workers) as pool:
            running = [pool.submit(fitted_row, job) for job in jobs]
            for future in as_completed(running):
                yield future.result()

    return fits


def fitted_row(job: FitJob) -> OperatorRow:
    """The row of a fit; a recording that is there already is not made again."""
    case = job.case()
    if job.method == DIP:
        started = time.monotonic()
        image = _oracle(case, job)
        row = image_row(case, DIP, image, seconds=time.monotonic() - started, limit=job.steps)
        return replace(row, version=row.version + precision_mark(job.precision))
    return _network_row(case, job)


def recording_file(case: OperatorCase, job: FitJob) -> Path:
    """Where the recording of a fit lies: its name says all that it depends on."""
    words = (case.instrument.name, case.picture, job.method.removeprefix(NETWORK), str(case.seed))
    plain = "-".join(re.sub(r"[^\w@.]+", "-", word) for word in words)
    return job.recordings / f"{plain}-{job.steps}-scoring{SCORING}-{case.digest}.npz"


def _network_row(case: OperatorCase, job: FitJob) -> OperatorRow:
    file = recording_file(case, job)
    if file.exists():
        recording, _ = read_recording(file)
    else:
        recording, judged = record(
            contestant(job.method.removeprefix(NETWORK)),
            case.problem,
            case.clean,
            seed=case.seed,
            most_steps=job.steps,
        )
        if not (job.recordings / ".gitignore").exists():
            write_text(
                job.recordings / ".gitignore", "*\n"
            )  # recordings are large, and made again from the pictures
        write_recording(file, recording, judged)
    stop = default_choice(recording)
    return row_of(
        case,
        job.method,
        limit=job.steps,
        psnr=None if stop is None else stop.psnr,
        stop_loss_db=None if stop is None else stop.loss_db,
        estimate=None if stop is None else estimated_psnr(stop.validation_mse),
        seconds=recording.seconds,
    )


def _oracle(case: OperatorCase, job: FitJob) -> Tensor:
    """(1, C, H, W), NaN where no iterate was finite."""
    try:
        return dip_oracle(
            case.problem,
            Limits(math.inf, job.steps, case.seed, compute=Compute(precision=job.precision)),
            true_psnr=lambda image: psnr(image, case.clean),
            network=DIP_NETWORK,
            patience=None,
        )
    except ResourceError:
        return torch.full_like(case.clean, math.nan)
