"""The packing of recordings: from a folder of fits to a table.

Genomes with a fit missing on some case are left out, so that all genomes of a table have been tried on all its cases.
The time of an iteration is measured once for every genome and size, apart from the fits and when they are packed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....errors import FormatError, InputError
from ....files import write_text
from ....fitting import Check, fit
from ....network import Genome
from ....problem import Problem, make_split
from ...shared.machine import machine_name, one_thread
from .fit_recording import BESIDES, CURVES, EVERY, MARK
from .sketches import sketches_of
from .table import Table
from .table_cases import SIDES, TASKS, TablePicture, noisy, prepared, variance_of_surer
from .table_genomes import Block, TableGenome, multiply_adds
from .table_parts import Recorded, TableCase, TableFit
from .table_recording import (
    Arrays,
    TableJob,
    put_together,
    read_fits,
    recorded_jobs,
    table_jobs,
)

MOST_APART = 0.01
"""Of the marks of axes, as a share: rounding moves them by less than a thousandth, a first answer that is another one
in the third digit by a tenth."""


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
    every = table_jobs(genomes, blocks, pictures)
    put_together(every, folder)
    there = recorded_jobs(every, folder)
    whole = [block for block in blocks if there >= {*table_jobs(genomes, [block], pictures)}]
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
    firsts = [table_jobs(genomes, [block], pictures)[0] for block in whole]
    fits = [(job, read_fits(folder, job.block)) for job in firsts]
    cases = []
    for picture in pictures:
        for task in TASKS:
            cases.append(
                _case(picture, task, [(job, found[f"{picture.name}-{task}"]) for job, found in fits])
            )
            watch(f"packed: {picture.name} {task}, {len(fits)} fits")
    return Table(recorded, tuple(cases))


def _case(picture: TablePicture, task: str, fits: Sequence[tuple[TableJob, Arrays]]) -> TableCase:
    case = prepared(picture, task)
    for job, arrays in fits:
        apart = np.linalg.norm(arrays["mark"].astype(np.float64) - case.mark)
        if not apart <= MOST_APART * np.linalg.norm(case.mark.astype(np.float64)):
            raise FormatError(
                f"the fit of {job.one.name} to {picture.name} was recorded with other first answers or other axes",
                "sketches of one case can be compared only where these are the same",
                f"remove {job.block} and record it again",
            )
    sketches, beyond = sketches_of(case.errors(case.first)[None], case.axes)
    return TableCase(
        picture=picture.name,
        kind=picture.kind,
        task=task,
        set=picture.set,
        side=SIDES[task],
        share=case.share,
        first=(sketches[0].astype(np.float32), float(beyond[0])),
        first_validation_mse=float(case.split.validation_mse(case.problem.view(case.pilot))),
        score_variance=None if case.split.blind else variance_of_surer(case.split),
        fits={(job.one.genome.digest, job.seed): _fit(job, arrays) for job, arrays in fits},
    )


def _fit(job: TableJob, arrays: Arrays) -> TableFit:
    if not len(arrays["beyond"]) == len(arrays["sketches"]) == len(arrays["score"]) * EVERY // MARK + BESIDES:
        raise FormatError(
            f"the fit of {job.one.name} to {job.case} has {len(arrays['sketches'])} sketches",
            f"there is one for every {MARK} iterations, and {BESIDES} of its end",
            f"remove {job.block} and record it again",
        )
    return TableFit(
        digest=job.one.genome.digest,
        seed=job.seed,
        ended=str(arrays["ended"]),
        step=arrays["step"].astype(np.int32),
        sketches=arrays["sketches"].astype(np.float32),
        beyond=arrays["beyond"],
        polished_validation_mse=float(arrays["polished_score"]),
        **{field: arrays[name].astype(np.float32) for name, field in CURVES.items()},
    )


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
