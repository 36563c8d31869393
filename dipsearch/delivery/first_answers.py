"""The first answers: what similar patches make of each picture, before any network has been tried.

They are there after seconds and are delivered whatever happens later. From the fitted part of the split alone they
are the bar that networks have to clear, and the pilot that a network may have in its input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from torch import Tensor

from ..errors import ResourceError
from ..execution.runner import Runner
from ..execution.task import Patches
from ..files import write_bytes
from ..planning.budget import FIRST_SHARE
from ..problem import Case, restored_suffix, write_restored
from ..trials.array_files import read_x
from ..trials.first_files import FIRST_FOLDER, KeptFirst, Made, first_file, read_first
from ..trials.objective import Level, estimated_psnr
from ..trials.problem_files import SEARCHED, WHOLE, pilot_path, problem_file, write_pilot
from .answers import finished
from .bootstrap import block_errors, own_error
from .delivering import whole_problem
from .picture_outputs import picture_folder

INTERRUPTED_SECONDS = 20.0
"""For first answers that are lacking where somebody asked to finish: less thorough ones, or those of a quick method."""

QUICK_WORDS = "there was no time for similar patches: a quick method restored it"


@dataclass(frozen=True, eq=False)
class FirstAnswer:
    """A picture restored by similar patches alone.

    Args:
        image: from all of y, ``(1, C, H, W)``.
        fitted: from the fitted part of the split, likewise.
        seconds: since the start, when the image was there.
        made: how it was made.
    """

    image: Tensor
    fitted: Tensor
    seconds: float
    made: Made = "as usual"


def make_first_answers(
    runner: Runner, *, on_crops: bool = False, limited: bool = False
) -> dict[str, FirstAnswer]:
    """Have the workers compute them, and put them where workers find their pilots.

    Args:
        runner: hands out the jobs.
        on_crops: networks are tried on parts of the pictures first, which then get pilots of their own.
        limited: less thorough ones where they would take most of the time that is left.

    Returns:
        By the picture's name; a picture is missing where it could not be computed.
    """
    folder, names, seed, begun = runner.folder, runner.names, runner.seed, runner.seconds
    tasks = [task for name in names for task in _tasks(name, seed=seed)]
    if on_crops:
        tasks += [_searched_task(name, seed=seed) for name in names]
    under_way = {task.out for _, task, _ in runner.at_work if isinstance(task, Patches)}
    tasks = [task for task in tasks if not (folder / task.out).exists() and task.out not in under_way]
    if limited and tasks:
        rounds = math.ceil(len(tasks) / max(1, len(runner.executor.workers)))
        left = FIRST_SHARE * runner.left() / rounds
        tasks = [replace(task, left=left) for task in tasks]
    # Of a search the pictures were made before, and what its networks lack nobody needs who asked to finish.
    there = all(first_file(folder, name).exists() for name in names)
    runner.restore([*tasks], patient=not there)
    if runner.stopped and not there:
        lacking = [task for task in tasks if not (folder / task.out).exists()]
        left = INTERRUPTED_SECONDS / max(1, len(lacking))
        runner.restore([replace(task, left=left) for task in lacking], always=True)
    found = {}
    for name in names:
        full, fitted = (task.out for task in _tasks(name, seed=seed))
        if (folder / fitted).exists() and (kept := read_first(folder, name)):
            image, part = kept.image, read_x(folder / fitted)
            made = first_made(runner, problem_file(kind=WHOLE, name=name), kept=kept.made)
            found[name] = FirstAnswer(image, part, runner.arrived.get(full, begun), made)
            try:
                _write_pilots(folder, name, found[name], seed=seed, on_crops=on_crops)
            except ResourceError as error:
                runner.say(f"{error.given} ({error.rule}): no network has the first answer in its input")
    return found


def _write_pilots(folder: Path, name: str, first: FirstAnswer, *, seed: int, on_crops: bool) -> None:
    """Write what networks may have in their input."""
    write_pilot(pilot_path(folder, kind=WHOLE, name=name), fitted=first.fitted, full=first.image)
    searched = folder / _searched_task(name, seed=seed).out
    if not on_crops:
        write_pilot(pilot_path(folder, kind=SEARCHED, name=name), fitted=first.fitted, full=first.image)
    elif searched.exists():
        write_pilot(pilot_path(folder, kind=SEARCHED, name=name), fitted=read_x(searched))


def first_estimates(runner: Runner, firsts: Mapping[str, FirstAnswer]) -> dict[str, Level]:
    """What the score expects of each, by the pictures' names, and how far that is luck.

    Args:
        runner: that made them.
        firsts: by the pictures' names.
    """
    pictures = {name: whole_problem(runner.folder, name, seed=runner.seed) for name in firsts}
    found = {}
    for name, picture in pictures.items():
        fitted, split = firsts[name].fitted, picture.split
        mse = float(split.validation_mse(picture.problem.view(fitted)))
        error = own_error(block_errors([[fitted]], picture.problem, split=split))
        found[name] = Level(mse, error, estimated_psnr(mse))
    return found


def first_made(runner: Runner, problem: str, *, kept: Made = "as usual") -> Made:
    """How the first answer to a picture was made: where time was short for it, there is none for polishing.

    Args:
        runner: has had it made.
        problem: the problem file, relative to the study's folder.
        kept: what is known of one that it has not made.
    """
    tasks = runner.done.values()
    made = [done.made for task, done in tasks if task.problem == problem and task.pilot is None]
    return max((kept, *made), key=get_args(Made).index)


def quick_words(firsts: Mapping[str, KeptFirst]) -> list[tuple[str, str]]:
    """Of which of them a quick method took the place of similar patches, the name and a sentence each.

    Args:
        firsts: by the pictures' names.
    """
    return [(name, QUICK_WORDS) for name, first in firsts.items() if first.made == "by a quick method"]


def first_words(firsts: Mapping[str, FirstAnswer], *, files: Mapping[str, str]) -> list[tuple[str, str]]:
    """When each was there and where it is: its picture's name, and a sentence for people.

    Args:
        firsts: by the pictures' names.
        files: where each can be looked at, likewise; a name may be missing.
    """
    return [
        (
            name,
            f"first answer, by {_means(first)}, after {first.seconds:.0f} s"
            + (f": {files[name]}" if name in files else ""),
        )
        for name, first in firsts.items()
    ]


def write_first_pictures(
    cases: Mapping[str, Case],
    *,
    folder: Path,
    tell: Callable[[str], None],
    delivered: Mapping[str, Path] | None = None,
) -> dict[str, str]:
    """Write ``best/first.png`` of each picture that has a first answer, and return the files by the pictures' names.

    Args:
        cases: by the pictures' names, all of the study.
        folder: the study's.
        tell: hears of those that cannot be written; the search goes on without.
        delivered: by their names, files of pictures whose first answer was delivered.
    """
    files = {}
    for name, case in cases.items():
        first = read_first(folder, name)
        if first is not None:
            place = picture_folder(folder, name, alone=len(cases) == 1)
            file = place / f"first{restored_suffix(case)}"
            try:
                if delivered and name in delivered:
                    write_bytes(file, delivered[name].read_bytes())
                else:
                    write_restored(file, finished(first.image, case.problem), case)
            except ResourceError as error:
                tell(f"{error.given} ({error.rule}): the first answer has no file of its own")
                continue
            files[name] = str(file.relative_to(folder))
    return files


def fitted_task(name: str, *, seed: int) -> Patches:
    """Have a picture restored from the fitted part of its split: the bar, and the pilot."""
    problem, label = problem_file(kind=WHOLE, name=name), f"similar patches on {name}"
    return Patches(label, problem, f"{FIRST_FOLDER}/{name}-first-fitted.npz", split_seed=seed)


def _means(first: FirstAnswer) -> str:
    return "a quick method" if first.made == "by a quick method" else "similar patches"


def _tasks(name: str, *, seed: int) -> list[Patches]:
    fitted = fitted_task(name, seed=seed)
    return [replace(fitted, out=f"{FIRST_FOLDER}/{name}-first.npz", split_seed=None), fitted]


def _searched_task(name: str, *, seed: int) -> Patches:
    """For the crop that candidates are fitted to."""
    return Patches(
        f"similar patches on a part of {name}",
        problem_file(kind=SEARCHED, name=name),
        f"{FIRST_FOLDER}/{name}-first-searched.npz",
        split_seed=seed,
    )
