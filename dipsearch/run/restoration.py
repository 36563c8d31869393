"""A restoration at work: similar patches, fits of known architectures, polishing, and the choice among the answers.

It has its tasks done as a search has, with a list of networks in the place of proposals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..delivery.answers import Choice, choose
from ..delivery.delivering import Delivery, deliver, fitted_members, whole_problem
from ..delivery.first_answers import first_made, first_words, make_first_answers
from ..delivery.polishing import POLISHING_SHARE, gather_answers, patch_seconds
from ..execution.fit_queue import FitQueue
from ..execution.runner import Runner
from ..execution.task import OUTPUT, Limits, Picture, Slice
from ..fitting import Ended, may_fit_all_data
from ..fitting.compute import USUAL, Compute
from ..library.warm_weights import warm_name
from ..library.warm_words import cold_words
from ..network import Genome
from ..planning.budget import PATIENCE
from ..problem import Case, Problem, Stack, in_lines
from ..request_words import StartWord
from ..trials.first_files import Made
from ..trials.objective import value_of
from ..trials.problem_files import WHOLE, pilot_file, problem_file
from ..trials.trial import Trial
from ..trials.true_quality import finite
from .outcome import Callback, Snapshot, WorkerState
from .signals import heard_words

CHOSEN_PER_SECOND = 110_000
"""Pixels for which a delivery is made of several answers, judged and written, in a second on one core.

