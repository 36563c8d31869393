"""One recorded fit: what it showed while it ran, what it would have delivered, and what polishing makes of that.

A fit ends where its own rule ends it, or when it has cost too much. Until then everything is of the fitted part of the
measurement, as in a search; then it goes on with all of it for a while, as in a delivery.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....fitting import Check, Ended, default_rule, fit_all_data
from ....fitting.ongoing import OngoingFit
from ....network import Genome
from ....patches import polished
from ....planning.budget import SHORT_PATIENCE
from .sketches import sketches_of
from .table_cases import PreparedCase
from .table_genomes import BEST_KNOWN, DIP_DEFAULT, TableGenome, multiply_adds

EVERY, MARK = 10, 80
"""Iterations between check points, and between sketches."""

BESIDES = 3
"""Further sketches: of what is judged in the end, of what is delivered, and of that polished."""

WITH_PILOT, PLAIN = 600, 1200
"""The most iterations of a fit with a pilot, which needs about 400, and without one, which needs about 1200."""

AFFORDED = {"known": 900, "random": 600, "mutant": 600}
"""The most that a fit costs, in iterations of the best known network, which ends after 230 to 400. A search would have
given up an unknown network that is not good by then; what it could have reached later the table does not say."""

LEAST_WITH_PILOT, LEAST_PLAIN = 300, 600
"""A known network may have so many iterations, whatever they cost: what it is able to do is known."""

SR_SHARE = 0.5
"""Of these lengths in enlarging: its pictures have more than twice the pixels, and its score ends no fit before."""

CURVES = {
    "score": "validation_mse",
    "psnr": "psnr",
    "now_score": "now_validation_mse",
    "now_psnr": "now_psnr",
}
"""Of the iterate that would be delivered, and of the newest one: estimated mean squared error, and true PSNR in dB.

Their names in files, and the fields of a ``TableFit`` that they are."""


def most_steps(one: TableGenome, task: str) -> int:
    """Iterations after which a recording ends at the latest."""
    longest, least = (WITH_PILOT, LEAST_WITH_PILOT) if one.genome.needs_pilot else (PLAIN, LEAST_PLAIN)
    if one.name not in (BEST_KNOWN, DIP_DEFAULT):
        afforded = int(AFFORDED[one.kind] / multiply_adds(one.genome))
        longest = min(longest, max(afforded, least if one.kind == "known" else MARK))
    share = SR_SHARE if task == "sr" else 1.0
    return MARK * math.ceil(share * longest / MARK)


def record_fit(genome: Genome, case: PreparedCase, *, seed: int, steps: int) -> dict[str, NDArray[Any]]:
    """Fit a network to a case and record it.

    Args:
        genome: of the network.
        case: what is fitted.
        seed: of the weights and the input.
        steps: at the most.

    Returns:
        ``CURVES``, each float32 ``(k,)`` at every ``EVERY`` iterations; ``step``, ``(k,)``, the iterate that would be
        delivered; ``sketches``, float16 ``(m + 3, D)``, of its errors at every ``MARK`` iterations, at the end, after
        it went on with all of y, and of what similar patches make of that one; ``beyond``, ``(m + 3,)``, what these
        lack; ``mark``, of the axes; ``polished_score``, of the polished one; and ``ended``, the reason's name.
    """
    rows, marks = list[tuple[float, ...]](), list[NDArray[np.float16]]()
    last, last_psnr = -1, math.nan

    def see(check: Check, image: Tensor) -> Ended | None:
        rows.append((check.validation_mse, case.psnr(image)))
        return None

    fit = OngoingFit(
        genome,
        case.problem,
        split=case.split,
        seed=seed,
        max_steps=steps,
        rule=default_rule(case.split, patience=SHORT_PATIENCE),
        check_every=EVERY,
        keep_weights=True,
        pilot=case.pilot,
    )
    now = fit.fit()
    while fit.ended is None:
        fit.advance(EVERY, watch=see)
        now = fit.fit()
        if now.step != last:
            last, last_psnr = now.step, case.psnr(now.image)
        if fit.ended == Ended.RISEN:
            # Nobody else is shown the check point at which the rule ends a fit.
            newest = fit.state().recent[-1]
            see(newest.check, newest.image)
        if fit.ended != Ended.DIVERGED:
            rows[-1] = (now.validation_mse, last_psnr, *rows[-1], now.step)
            if fit.step % MARK == 0:
                marks.append(case.errors(now.image))
    assert fit.ended is not None
    full = fit_all_data(now, genome, case.problem, seed=seed, pilot=case.first).full
    full = now.image if full is None else full
    marks += [case.errors(now.image), case.errors(full)]
    table = np.array(rows, dtype=np.float32).reshape(-1, 5)
    after, score = _polished(now.image, full, case)
    sketches, beyond = sketches_of(np.stack([*marks, after]), case.axes)
    return dict(zip(CURVES, table.T[:4], strict=True)) | {
        "step": table.T[4].astype(np.int32),
        "sketches": sketches,
        "beyond": beyond,
        "mark": case.mark,
        "polished_score": np.array(score),
        "ended": np.array(fit.ended.name),
    }


def _polished(image: Tensor, full: Tensor, case: PreparedCase) -> tuple[NDArray[np.float16], float]:
    """As in a delivery: groups of similar patches of the mean of the first answer and of the network's."""
    if not bool(torch.isfinite(image).all()):
        return np.full(int(case.wanted.sum()), np.nan, dtype=np.float16), math.nan
    judged = polished(case.problem, (case.pilot + image) / 2, split=case.split)
    whole = polished(case.problem, (case.first + full) / 2)
    return case.errors(whole), float(case.split.validation_mse(case.problem.view(judged)))
