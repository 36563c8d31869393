"""Finishing: what is still computed once the search is over, and the deliveries that come of it.

First fits of the best architectures, to the whole pictures where crops were searched, or to a second split where the
budget is large; then similar patches polish what the networks made, and one of all answers is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..delivery.answers import Answer, Choice, choose, only, unchanged
from ..delivery.delivering import (
    MOST_MEMBERS,
    Delivery,
    Member,
    averaged,
    comparable,
    deliver,
    fitted_members,
    has_output,
    read_members,
    searched_members,
    whole_problem,
)
from ..delivery.finalists import Verdict, verdict_on_first, verdict_on_second
from ..delivery.first_answers import FirstAnswer
from ..delivery.polishing import POLISHING_SHARE, gather_answers
from ..delivery.search_gain import SearchGain, search_gain
from ..delivery.shares import FIRST
from ..errors import ResourceError
from ..execution.fit_queue import FitQueue
from ..execution.task import OUTPUT, Advanced, Limits, Picture, Result, Slice, Task
from ..fitting import may_fit_all_data
from ..fitting.all_data import all_data_share, least_share
from ..trials.first_files import KeptFirst, read_first
from ..trials.problem_files import WHOLE, SplitProblem, pilot_file, problem_file
from ..trials.trial import Trial, ranked
from .candidate import Candidate
from .run import Run
from .scheduler import GRACE, POLISHING, Scheduler
from .search_slices import fit_seed, slice_of, slice_seconds
from .second_split import Rescored, SecondFits, second_picture

WHOLE_FITS = 3
"""Architectures that are fitted to the whole picture after a search on a crop, at most per worker."""

LEAST_WEIGHT = 0.05
"""Of an ensemble's member that goes on with everything that was measured."""


@dataclass(frozen=True)
class Finished:
    """What the search ends with.

    Args:
        deliveries: what networks led to, one per picture in the order of the cases; ``None`` where nothing was fitted.
        pictures: their problems, with the split that the search used.
        choices: what is delivered of each, and what else there was.
        verdict: the finalists, and which candidate is chosen; ``None`` where nothing was fitted.
        rescored: what was fitted to a second split.
        gain: what searching brought; ``None`` where nothing was fitted.
    """

    deliveries: tuple[Delivery | None, ...]
    pictures: tuple[SplitProblem, ...]
    choices: tuple[Choice, ...]
    verdict: Verdict | None
    rescored: Rescored
    gain: SearchGain | None = None


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
    best = _deliverable(scheduler, ranked(run.trials()))
    # Where somebody asked to finish nothing is fitted any more; what an earlier run has left counts.
    wholes, rescored = _last_fits(scheduler, best)
    scheduler.runner.deliver(within=GRACE)
    names = run.settings.names
    pictures = tuple(whole_problem(run.folder, name, seed=seed) for name in names)
    alone = {name: first for name in names if (first := read_first(run.folder, name)) is not None}

    def delivered() -> list[Delivery | None]:
        found: list[Delivery | None] = []
        for index, picture in enumerate(pictures):
            members: list[Member] = (
                fitted_members(wholes.get(picture.name, []), picture)
                if run.plan.crop is not None
                else searched_members(run.folder, best, picture, index=index)
            )
            found.append(deliver(picture, members) if members or picture.name not in alone else None)
        return found

    deliveries = delivered()
    if run.plan.crop is None and _with_all_data(scheduler, deliveries, pictures):
        deliveries = delivered()
    there = [delivery for delivery in deliveries if delivery is not None]
    gain = search_gain(best, there if len(there) == len(deliveries) else (), pictures) if best else None
    verdict = None
    if len(there) == len(deliveries):
        if rescored.finalists:
            verdict, there = _second_opinion(run.folder, rescored, there, seed=seed)
            deliveries = list(there)
        else:
            verdict = verdict_on_first(best, there, pictures, whole=run.plan.crop is not None)
    elif best:
        verdict = Verdict((), best[0].number, "it had the best score of the search")
    scheduler.phase = POLISHING
    answers = gather_answers(scheduler.runner, [firsts.get(name) for name in names], deliveries, pictures)
    choices = tuple(
        choose(some, picture.problem, split=picture.split, seconds=run.seconds)
        if some
        # Even its pilot could not be made, so that no network was fitted and nothing can be judged.
        else only(_unjudged(alone[picture.name], run), picture.problem)
        for some, picture in zip(answers, pictures, strict=True)
    )
    return Finished(tuple(deliveries), pictures, choices, verdict, rescored, gain)


def _deliverable(scheduler: Scheduler, best: Sequence[Trial]) -> Sequence[Trial]:
    """Those whose outputs can be read: one damaged file is not to cost the others."""
    run = scheduler.run
    lost = [
        trial.number
        for trial in best[:MOST_MEMBERS]
        if not has_output(run.folder, trial, pictures=len(run.settings.names))
    ]
    if lost:
        numbers = ", ".join(str(number) for number in lost)
        scheduler.say(f"the output of candidate {numbers} is missing or damaged: delivered without it")
    return [trial for trial in best if trial.number not in lost]


def finish_at_once(run: Run) -> Finished:
    """Deliver the first answers as they are, which are there for all pictures."""
    pictures, choices = [], []
    for name, case in zip(run.settings.names, run.cases, strict=True):
        picture = whole_problem(run.folder, name, seed=run.settings.seed)
        pictures.append(picture)
        if case.left_alone:
            choices.append(unchanged(picture.problem, seconds=run.seconds))
            continue
        first = read_first(run.folder, name)
        assert first is not None  # or networks had to be fitted, however little time there is
        choices.append(only(_unjudged(first, run), picture.problem))
    return Finished((None,) * len(pictures), tuple(pictures), tuple(choices), None, Rescored())


