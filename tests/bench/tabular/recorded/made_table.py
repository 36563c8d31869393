"""A table that is made by a formula: what a fit reaches follows from its genes, so there is something to find."""

import numpy as np

from dipsearch.bench.tabular.recorded.fit_recording import EVERY, MARK
from dipsearch.bench.tabular.recorded.table import Table
from dipsearch.bench.tabular.recorded.table_cases import SIDES, TASKS, set_of
from dipsearch.bench.tabular.recorded.table_genomes import (
    TableGenome,
    blocks_of,
    multiply_adds,
    table_genomes,
)
from dipsearch.bench.tabular.recorded.table_parts import Recorded, TableCase, TableFit
from dipsearch.delivery.shares import ScoreVariance
from dipsearch.network import load_space

DIMENSIONS = 24
STEPS = 480


def made_table(count: int = 24, *, pictures: tuple[str, ...] = ("coffee", "camera")) -> Table:
    """A table of so many genomes, all tasks and these pictures, with the seeds that a recorded one has."""
    genomes = table_genomes(count, space=load_space("skip"))
    recorded = tuple(
        Recorded(one, {64: 0.02 * multiply_adds(one.genome) ** 0.5, 96: 0.04}, multiply_adds(one.genome))
        for one in genomes
    )
    return Table(recorded, tuple(made_case(genomes, picture, task) for picture in pictures for task in TASKS))


def made_case(genomes: list[TableGenome], picture: str, task: str) -> TableCase:
    """All fits to one case, each with errors of its own direction and of one that all share."""
    drawn = np.random.default_rng([len(picture), len(task)])
    shared = drawn.choice((-1.0, 1.0), DIMENSIONS)
    by_name = {one.name: one for one in genomes}
    fits = {}
    for block in blocks_of(genomes):
        one = by_name[block.genome]
        final = final_error(one) * (1 + 0.1 * drawn.random())
        fits[one.genome.digest, block.seed] = made_fit(
            one.genome.digest, block.seed, final, shared, drawn.choice((-1.0, 1.0), DIMENSIONS)
        )
    return TableCase(
        picture=picture,
        kind="photo",
        task=task,
        set=set_of(picture),
        side=SIDES[task],
        share=0.5 if task == "inpaint" else 1.0,
        first=((0.03 * shared).astype(np.float32), 1e-5),
        first_validation_mse=9e-4,
        score_variance=None if task == "sr" else ScoreVariance(1e-6, 0.0),
        fits=fits,
    )


def final_error(one: TableGenome) -> float:
    """Mean squared error at the end: with a pilot better, and best at a learning rate near 0.008."""
    rate = one.genome.learning_rate
    return 1e-3 * (1 + 0.5 * abs(np.log(rate / 0.008))) * (1 if one.genome.needs_pilot else 1.5)


def made_fit(
    digest: str, seed: int, final: float, shared: np.ndarray, own: np.ndarray, *, steps: int = STEPS
) -> TableFit:
    """A fit whose error falls from ten times the final one; half of it is shared, its score is right."""
    at = np.arange(EVERY, steps + 1, EVERY)
    error = (final * (1 + 9 * np.exp(-at / 80))).astype(np.float32)
    marks = np.append(error[MARK // EVERY - 1 :: MARK // EVERY], error[-1])
    direction = (shared + own) / np.sqrt(((shared + own) ** 2).mean())
    after = [0.95 * marks[-1], 0.8 * marks[-1]]  # with all of y, and polished
    sketches = np.sqrt(0.9 * np.append(marks, after))[:, None] * direction
    psnr = -10 * np.log10(error)
    return TableFit(
        digest=digest,
        seed=seed,
        ended="RISEN",
        validation_mse=error,
        psnr=psnr,
        now_validation_mse=error,
        now_psnr=psnr,
        step=at.astype(np.int32),
        sketches=sketches.astype(np.float32),
        beyond=(0.1 * np.append(marks, after)).astype(np.float32),
        polished_validation_mse=float(0.8 * final),
    )
