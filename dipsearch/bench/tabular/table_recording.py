"""The recording of the table: fit after fit, each in a file of its own, so that it can be ended and gone on with.

The order is genome by genome: when it ends early, the genomes that are complete are a smaller table. The time of an
iteration is measured once for every genome and size, apart from the fits and when they are packed.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...files import replacing, write_text
from ...network import Genome
from ..policy_recording import one_thread, seconds_per_step
from .fit_recording import most_steps, record_fit
from .table_cases import SIDES, TASKS, TablePicture, noisy, prepared
from .table_genomes import Block, TableGenome

SPEEDS = "speeds.json"


@dataclass(frozen=True)
class TableJob:
    """One fit to record.

    Args:
        one: the genome, with its name.
        seed: of the fit.
        picture: that is damaged.
        task: that repairs it.
    """

    one: TableGenome
    seed: int
    picture: TablePicture
    task: str

    @property
    def file(self) -> str:
        """The recording's."""
        return f"{self.one.genome.digest}-{self.seed}-{self.picture.name}-{self.task}.npz"


def table_jobs(
    genomes: Sequence[TableGenome], blocks: Sequence[Block], pictures: Sequence[TablePicture]
) -> list[TableJob]:
    """All fits, in the order in which they are recorded."""
    known = {one.name: one for one in genomes}
    return [
        TableJob(known[block.genome], block.seed, picture, task)
        for block in blocks
        for picture in pictures
        for task in TASKS
    ]


def record_table(
    jobs: Sequence[TableJob],
    *,
    folder: Path,
    workers: int,
    hours: float | None = None,
    watch: Callable[[str], None] = lambda line: None,
) -> int:
    """Record the fits that ``folder`` lacks; return how many there are now.

    Args:
        workers: processes, one thread each; with one, no other than this.
        hours: after which no fit is begun; ``None``: all are made.
        watch: told about each recording.

    Raises:
        InputError: a picture cannot be read, or is too small.
    """
    ends = time.monotonic() + 3600 * hours if hours is not None else float("inf")
    todo = iter([job for job in jobs if not (folder / job.file).exists()])
    done = sum((folder / job.file).exists() for job in jobs)
    folder.mkdir(parents=True, exist_ok=True)
    for line in _recorded(todo, folder, workers, ends):
        done += 1
        watch(f"{done} of {len(jobs)}: {line}")
    return done


def _recorded(todo: Iterator[TableJob], folder: Path, workers: int, ends: float) -> Iterator[str]:
    if workers == 1:
        one_thread()
        for job in todo:
            if time.monotonic() >= ends:
                return
            yield _record(job, folder)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=one_thread) as pool:
        running = set[Future[str]]()
        for job in todo:
            if time.monotonic() >= ends:
                break
            running.add(pool.submit(_record, job, folder))
            while len(running) > workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        yield from (each.result() for each in running)


def _record(job: TableJob, folder: Path) -> str:
    begun = time.process_time()
    case = prepared(job.picture, job.task)
    found = record_fit(job.one.genome, case, seed=job.seed, steps=most_steps(job.one, job.task))
    with replacing(folder / job.file) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **found)
    after = case.psnr_of(float((found["polished"].astype(np.float64) ** 2).mean()))
    final = f"{found['psnr'][-1]:.2f} dB" if len(found["psnr"]) else "nothing"
    return (
        f"{job.one.name} {job.seed} {job.picture.name} {job.task}: {final}, polished {after:.2f}, "
        f"{len(found['psnr'])} check points, {time.process_time() - begun:.0f} s"
    )


def measured_speeds(
    genomes: Sequence[Genome], folder: Path, *, watch: Callable[[str], None] = lambda line: None
) -> dict[str, dict[int, float]]:
    """Processor seconds of an iteration on a colour picture, by the genome's digest and the picture's side.

    Those that the folder's file lacks are measured: on a quiet machine, please, and again when the file is removed.
    """
    path = folder / SPEEDS
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    one_thread()
    found: dict[str, dict[int, float]] = {}
    for genome in genomes:
        for side in sorted({*SIDES.values()}):
            key = f"{genome.digest}@{side}"
            if key not in known:
                problem = noisy(torch.full((1, 3, side, side), 0.5), 0)
                known[key] = round(seconds_per_step(genome, problem), 5)
                write_text(path, json.dumps(known, indent=1) + "\n")
                watch(f"{key}: {known[key]:.4f} s for an iteration")
            found.setdefault(genome.digest, {})[side] = known[key]
    return found
