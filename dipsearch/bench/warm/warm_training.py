"""Learning warm weights: from fits to crops of a few pictures that come with scikit-image and are in the public domain.

Reptile (Nichol, Achiam and Schulman, 2018, arXiv:1803.02999): again and again the weights so far are fitted to another
crop for some iterations, and moved a part of the way to what came of it. Where every fit begins from the same random
weights and the mean of all ends is taken, that is the mean of fits, the simplest of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import FormatError
from ...fitting import Step
from ...fitting.memory import keep_freed_memory
from ...library import preset
from ...library.warm_weights import COLOURS
from ...network import Genome, build
from ...patches import answer
from ...problem import Problem, Split, make_split, read_image
from ...problem.randomness import generator_for
from ...trials.array_files import read_npz, read_x, write_npz
from ..cases.damages import DAMAGES

PICTURES = ("sample:coffee", "sample:chelsea", "sample:rocket", "sample:coins")
"""None is a face, a page, a texture or from a microscope: those show what carries over. No table reports any of them.
Coffee (Rachel Michetti) and Chelsea (Stéfan van der Walt) are CC0, the rocket (SpaceX) is in the public domain, and of
the coins (Brooklyn Museum) no copyright restrictions are known."""

LESSON_DAMAGES = ("gaussian-25-clipped", "missing-50", "sr-4")

SIDE = 64
"""Of the crops, at half the size of the pictures."""

Way = Literal["reptile", "mean"]


@dataclass(frozen=True)
class Course:
    """How weights are learnt.

    Args:
        way: "reptile", or "mean" of fits that all begin from the same weights.
        lessons: crops with their damages, in turns over pictures and damages.
        rounds: over all lessons; one for "mean".
        steps: iterations of each fit.
        first_rate, last_rate: part of the way to each fit's end that the weights are moved, falling linearly.
    """

    way: Way = "reptile"
    lessons: int = 24
    rounds: int = 5
    steps: int = 60
    first_rate: float = 0.5
    last_rate: float = 0.1

    @property
    def episodes(self) -> int:
        """Fits in all."""
        return self.lessons * (1 if self.way == "mean" else self.rounds)

    def rate(self, episode: int) -> float:
        """How far the weights are moved after a fit, counted from 0: for "mean" the share of a running mean."""
        if self.way == "mean":
            return 1 / (episode + 1)
        done = episode / max(1, self.episodes - 1)
        return self.first_rate + (self.last_rate - self.first_rate) * done

    def words(self) -> str:
        """For a table and for the header of the weights."""
        return f"{self.way}, {self.episodes} fits of {self.steps} iterations to {self.lessons} crops"


@dataclass(frozen=True, eq=False)
class Lesson:
    """A crop that was damaged, with its split and its first answer."""

    problem: Problem
    split: Split
    pilot: Tensor


def learn(
    name: str,
    course: Course,
    *,
    folder: Path,
    watch: Callable[[str], None] = lambda line: None,
) -> dict[str, Tensor]:
    """The weights that a course leads to, by the generator's names; resumable.

    Args:
        name: of the preset.
        folder: keeps the first answers and the weights so far.
        watch: told about each fit.

    Raises:
        FormatError: what the folder keeps is damaged.
    """
    torch.set_num_threads(1)
    keep_freed_memory()
    genome = preset(name)
    file = folder / f"{name}-{course.way}-{course.lessons}x{course.rounds}x{course.steps}.npz"
    begun = dict(build(genome, channels=COLOURS, seed=0).state_dict())
    done, weights = _kept(file) if file.exists() else (0, begun)
    for episode in range(done, course.episodes):
        lesson = lesson_of(episode % course.lessons, folder=folder)
        start = begun if course.way == "mean" else weights
        # Another z in every fit, so that nothing rests on particular values of it.
        end, loss = _fitted(genome, lesson, start=start, seed=episode, steps=course.steps)
        rate = course.rate(episode)
        weights = {key: weights[key] + rate * (end[key] - weights[key]) for key in weights}
        _keep(file, episode + 1, weights)
        watch(f"{name}, {course.way}: fit {episode + 1} of {course.episodes}, loss {loss:.5f}")
    return weights


@cache
def lesson_of(index: int, *, folder: Path) -> Lesson:
    """A lesson by its number; its first answer, which takes as long as many iterations, is kept in the folder."""
    damage = DAMAGES[LESSON_DAMAGES[index % len(LESSON_DAMAGES)]]
    clean = _crop(PICTURES[(index // len(LESSON_DAMAGES)) % len(PICTURES)], index)
    problem = damage.make(clean, index)
    split = make_split(problem, seed=index)
    file = folder / f"lesson-{index:03}.npz"
    if file.exists():
        pilot = read_x(file)
    else:
        pilot = answer(problem, split=split)
        write_npz(file, {"x": pilot.numpy()})
    return Lesson(problem, split, pilot)


def _crop(source: str, index: int) -> Tensor:
    """Some crop of a picture, ``(1, 3, SIDE, SIDE)``, mirrored or not; a grey picture in three equal channels."""
    pixels = F.avg_pool2d(read_image(source).pixels, 2)
    height, width = pixels.shape[-2:]
    generator = generator_for("warm lessons", index)
    top, left, mirrored = (
        int(torch.randint(most, (1,), generator=generator)) for most in (height - SIDE, width - SIDE, 2)
    )
    crop = pixels[..., top : top + SIDE, left : left + SIDE]
    crop = crop.flip(-1) if mirrored else crop
    return crop.expand(1, COLOURS, SIDE, SIDE).contiguous()


def _fitted(
    genome: Genome, lesson: Lesson, *, start: dict[str, Tensor], seed: int, steps: int
) -> tuple[dict[str, Tensor], float]:
    """The weights after some iterations from others, and the training loss there."""
    step = Step(
        genome,
        lesson.problem,
        split=lesson.split,
        seed=seed,
        start={f"network.{name}": value for name, value in start.items()},
        pilot=lesson.pilot,
    )
    for _ in range(steps):
        step()
    state = step.save()
    return {name: state[f"network.{name}"] for name in start}, float(step.loss)


def _keep(file: Path, done: int, weights: dict[str, Tensor]) -> None:
    write_npz(file, {"done": np.array(done)} | {name: value.numpy() for name, value in weights.items()})


def _kept(file: Path) -> tuple[int, dict[str, Tensor]]:
    arrays = read_npz(file)
    try:
        done = int(arrays.pop("done"))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{file} does not say how far it came",
            "it holds weights that are being learnt",
            "remove it, and learn them again",
        ) from error
    return done, {name: torch.from_numpy(value) for name, value in arrays.items()}