def _unjudged(first: KeptFirst, run: Run) -> Answer:
    return Answer(FIRST, first.image, first.image, run.seconds, first.made)


def _last_fits(
    scheduler: Scheduler, best: Sequence[Trial]
) -> tuple[dict[str, list[tuple[int, Path]]], Rescored]:
    """Fit the best once more: to whole pictures, or to a second split.

    Returns:
        By the picture's name, the candidates' numbers and the files of their fits to the whole, where there are
        any; and the fits to the second split.
    """
    run = scheduler.run
    limit = run.settings.memory_limit  # that of a study that is resumed may be another machine's
    able = [t for t in best if t.genome is None or limit.fits(t.genome) or _has_last_fits(run, t)]
    wholes = _whole_fits(scheduler, able) if run.plan.crop is not None and able else {}
    second = SecondFits(scheduler, able)
    if run.plan.crop is None:
        try:
            second.work()
        except ResourceError as error:  # of its pilots
            scheduler.say(f"finalists: not scored again on a second split: {error.given} ({error.rule})")
    return wholes, second.rescored()


def _has_last_fits(run: Run, trial: Trial) -> bool:
    """Whether an earlier run has fitted it once more; that counts, however little memory there is now."""
    there = run.folder / "finalists"
    return any(
        found for who in ("", "second-") for found in there.glob(f"{who}{trial.number:04d}-*/{OUTPUT}")
    )


def _with_all_data(
    scheduler: Scheduler,
    deliveries: Sequence[Delivery | None],
    pictures: Sequence[SplitProblem],
) -> bool:
    """Let the members of the ensembles go on with everything that was measured, where that is safe; whether any did."""
    if not all(may_fit_all_data(picture.problem) for picture in pictures):
        return False
    weights: dict[int, float] = {}
    for delivery in deliveries:
        for number, weight in (delivery.used if delivery is not None else {}).items():
            weights[number] = max(weight, weights.get(number, 0.0))
    search = scheduler.search
    there = {} if search is None else search.candidates
    members = sorted((n for n, w in weights.items() if w >= LEAST_WEIGHT), key=lambda n: -weights[n])
    todo, done = [there[number] for number in members if number in there and there[number].fresh], []
    allowed: dict[str, float] = {}  # seconds that those that have begun may still take, by their places
    waiting: list[Candidate] = []

    def next_task() -> Slice | None:
        # Of the time that is kept for polishing that takes half, and looks at the clock itself.
        left = scheduler.left() + (1 - POLISHING_SHARE) * scheduler.run.plan.polishing
        while todo and not waiting:
            candidate = todo.pop(0)
            takes = all_data_share(candidate.steps) * candidate.seconds
            if least_share(candidate.steps) * candidate.seconds <= left:
                # Without a clock the same search gives the same picture, however busy the machine.
                allowed[candidate.place] = math.inf if math.isinf(left) else 2 * takes
                waiting.append(candidate)
        if not waiting or search is None:
            return None
        candidate = waiting.pop(0)
        rest, each = max(0.0, min(allowed[candidate.place], left)), slice_seconds(search.run)
        one = slice_of(search.run, candidate)
        return replace(one, all_data=True, seconds=min(each, rest), keep=rest <= each)

    def took(task: Task, found: Result | Exception, worker: int) -> None:
        del worker
        assert isinstance(task, Slice)
        if not isinstance(found, Advanced):
            return
        if found.kept:
            done.append(found)
            return
        allowed[task.place] -= found.beside
        waiting.extend(one for one in there.values() if one.place == task.place)

    scheduler.runner.work(next_task, took)
    return bool(done)


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


def _whole_fits(scheduler: Scheduler, best: Sequence[Trial]) -> dict[str, list[tuple[int, Path]]]:
    """Fit the best architectures to the whole pictures, as many as there is time for.

    Returns:
        By the picture's name: numbers of the candidates and files of their fits.
    """
    run, plan, names = scheduler.run, scheduler.run.plan, scheduler.run.settings.names
    places = max(1, len(plan.devices) * WHOLE_FITS // len(names))
    wanted = [
        (trial.number, name, _whole_fit(run, trial, name))
        for trial in best[:places]
        if trial.genome is not None
        for name in names
    ]
    until = float("inf") if plan.deliver_until is None else plan.deliver_until - plan.polishing
    fits = [fit for _, _, fit in wanted]
    queue = FitQueue(scheduler.runner, fits, until=until, slice_seconds=slice_seconds(run))
    queue.work()
    found: dict[str, list[tuple[int, Path]]] = {name: [] for name in names}
    for number, name, fit in wanted:
        file = run.folder / fit.place / OUTPUT
        if file.exists():
            found[name].append((number, file))
    return found


def _whole_fit(run: Run, trial: Trial, name: str) -> Slice:
    assert trial.genome is not None
    problem = problem_file(kind=WHOLE, name=name)
    picture = next(
        case.problem for other, case in zip(run.settings.names, run.cases, strict=True) if other == name
    )
    return Slice(
        place=f"finalists/{trial.number:04d}-{name}",
        label=f"finalist {trial.number} on {name}",
        network=trial.genome,
        pictures=(Picture(problem, run.settings.seed, pilot_file(kind=WHOLE, name=name)),),
        seed=fit_seed(run.settings, trial.number),
        limits=Limits(
            max_steps=run.plan.max_steps,
            patience=run.plan.patience,
            check_every=run.plan.whole_check_every,
            compute=run.settings.compute,
        ),
        at=0,
        steps=run.plan.max_steps,
        may_go_on=may_fit_all_data(picture),
        start=trial.start,
    )
