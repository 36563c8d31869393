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

from ...delivery.answers import Answer, Choice, choose
from ...delivery.consensus import FEWEST, consensus_errors
from ...delivery.delivering import Delivery, Member, deliver, worst_comparable
from ...delivery.first_answers import FirstAnswer
from ...delivery.polishing import pilots_of, unpolished
from ...delivery.shares import POLISHED
from ...fitting import data_consistent
from ...patches import answer, polished
from ...problem import Problem, Split, make_split
from ...trials.problem_files import SplitProblem
from ...trials.trial_files import Output
from ..cases.damages import DAMAGES
from ..rivals.classical import classical
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
        first: the answer of similar patches.
        classical: the restoration by a classical method, from all of y.
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
    first: FirstAnswer
    classical: Tensor

    @property
    def picture(self) -> SplitProblem:
        """What a search gets to see of it."""
        return SplitProblem("picture", self.problem, self.split)

    @cached_property
    def delivery(self) -> Delivery:
        """What the networks of a search that had made these fits would lead to."""
        members = [
            Member(
                index,
                Output(one.judged, one.full),
                float(self.split.validation_mse(self.problem.view(one.judged))),
            )
            for index, one in enumerate(self.outputs)
        ]
        return deliver(self.picture, members)

    @cached_property
    def choice(self) -> Choice:
        """What such a search would deliver, and what else it would have."""
        answers = unpolished(self.first, self.delivery, self.picture, seconds=0.0)
        judged, whole = pilots_of(answers)
        better = data_consistent(polished(self.problem, whole), self.problem)
        answers.append(Answer(POLISHED, polished(self.problem, judged, split=self.split), better, 0.0))
        return choose(answers, self.problem, split=self.split, seconds=0.0)


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
        scores.append(stop.validation_mse)
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
    first = FirstAnswer(answer(problem), answer(problem, split=split), seconds=0.0)
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
        first,
        classical(problem)[1],
    )
