"""The recording of the table: fit after fit, each in a file of its own, so that it can be ended and gone on with.

The order is genome by genome: when it ends early, the genomes that are complete are a smaller table. When a genome has
been fitted with a seed to all cases, its fits are put together into one small file, which changes only when pictures
are added: such files can be kept under version control and be brought together from several machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....files import replacing
from ....trials.array_files import read_npz
from ...shared.machine import one_thread
from ...shared.worker_pool import worker_pool
from .fit_recording import most_steps, record_fit
from .table_cases import TASKS, TablePicture, prepared
from .table_genomes import Block, TableGenome

FITS = "fits"
"""The folder of single fits, inside that of the recordings."""

Arrays = dict[str, NDArray[Any]]


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
    def block(self) -> str:
        """The file of all fits of the genome with this seed."""
        return f"{self.one.genome.digest}-{self.seed}.npz"

    @property
    def case(self) -> str:
        """What it is called in that file."""
        return f"{self.picture.name}-{self.task}"

    @property
    def file(self) -> str:
        """The recording's own file, until there is that of all."""
        return f"{FITS}/{self.one.genome.digest}-{self.seed}-{self.case}.npz"


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
    (folder / FITS).mkdir(parents=True, exist_ok=True)
    there = recorded_jobs(jobs, folder)
    todo = iter([job for job in jobs if job not in there])
    done = len(there)
    put_together(jobs, folder)
    for job, line in _recorded(todo, folder, workers, ends):
        done += 1
        put_together([one for one in jobs if one.block == job.block], folder)
        watch(f"{done} of {len(jobs)}: {line}")
    return done


def recorded_jobs(jobs: Sequence[TableJob], folder: Path) -> set[TableJob]:
    """Those of the fits that ``folder`` has.

    Raises:
        FormatError: a file of a genome is damaged.
    """
    whole = {block: _cases_in(folder / block) for block in {job.block for job in jobs}}
    return {job for job in jobs if job.case in whole[job.block] or (folder / job.file).exists()}


def put_together(jobs: Sequence[TableJob], folder: Path) -> None:
    """Make one file of the fits of each genome and seed that has been fitted to all cases.

    Raises:
        FormatError: a recording is damaged.
    """
    blocks: dict[str, list[TableJob]] = {}
    for job in jobs:
        blocks.setdefault(job.block, []).append(job)
    for block, fits in blocks.items():
        single = [job for job in fits if (folder / job.file).exists()]
        if single and recorded_jobs(fits, folder) == {*fits}:
            arrays: Arrays = read_npz(folder / block) if (folder / block).exists() else {}
            for job in single:
                fit = read_npz(folder / job.file)
                arrays |= {f"{job.case}/{name}": values for name, values in fit.items()}
            with replacing(folder / block) as temporary:
                np.savez_compressed(temporary, allow_pickle=False, **arrays)
            for job in single:
                (folder / job.file).unlink()


def read_fits(folder: Path, block: str) -> dict[str, Arrays]:
    """The fits of a genome with a seed, by case.

    Raises:
        FormatError: the file is damaged.
    """
    found: dict[str, Arrays] = {}
    for key, values in read_npz(folder / block).items():
        case, _, name = key.partition("/")
        found.setdefault(case, {})[name] = values
    return found


def _cases_in(path: Path) -> set[str]:
    if not path.exists():
        return set()
    return {key.partition("/")[0] for key in read_npz(path)}


def _recorded(
    todo: Iterator[TableJob], folder: Path, workers: int, ends: float
) -> Iterator[tuple[TableJob, str]]:
    if workers == 1:
        one_thread()
        for job in todo:
            if time.monotonic() >= ends:
                return
            yield job, _record(job, folder)
        return
    with worker_pool(workers) as pool:
        running: dict[Future[str], TableJob] = {}
        for job in todo:
            if time.monotonic() >= ends:
                break
            running[pool.submit(_record, job, folder)] = job
            while len(running) > workers:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                yield from ((running.pop(each), each.result()) for each in done)
        yield from ((running[each], each.result()) for each in running)


def _record(job: TableJob, folder: Path) -> str:
    begun = time.process_time()
    case = prepared(job.picture, job.task)
    found = record_fit(job.one.genome, case, seed=job.seed, steps=most_steps(job.one, job.task))
    with replacing(folder / job.file) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **found)
    polished = found["sketches"][-1].astype(np.float64)
    after = case.psnr_of(float((polished**2).mean()) + float(found["beyond"][-1]))
    final = f"{found['psnr'][-1]:.2f} dB" if len(found["psnr"]) else "nothing"
    return (
        f"{job.one.name} {job.seed} {job.picture.name} {job.task}: {final}, polished {after:.2f}, "
        f"{len(found['psnr'])} check points, {time.process_time() - begun:.0f} s"
    )
