"""Finishing: what is still computed once the search is over, and the deliveries that come of it.

First fits of the best architectures, to the whole pictures where crops were searched, or to a second split where the
budget is large; then similar patches polish what the networks made, and one of all answers is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..delivery.answers import FIRST, Answer, Choice, choose, only
from ..delivery.delivering import (
    Delivery,
    Member,
    averaged,
    comparable,
    deliver,
    fitted_members,
    read_members,
    searched_members,
    whole_problem,
)
from ..delivery.finalists import Verdict, verdict_on_first, verdict_on_second
from ..delivery.first_answers import FirstAnswer
from ..delivery.polishing import gather_answers
from ..execution.messages import FitJob
from ..trials.first_files import read_first
from ..trials.objective import Limits
from ..trials.problem_files import WHOLE, SplitProblem, problem_path
from ..trials.trial import Trial, ranked
from .run import Run
from .scheduler import POLISHING, Scheduler
from .second_split import Rescored, SecondFits, second_picture

WHOLE_FITS = 3
"""Architectures that are fitted to the whole picture after a search on a crop, at most per worker."""


@dataclass(frozen=True)
class Finished:
    """What the search ends with.

    Args:
        deliveries: what networks led to, one per picture in the order of the cases; ``None`` where nothing was fitted.
        pictures: their problems, with the split that the search used.
        choices: what is delivered of each, and what else there was.
        verdict: the finalists, and which candidate is chosen; ``None`` where nothing was fitted.
        rescored: what was fitted to a second split.
    """

    deliveries: tuple[Delivery | None, ...]
    pictures: tuple[SplitProblem, ...]
    choices: tuple[Choice, ...]
    verdict: Verdict | None
    rescored: Rescored


def finish(scheduler: Scheduler, firsts: Mapping[str, FirstAnswer]) -> Finished:
    """Make the restored picture of each case, and choose the architecture to keep.

    Args:
        scheduler: the search, after its last candidate.
        firsts: the first answers, by the pictures' names.

    Raises:
        StudyError: there is neither a candidate nor a first answer to one of the pictures.
    """
    run, seed = scheduler.run, scheduler.run.settings.seed
    scheduler.phase = "delivering"
    scheduler.pool.go_on()
    best = ranked(run.trials())
    wholes, rescored = _last_fits(scheduler, best)
    names = run.settings.names
    pictures = tuple(whole_problem(run.folder, name, seed=seed) for name in names)
    alone = {name: first for name in names if (first := read_first(run.folder, name)) is not None}
    deliveries: list[Delivery | None] = []
    for index, picture in enumerate(pictures):
        members: list[Member] = (
            fitted_members(wholes[picture.name], picture)
            if run.plan.crop is not None
            else searched_members(run.folder, best, picture, index=index)
        )
        delivery = deliver(picture, members) if members or picture.name not in alone else None
        deliveries.append(delivery)
    there = [delivery for delivery in deliveries if delivery is not None]
    verdict = None
    if len(there) == len(deliveries):
        if rescored.finalists:
            verdict, there = _second_opinion(run.folder, rescored, there, seed=seed)
            deliveries = list(there)
        else:
            verdict = verdict_on_first(best, there, pictures, whole=run.plan.crop is not None)
    scheduler.phase = POLISHING
    answers = gather_answers(scheduler, [firsts.get(name) for name in names], deliveries, pictures)
    choices = tuple(
        choose(some, picture.problem, split=picture.split, seconds=run.seconds)
        if some
        # Even its pilot could not be made, so that no network was fitted and nothing can be judged.
        else only(_unjudged(alone[picture.name][0], run), picture.problem)
        for some, picture in zip(answers, pictures, strict=True)
    )
    return Finished(tuple(deliveries), pictures, choices, verdict, rescored)


def finish_at_once(run: Run) -> Finished:
    """Deliver the first answers as they are, which are there for all pictures."""
    pictures, choices = [], []
    for name in run.settings.names:
        picture = whole_problem(run.folder, name, seed=run.settings.seed)
        first = read_first(run.folder, name)
        assert first is not None  # or networks had to be fitted, however little time there is
        pictures.append(picture)
        choices.append(only(_unjudged(first[0], run), picture.problem))
    return Finished((None,) * len(pictures), tuple(pictures), tuple(choices), None, Rescored())


def _unjudged(first: Tensor, run: Run) -> Answer:
    return Answer(FIRST, first, first, run.seconds)


def _last_fits(
    scheduler: Scheduler, best: Sequence[Trial]
) -> tuple[dict[str, list[tuple[int, Path]]], Rescored]:
    """Fit the best once more: to whole pictures, or to a second split.

    Returns:
        By the picture's name, the candidates' numbers and the files of their fits to the whole, where there are
        any; and the fits to the second split.
    """
    run = scheduler.run
    wholes = _WholeFits(scheduler, best) if run.plan.crop is not None and best else None
    second = SecondFits(scheduler, best)
    if wholes is None:
        second.work()
    else:
        scheduler.work(wholes.next_job)
    return wholes.files() if wholes else {name: [] for name in run.settings.names}, second.rescored()


def _second_opinion(
    folder: Path, rescored: Rescored, deliveries: Sequence[Delivery], *, seed: int
) -> tuple[Verdict, list[Delivery]]:
    """Judge the finalists on the second split, and average in what it led to where that helps."""
    pictures = [second_picture(folder, delivery.name, seed=seed) for delivery in deliveries]
    fits = [read_members(rescored.files(picture.name), picture) for picture in pictures]
    verdict = verdict_on_second(rescored.finalists, fits, pictures, seeds=rescored.seeds)
    both = [
        averaged(delivery, deliver(picture, comparable(members)), picture.problem)
        for delivery, picture, members in zip(deliveries, pictures, fits, strict=True)
    ]
    return verdict, both


class _WholeFits:
    """Fits of the best architectures to the whole pictures, as many as there is time for."""

    def __init__(self, scheduler: Scheduler, best: Sequence[Trial]) -> None:
        self._foreman = scheduler
        names, plan = scheduler.run.settings.names, scheduler.run.plan
        places = max(1, len(plan.devices) * WHOLE_FITS // len(names))
        self._todo = [(e, name) for e in best[:places] if e.genome is not None for name in names]
        self._early = scheduler.asked.once
        if self._early:
            # Whoever asked to finish still gets the best network on every picture.
            self._todo = self._todo[: len(names)]
        self._jobs = len(self._todo)
        self._share: float | None = None
        self._begun: dict[str, list[tuple[int, Path]]] = {name: [] for name in names}

    def next_job(self) -> FitJob | None:
        """The next one, or ``None`` when all are done or none would be worth starting."""
        scheduler = self._foreman
        if not any(self._begun.values()):
            self._share = scheduler.share_of(scheduler.left(), jobs=self._jobs)
        late = self._share is not None and scheduler.left() < 0.5 * self._share
        if late or (scheduler.asked.once and not self._early):
            self._todo = []
        if not self._todo:
            return None
        trial, name = self._todo.pop(0)
        return self._job(trial, name)

    def files(self) -> dict[str, list[tuple[int, Path]]]:
        """By the picture's name: numbers and files of the fits that were made."""
        return {
            name: [(n, path) for n, path in found if path.exists()] for name, found in self._begun.items()
        }

    def _job(self, trial: Trial, name: str) -> FitJob:
        run, plan = self._foreman.run, self._foreman.run.plan
        assert trial.genome is not None
        out = run.folder / "finalists" / f"{trial.number:04d}-{name}.npz"
        self._begun[name].append((trial.number, out))
        return FitJob(
            label=f"finalist {trial.number} on {name}",
            genome=trial.genome,
            problem=problem_path(run.folder, kind=WHOLE, name=name),
            everything=False,
            seed=run.settings.seed,
            limits=Limits(
                max_steps=plan.max_steps,
                seconds=None if self._share is None else min(self._share, self._foreman.left()),
                patience=plan.patience,
                check_every=plan.whole_check_every,
                compute=run.settings.compute,
            ),
            out=out,
        )
