"""The packing of recordings: from a folder of fits to a table.

Genomes with a fit missing on some case are left out, so that all genomes of a table have been tried on all its cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...trials.trial_files import read_npz
from ..sketches import sketches_of_errors
from .fit_recording import CURVES
from .table import Table
from .table_cases import SIDES, TASKS, TablePicture, prepared
from .table_genomes import Block, TableGenome, multiply_adds
from .table_parts import Recorded, TableCase, TableFit
from .table_recording import TableJob, measured_speeds, table_jobs

DIMENSIONS = 96
"""Of the plane of a case."""


def pack_table(
    genomes: Sequence[TableGenome],
    blocks: Sequence[Block],
    pictures: Sequence[TablePicture],
    *,
    folder: Path,
    watch: Callable[[str], None] = lambda line: None,
) -> Table:
    """The table of all genomes and seeds of which ``folder`` has the fits to all cases.

    Raises:
        InputError: not one of them is complete.
        FormatError: a recording is damaged.
    """
    whole = [
        block
        for block in blocks
        if all((folder / job.file).exists() for job in table_jobs(genomes, [block], pictures))
    ]
    if not whole:
        raise InputError(
            f"{folder} holds no genome with fits to all {len(pictures)} pictures and {len(TASKS)} tasks",
            "a table is made of whole genomes",
            "record more",
        )
    names = dict.fromkeys(block.genome for block in whole)
    used = [one for one in genomes if one.name in names]
    speeds = measured_speeds([one.genome for one in used], folder, watch=watch)
    recorded = tuple(
        Recorded(one, speeds[one.genome.digest], round(multiply_adds(one.genome), 4)) for one in used
    )
    jobs = table_jobs(genomes, whole, pictures)
    return Table(recorded, tuple(_cases(jobs, pictures, folder, watch)))


def _cases(
    jobs: Sequence[TableJob], pictures: Sequence[TablePicture], folder: Path, watch: Callable[[str], None]
) -> Iterator[TableCase]:
    for picture in pictures:
        for task in TASKS:
            there = [job for job in jobs if (job.picture, job.task) == (picture, task)]
            yield _case(there, folder)
            watch(f"packed: {picture.name} {task}, {len(there)} fits")


def _case(jobs: Sequence[TableJob], folder: Path) -> TableCase:
    picture, task = jobs[0].picture, jobs[0].task
    case = prepared(picture, task)
    found = [read_npz(folder / job.file) for job in jobs]
    rows = [np.concatenate([one["errors"], one["polished"][None]]) for one in found]
    drawn, beyond = sketches_of_errors(
        np.concatenate([case.errors(case.first)[None], *rows]), dimensions=DIMENSIONS
    )
    ends = 1 + np.cumsum([len(each) for each in rows])
    fits = {
        (job.one.genome.digest, job.seed): _fit(
            job, one, drawn[end - len(each) : end], beyond[end - len(each) : end]
        )
        for job, one, each, end in zip(jobs, found, rows, ends, strict=True)
    }
    return TableCase(
        picture=picture.name,
        kind=picture.kind,
        task=task,
        set=picture.set,
        side=SIDES[task],
        share=case.share,
        first=(drawn[0], float(beyond[0])),
        first_validation_mse=float(case.split.validation_mse(case.problem.view(case.pilot))),
        fits=fits,
    )


def _fit(
    job: TableJob,
    arrays: Mapping[str, NDArray[np.float32]],
    sketches: NDArray[np.float32],
    beyond: NDArray[np.float32],
) -> TableFit:
    curves = {name: arrays[name].astype(np.float32) for name in CURVES}
    return TableFit(
        digest=job.one.genome.digest,
        seed=job.seed,
        ended=str(arrays["ended"]),
        validation_mse=curves["score"],
        psnr=curves["psnr"],
        now_validation_mse=curves["now_score"],
        now_psnr=curves["now_psnr"],
        step=arrays["step"].astype(np.int32),
        sketches=sketches,
        beyond=beyond,
        polished_validation_mse=float(arrays["polished_score"]),
    )
