"""A fitted case: one measurement with all the recorded fits to it that are worth combining.

Ways of delivering and maps of uncertainty are judged on cases; what a search would deliver from the same fits is
computed by the search's own code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ..problem import Problem, Split, make_split
from ..search.baselines import classical
from ..search.blending import Blended, Classical, blended
from ..search.candidate import Output
from ..search.consensus import FEWEST, consensus_errors
from ..search.delivering import Member, deliver, worst_comparable
from ..search.prepared import Prepared
from .damages import DAMAGES
from .recorder import SECOND, Job, cases_of, read_second
from .recording import Outputs, read_recording
from .replays import default_choice


@dataclass(frozen=True, eq=False)
class FittedCase:
    """The fits of one measurement.

    Args:
        damage: what was done to the picture, by name.
        problem: what was measured.
        split: that of all fits.
        clean: the picture before the damage, ``(1, C, H, W)``.
        outputs: of the fits that are worth combining, the one that a search would choose first.
        every: what each fit was judged by, hopeless ones too.
        second: score and image of the fits to another split, which is ``second_split``.
        repeated: what the same networks were judged by on both splits.
        classical: the classical restorations.
    """

    damage: str
    problem: Problem
    split: Split
    clean: Tensor
    outputs: tuple[Outputs, ...]
    every: tuple[Tensor, ...]
    second: tuple[tuple[float, Tensor], ...]
    second_split: Split
    repeated: tuple[tuple[Tensor, Tensor], ...]
    classical: Classical

    @property
    def picture(self) -> Prepared:
        """What a search gets to see of it."""
        return Prepared("picture", self.problem, self.split)

    @cached_property
    def delivery(self) -> Blended:
        """What a search that had made these fits would deliver."""
        members = [
            Member(
                index,
                Output(one.judged, one.full),
                float(self.split.score(self.problem.view(one.judged))),
            )
            for index, one in enumerate(self.outputs)
        ]
        return blended(deliver(self.picture, members), self.classical, self.picture)


def read_cases(jobs: Sequence[Job], *, folder: Path) -> list[FittedCase]:
    """The cases of the jobs of which ``folder`` holds at least three recordings that deliver something.

    Raises:
        FormatError: a recording is damaged.
    """
    cases = ([job for job in case if (folder / job.file).exists()] for case in cases_of(jobs).values())
    found = (_read_case(case, folder=folder) for case in cases if len(case) >= FEWEST)
    return [case for case in found if case is not None]


def _read_case(there: Sequence[Job], *, folder: Path) -> FittedCase | None:
    source, seed = there[0].source, there[0].seed
    damage = DAMAGES[there[0].damage]
    clean = damage.clean(source)
    problem = damage.make(clean, seed)
    split = make_split(problem, seed=seed)
    scores, outputs, second, repeated = [], [], [], []
    for job in there:
        recording, images = read_recording(folder / job.file)
        stop = default_choice(recording)
        if stop is None or not bool(torch.isfinite(images.full).all()):
            continue
        scores.append(stop.score)
        outputs.append(images)
        if (folder / job.second_file).exists():
            score, again = read_second(folder / job.second_file)
            second.append((score, again.judged))
            repeated.append((images.judged, again.judged))
    if len(outputs) < FEWEST:
        return None
    judged = [images.judged for images in outputs]
    errors = consensus_errors(judged, problem, split=split)
    order = sorted(range(len(scores)), key=lambda index: (errors or scores)[index])
    limit = worst_comparable(scores)
    near = [index for index in order if scores[index] <= limit]
    name, full = classical(problem)
    return FittedCase(
        damage.name,
        problem,
        split,
        clean,
        tuple(outputs[index] for index in near),
        tuple(judged),
        tuple(second),
        make_split(problem, seed=seed + SECOND),
        tuple(repeated),
        Classical(name, classical(problem, split=split)[1], full),
    )
