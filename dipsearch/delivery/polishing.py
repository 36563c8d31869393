"""Polishing: what networks made of a picture, improved by groups of similar patches that it finds and describes.

The pilot is the mean of the first answer and of the ensemble: once of what was judged, with the fitted part of the
split, and once of what would be delivered, with all of y. That mean was never worse than the ensemble as a pilot, and
better where networks are behind; polishing the best network, or the first answer, gained nothing beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..errors import ResourceError
from ..execution.runner import Runner
from ..execution.task import Patches
from ..fitting import combine
from ..patches import met
from ..trials.array_files import read_x, write_x
from ..trials.first_files import FIRST_FOLDER, read_first
from ..trials.problem_files import WHOLE, SplitProblem, problem_file
from .answers import Answer
from .delivering import Delivery
from .first_answers import FirstAnswer, first_made
from .shares import BEST, ENSEMBLE, FIRST, POLISHED

POLISHING_SHARE = 0.5
"""The time of polishing a picture, in that of its first answer."""


def gather_answers(
    runner: Runner,
    firsts: Sequence[FirstAnswer | None],
    deliveries: Sequence[Delivery | None],
    pictures: Sequence[SplitProblem],
) -> list[list[Answer]]:
    """Have the workers polish what networks made, and list all answers to each picture.

    Args:
        runner: hands out the jobs, while there is time.
        firsts: the first answer to each picture, where there is one.
        deliveries: what networks led to, where they led to anything.
        pictures: the problems, with the split that all were judged with.
    """
    found = [
        unpolished(first, delivery, picture, seconds=runner.seconds)
        for first, delivery, picture in zip(firsts, deliveries, pictures, strict=True)
    ]
    tasks: list[Patches] = []
    try:
        for answers, picture in zip(found, pictures, strict=True):
            if answers and answers[-1].name != FIRST:
                tasks += _polishing(runner, answers, picture)
    except ResourceError as error:
        runner.say(f"{error.given} ({error.rule}): it is delivered without polishing")
        return found

    def next_task() -> Patches | None:
        while tasks:
            task = tasks.pop(0)
            hurried = first_made(runner, task.problem) != "as usual"
            if not hurried and POLISHING_SHARE * patch_seconds(runner, task.problem) <= runner.left():
                return task
        return None

    runner.work(next_task)
    for answers, picture in zip(found, pictures, strict=True):
        if answers and answers[-1].name != FIRST and (polished := _read_polished(runner, picture)):
            answers.append(polished)
    return found


def unpolished(
    first: FirstAnswer | None, delivery: Delivery | None, picture: SplitProblem, *, seconds: float
) -> list[Answer]:
    """The answers to one picture before similar patches improve them, simplest first.

    Args:
        first: of similar patches alone, where there is one.
        delivery: what networks led to, where they led to anything.
        picture: the problem.
        seconds: since the start.
    """
    problem, split = picture.problem, picture.split
    answers = []
    if first is not None:
        answers.append(Answer(FIRST, first.fitted, first.image, first.seconds, first.made))
    if delivery is not None:
        images = [(BEST, delivery.best.output.judged, delivery.best_image)]
        if delivery.chosen != "best":
            images.append((ENSEMBLE, delivery.judged, delivery.image))
        answers += [
            Answer(name, met(judged, problem, split=split), met(image, problem), seconds)
            for name, judged, image in images
        ]
    return answers


def patch_seconds(runner: Runner, problem: str) -> float:
    """What similar patches need for a picture at most, from what the first answer took; 0 where that is not known.

    Args:
        runner: has had it made.
        problem: the problem file, relative to the study's folder.
    """
    took = [
        done.seconds for task, done in runner.done.values() if task.problem == problem and task.pilot is None
    ]
    if took:
        return max(took)
    # After an interruption they were read instead of made.
    for name in runner.names:
        if problem == problem_file(kind=WHOLE, name=name) and (first := read_first(runner.folder, name)):
            return first.seconds
    return 0.0


def _polishing(runner: Runner, answers: Sequence[Answer], picture: SplitProblem) -> list[Patches]:
    """The two tasks for one picture; their pilots are written here."""
    problem = problem_file(kind=WHOLE, name=picture.name)
    judged, whole = pilots_of(answers)
    tasks = []
    for part, image, seed in (("fitted", judged, runner.seed), ("full", whole, None)):
        pilot, out = _files(picture.name, part)
        write_x(runner.folder / pilot, image)
        (runner.folder / out).unlink(missing_ok=True)  # of an earlier run, with another pilot
        tasks.append(Patches(f"polishing of {picture.name}", problem, out, split_seed=seed, pilot=pilot))
    return tasks


def pilots_of(answers: Sequence[Answer]) -> tuple[Tensor, Tensor]:
    """What is polished of the answers to one picture: of what was judged, and of what would be delivered."""
    means = [answers[-1]] if answers[0].name != FIRST else [answers[0], answers[-1]]
    share = [1 / len(means)] * len(means)
    return combine([one.judged for one in means], share), combine([one.image for one in means], share)


def _read_polished(runner: Runner, picture: SplitProblem) -> Answer | None:
    """``None`` where one of the two was not made."""
    files = [_files(picture.name, part)[1] for part in ("fitted", "full")]
    if not all((runner.folder / file).exists() for file in files):
        return None
    judged, image = (read_x(runner.folder / file) for file in files)
    seconds = max(runner.arrived.get(file, runner.seconds) for file in files)
    return Answer(POLISHED, judged, image, seconds)


def _files(name: str, part: str) -> tuple[str, str]:
    """Of the pilot and of what becomes of it."""
    return f"{FIRST_FOLDER}/{name}-pilot-{part}.npz", f"{FIRST_FOLDER}/{name}-polished-{part}.npz"
