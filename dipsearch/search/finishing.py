"""Finishing: what is still computed once the search is over, and the deliveries that come of it.

First the classical restorations; then fits of the best architectures, to the whole pictures where crops were
searched, or to a second split where the budget is large; then, where there is noise of known strength, the members of
the stack once more, fitted to all of y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..fitting import Ended, LossMatched
from .blending import Blend, blended
from .candidate import read_arrays, read_output, suffix
from .delivering import (
    Delivery,
    Member,
    averaged,
    comparable,
    deliver,
    fitted_members,
    prepared_whole,
    read_members,
    refitted,
    searched_members,
)
from .evaluation import Evaluation, ranked
from .finalists import Verdict, verdict_on_first, verdict_on_second
from .foreman import Foreman
from .judging import Baseline, baseline_jobs, classical_of, judged
from .messages import BaselineJob, FitJob
from .objective import Limits
from .prepared import WHOLE, Prepared, problem_path
from .second_split import Rescored, SecondFits, second_picture

WHOLE_FITS = 3
"""Architectures that are fitted to the whole picture after a search on a crop, at most per worker."""


@dataclass(frozen=True)
class Finished:
    """What the search ends with.

    Args:
        deliveries: one per picture, in the order of the cases.
        pictures: their problems, with the split that the search used.
        baselines: by the picture's name; pictures may be missing.
        blends: what is classical in a delivery, by the picture's name; only where something is.
        classicals: the classical restorations of the fitted parts, likewise.
        verdict: the finalists, and which candidate is chosen.
        rescored: what was fitted to a second split.
    """

    deliveries: tuple[Delivery, ...]
    pictures: tuple[Prepared, ...]
    baselines: dict[str, Baseline]
    blends: dict[str, Blend]
    classicals: dict[str, Tensor]
    verdict: Verdict
    rescored: Rescored


def finish(foreman: Foreman) -> Finished:
    """Make the restored picture of each case, and choose the architecture to keep."""
    session, seed = foreman.session, foreman.session.settings.seed
    foreman.phase = "delivering"
    foreman.pool.go_on()
    best = ranked(session.evaluations())
    wholes, rescored = _last_fits(foreman, best)
    pictures = tuple(prepared_whole(session.folder, name, seed=seed) for name in session.settings.names)
    deliveries = []
    for index, picture in enumerate(pictures):
        members: list[Member] = (
            fitted_members(wholes[picture.name], picture)
            if session.plan.crop is not None
            else searched_members(session.folder, best, picture, index=index)
        )
        delivery = deliver(picture, members)
        # After a search on a crop, nothing is known of the losses that a refit of the whole should match.
        if picture.split.kind in ("recorruption", "thinning") and session.plan.crop is None:
            delivery = refitted(delivery, picture, _refits(foreman, delivery, picture, best, index=index))
        deliveries.append(delivery)
    if rescored.finalists:
        verdict, deliveries = _second_opinion(session.folder, rescored, deliveries, seed=seed)
    else:
        verdict = verdict_on_first(best, deliveries, pictures, whole=session.plan.crop is not None)
    return _with_the_classical(foreman, deliveries, pictures, verdict, rescored=rescored)


def _with_the_classical(
    foreman: Foreman,
    deliveries: Sequence[Delivery],
    pictures: tuple[Prepared, ...],
    verdict: Verdict,
    *,
    rescored: Rescored,
) -> Finished:
    """Blend the classical restorations in where that helps, and judge them beside what is delivered."""
    folder, done = foreman.session.folder, foreman.done
    classicals = [classical_of(folder, done, picture.name) for picture in pictures]
    mixed = [
        blended(delivery, classical, picture)
        for delivery, classical, picture in zip(deliveries, classicals, pictures, strict=True)
    ]
    baselines = {
        picture.name: found
        for one, classical, picture in zip(mixed, classicals, pictures, strict=True)
        if (found := judged(folder, done, ours=one.judged, classical=classical, picture=picture))
    }
    blends = {one.delivery.name: one.blend for one in mixed if one.blend is not None}
    final = tuple(one.delivery for one in mixed)
    fitted = {
        picture.name: classical.fitted
        for classical, picture in zip(classicals, pictures, strict=True)
        if classical is not None
    }
    return Finished(final, pictures, baselines, blends, fitted, verdict, rescored)


def _last_fits(
    foreman: Foreman, best: Sequence[Evaluation]
) -> tuple[dict[str, list[tuple[int, Path]]], Rescored]:
    """Compute the classical restorations, and fit the best once more: to whole pictures, or to a second split.

    Returns:
        By the picture's name, the candidates' numbers and the files of their fits to the whole, where there are
        any; and the fits to the second split.
    """
    session = foreman.session
    names, seed = session.settings.names, session.settings.seed
    classical = [job for name in names for job in baseline_jobs(session.folder, name, seed=seed)]
    wholes = _WholeFits(foreman, best) if session.plan.crop is not None and best else None
    second = SecondFits(foreman, best)

    def next_job() -> BaselineJob | FitJob | None:
        if classical:
            return classical.pop(0)
        return wholes.next_job() if wholes else second.next_job()

    foreman.work(next_job)
    return wholes.files() if wholes else {name: [] for name in names}, second.rescored()


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

    def __init__(self, foreman: Foreman, best: Sequence[Evaluation]) -> None:
        self._foreman = foreman
        names, plan = foreman.session.settings.names, foreman.session.plan
        places = max(1, len(plan.devices) * WHOLE_FITS // len(names))
        self._todo = [(e, name) for e in best[:places] if e.genome is not None for name in names]
        self._early = foreman.asked.once
        if self._early:
            # Whoever asked to finish still gets the best network on every picture.
            self._todo = self._todo[: len(names)]
        self._jobs = len(self._todo)
        self._share: float | None = None
        self._begun: dict[str, list[tuple[int, Path]]] = {name: [] for name in names}

    def next_job(self) -> FitJob | None:
        """The next one, or ``None`` when all are done or none would be worth starting."""
        foreman = self._foreman
        if not any(self._begun.values()):
            self._share = foreman.share_of(foreman.left(), jobs=self._jobs)
        late = self._share is not None and foreman.left() < 0.5 * self._share
        if late or (foreman.asked.once and not self._early):
            self._todo = []
        if not self._todo:
            return None
        evaluation, name = self._todo.pop(0)
        return self._job(evaluation, name)

    def files(self) -> dict[str, list[tuple[int, Path]]]:
        """By the picture's name: numbers and files of the fits that were made."""
        return {
            name: [(n, path) for n, path in found if path.exists()] for name, found in self._begun.items()
        }

    def _job(self, evaluation: Evaluation, name: str) -> FitJob:
        session, plan = self._foreman.session, self._foreman.session.plan
        assert evaluation.genome is not None
        out = session.folder / "finalists" / f"{evaluation.number:04d}-{name}.npz"
        self._begun[name].append((evaluation.number, out))
        return FitJob(
            label=f"finalist {evaluation.number} on {name}",
            genome=evaluation.genome,
            problem=problem_path(session.folder, kind=WHOLE, name=name),
            everything=False,
            seed=session.settings.seed,
            limits=Limits(
                max_steps=plan.max_steps,
                seconds=None if self._share is None else min(self._share, self._foreman.left()),
                patience=plan.patience,
                check_every=plan.whole_check_every,
                engine=session.settings.engine,
                precision=session.settings.precision,
            ),
            out=out,
        )