The choice among four answers alone takes 3.2 s of 1024 × 1024 pixels, 0.4 of 512 × 512.
"""

WRITTEN_PER_SECOND = 2_000_000
"""Pixels that one core puts together from parts, compresses and writes in a second: 3 megapixels of a photo as PNG took
1.4."""

HURRIED_WORDS = "there was little time for similar patches, which were less thorough"

SLICE_AT_WORK = 3.0
"""Seconds until a slice of two is over and its files are written."""


@dataclass
class Restoration:
    """The state of a restoration while its workers work.

    Args:
        runner: has the tasks done.
        callback: hears what happens.
        genomes: the architectures; each is fitted to every picture.
        problems: the pictures', in the order of their names.
        max_steps: iterations of a fit at the most.
        compute: by what means.
        start: what networks begin from.
        stacks: of whose planes is spoken together.
        several: whether there are other pictures than these.
        note_once: says what was not said before; ``None``: the callback does.

    Attributes:
        phase: what the callback is told.
    """

    runner: Runner
    callback: Callback
    genomes: Sequence[Genome]
    problems: Sequence[Problem]
    max_steps: int
    compute: Compute = USUAL
    start: StartWord = "auto"
    stacks: Sequence[Stack] = ()
    several: bool = False
    note_once: Callable[[str], None] | None = None
    phase: str = "restoring"
    _queue: FitQueue | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.runner.asked.answer = self._answer

    def run(self) -> list[tuple[Choice, Delivery | None]]:
        """What is delivered of each picture, and what networks led to.

        Raises:
            StudyError: of one picture there is neither a first answer nor a fit.
        """
        runner = self.runner
        self.phase = "similar patches"
        firsts = make_first_answers(runner, limited=True)
        said = [*first_words(firsts, files={}), *self._hurried_words()]
        for sentence in in_lines(said, self.stacks, alone=len(runner.names) == 1 and not self.several):
            self.callback.note(sentence)
        self.phase = "restoring"
        runner.needed = lambda: any(name not in firsts and not self._files(name) for name in runner.names)
        self._say_what_begins_cold()
        wanted = [
            self._wanted(number, name, problem)
            for number in range(len(self.genomes))
            for name, problem in zip(runner.names, self.problems, strict=True)
            if self._made(name) == "as usual"  # else there was too little time already
        ]
        self._queue = FitQueue(runner, wanted, until=self._fitted_until())
        self._queue.work()
        pictures = [whole_problem(runner.folder, name, seed=runner.seed) for name in runner.names]
        members = [fitted_members(self._files(picture.name), picture) for picture in pictures]
        deliveries = [
            deliver(picture, fits) if fits or picture.name not in firsts else None
            for picture, fits in zip(pictures, members, strict=True)
        ]
        self.phase = "delivering"
        answers = gather_answers(runner, [firsts.get(name) for name in runner.names], deliveries, pictures)
        return [
            (choose(some, picture.problem, split=picture.split, seconds=runner.seconds), delivery)
            for some, picture, delivery in zip(answers, pictures, deliveries, strict=True)
        ]

    def trials(self) -> tuple[Trial, ...]:
        """The networks that were begun, in the words of a search: each is a candidate for all pictures."""
        queue = self._queue
        found = () if queue is None else (self._trial(number, queue) for number in range(len(self.genomes)))
        return tuple(trial for trial in found if trial is not None)

    def _trial(self, number: int, queue: FitQueue) -> Trial | None:
        genome = self.genomes[number]
        places = [_place(number, name) for name in self.runner.names]
        latest = [queue.latest[place].pictures[0] for place in places if place in queue.latest]
        why = next((queue.failed[place] for place in places if place in queue.failed), None)
        made = Trial(
            number,
            "failed",
            genome,
            genome.digest,
            seconds=sum(map(queue.seconds, places)),
            reason=why,
            start=self._warm_name(genome, self.problems[0]),
        )
        if len(latest) < len(places) or not all(one.step for one in latest):
            return made if why is not None or latest else None
        return replace(
            made,
            state="complete",
            estimated_psnr=finite(value_of([one.validation_mse for one in latest])),
            step=latest[0].step,
            ended=(latest[0].ended or Ended.TIME).value,
        )

    def heard(self) -> None:
        """Show the state; say that a wish to finish was heard."""
        self.runner.asked.speak()
        self.callback.progress(self._snapshot())

    def _answer(self, by: str) -> None:
        self.callback.note(self._heard_words(by))

    def _heard_words(self, by: str) -> str:
        if self.phase == "similar patches":  # nobody knows how long they take before they have taken it
            return f"{by}: no fits; the first answer is finished and delivered (once more: stop at once)"
        return heard_words(by, seconds=SLICE_AT_WORK + choice_seconds(self.problems))

    def _hurried_words(self) -> list[tuple[str, str]]:
        """What is said of first answers that there was no time for."""
        words = {
            "hurried": f"{HURRIED_WORDS}, and none for networks",
            "by a quick method": "there was no time for similar patches, nor for networks; a quick method restored it",
        }
        return [(name, words[how]) for name in self.runner.names if (how := self._made(name)) in words]

    def _made(self, name: str) -> Made:
        return first_made(self.runner, problem_file(kind=WHOLE, name=name))

    def _fitted_until(self) -> float:
        """When the last fit has to end, for the polishing to come in time."""
        runner = self.runner
        if math.isinf(runner.until):
            return math.inf
        each = [
            patch_seconds(runner, problem_file(kind=WHOLE, name=name))
            for name in runner.names
            if self._made(name) == "as usual"
        ]
        rounds = -(
            -2 * len(each) // max(1, len(runner.executor.workers))
        )  # from the fitted part, and from all of y
        polishing = 2 * POLISHING_SHARE * rounds * max(each, default=0.0)
        # Where little time is left, the fits come before what would improve them.
        return runner.until - min(polishing, 0.5 * max(0.0, runner.left()))

    def _files(self, name: str) -> list[tuple[int, Path]]:
        """The fits of one picture that exist."""
        paths = [
            (number, self.runner.folder / _place(number, name) / OUTPUT)
            for number in range(len(self.genomes))
        ]
        return [(number, path) for number, path in paths if path.exists()]

    def _wanted(self, number: int, name: str, problem: Problem) -> Slice:
        return Slice(
            place=_place(number, name),
            label=f"network {number + 1} of {len(self.genomes)} on {name}",
            network=self.genomes[number],
            pictures=(
                Picture(
                    problem_file(kind=WHOLE, name=name), self.runner.seed, pilot_file(kind=WHOLE, name=name)
                ),
            ),
            seed=self.runner.seed,
            limits=Limits(max_steps=self.max_steps, patience=PATIENCE, compute=self.compute),
            at=0,
            steps=self.max_steps,
            may_go_on=may_fit_all_data(problem),
            start=self._warm_name(self.genomes[number], problem),
        )

    def _warm_name(self, genome: Genome, problem: Problem) -> str | None:
        return warm_name(self.start, genome, task=problem.task, channels=problem.image_shape[1])

    def _say_what_begins_cold(self) -> None:
        """Say once for each network that it begins cold where it was asked to begin warm."""
        for genome in self.genomes if self.start == "warm" else ():
            if not all(self._warm_name(genome, problem) for problem in self.problems):
                (self.note_once or self.callback.note)(cold_words(genome))

    def _snapshot(self) -> Snapshot:
        at_work = {worker: task for worker, task, _ in self.runner.at_work}
        workers = []
        for spec in self.runner.executor.workers:
            task = at_work.get(spec.index)
            steps, most = (task.at, task.limits.max_steps) if isinstance(task, Slice) else (0, 0)
            label = None if task is None else task.label
            workers.append(WorkerState(spec.index, label=label, step=steps, max_steps=most))
        queue = self._queue
        return Snapshot(
            phase=self.phase,
            seconds=self.runner.seconds,
            seconds_left=None if math.isinf(self.runner.until) else max(0.0, self.runner.left()),
            workers=tuple(workers),
            complete=0 if queue is None else len(queue.latest),
            failed=0 if queue is None else len(queue.failed),
        )


def choice_seconds(problems: Sequence[Problem]) -> float:
    """What the choice among the answers to pictures takes, and writing them."""
    return sum(problem.image_shape[-1] * problem.image_shape[-2] for problem in problems) / CHOSEN_PER_SECOND


def writing_seconds(cases: Sequence[Case]) -> float:
    """What writing the pictures takes; of a picture that is worked on around its holes all of it is written."""
    sizes = [case.problem.image_shape if case.whole is None else case.whole[0].shape for case in cases]
    return sum(size[-1] * size[-2] for size in sizes) / WRITTEN_PER_SECOND


def _place(number: int, name: str) -> str:
    return f"fits/{number:04d}-{name}"