def _refits(
    foreman: Foreman, delivery: Delivery, picture: Prepared, best: Sequence[Evaluation], *, index: int
) -> dict[int, Tensor]:
    """Fit the members of the delivery once more, to all of y, the weightiest first, while there is time."""
    by_number = {evaluation.number: evaluation for evaluation in best}
    todo = sorted(delivery.used, key=lambda number: -delivery.used[number])
    files: dict[int, Path] = {}

    def next_job() -> FitJob | None:
        while todo and not foreman.asked.once:
            number = todo.pop(0)
            job = _refit_job(foreman, by_number[number], picture, index=index)
            if job is not None:
                files[number] = job.out
                return job
        return None

    foreman.work(next_job)
    matched = {
        number: file
        for number, file in files.items()
        if (done := foreman.done.get(file)) is not None and done.outcome["ended"] == Ended.MATCHED.value
    }
    return {number: read_output(file).delivered for number, file in matched.items()}


def _refit_job(foreman: Foreman, member: Evaluation, picture: Prepared, *, index: int) -> FitJob | None:
    """The job, or ``None`` when it would not end in time."""
    folder = foreman.session.folder
    if member.genome is None or member.seconds is None:
        return None
    arrays, end = read_arrays(folder, member.number, "fit.npz"), suffix(index)
    steps, chosen = arrays["step" + end], int(arrays["chosen" + end])
    per_step = float(arrays["seconds" + end][-1]) / max(int(steps[-1]), 1)
    if 1.2 * chosen * per_step > foreman.left():
        return None
    # The noise of all of y is smaller than that of the fitted part by the share that the fit gave up, and
    # at the chosen iteration the training loss is all but the noise.
    loss = float(arrays["chosen_loss" + end]) * (1 - picture.split.share)
    return FitJob(
        label=f"refit of {member.number}",
        genome=member.genome,
        problem=problem_path(folder, kind=WHOLE, name=picture.name),
        everything=True,
        seed=foreman.session.settings.seed,
        limits=Limits(
            max_steps=max(1, round(1.5 * chosen)),
            seconds=max(1.0, foreman.left()),
            engine=foreman.session.settings.engine,
            precision=foreman.session.settings.precision,
        ),
        out=folder / "refits" / f"{member.number:04d}-{picture.name}.npz",
        rule=LossMatched(loss, floor=max(1, chosen // 2)),
    )
