"""Finishing: what is still computed once the search is over, and the deliveries that come of it.

First the classical restorations; then, where crops were searched, fits of the best architectures to the whole
pictures; then, where there is noise of known strength, the members of the stack once more, fitted to all of y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..fitting import Ended, LossMatched
from .candidate import read_arrays, read_output, suffix
from .delivering import Delivery, Member, deliver, fitted_members, prepared_whole, refitted, searched_members
from .evaluation import Evaluation, ranked
from .foreman import Foreman
from .messages import BaselineJob, FitJob
from .objective import Limits
from .prepared import WHOLE, Prepared, problem_path

WHOLE_FITS = 3
"""Architectures that are fitted to the whole picture after a search on a crop, at most per worker."""


@dataclass(frozen=True)
class Baseline:
    """A classical restoration of a picture: the method's name, its wall time, and the file that holds ``x``."""

    name: str
    seconds: float
    file: Path


@dataclass(frozen=True)
class Finished:
    """What the search ends with.

    Args:
        deliveries: one per picture, in the order of the cases.
        baselines: by the picture's name; pictures may be missing.
    """

    deliveries: tuple[Delivery, ...]
    baselines: dict[str, Baseline]


def finish(foreman: Foreman) -> Finished:
    """Make the restored picture of each case."""
    session = foreman.session
    foreman.phase = "delivering"
    foreman.pool.go_on()
    best = ranked(session.evaluations())
    wholes = _baselines_and_whole_fits(foreman, best)
    deliveries = []
    for index, name in enumerate(session.settings.names):
        picture = prepared_whole(session.folder, name, seed=session.settings.seed)
        members: list[Member] = (
            fitted_members(wholes[name], picture)
            if session.plan.crop is not None
            else searched_members(session.folder, best, picture, index=index)
        )
        delivery = deliver(picture, members)
        # After a search on a crop, nothing is known of the losses that a refit of the whole should match.
        if picture.split.kind == "recorruption" and session.plan.crop is None:
            delivery = refitted(delivery, picture, _refits(foreman, delivery, picture, best, index=index))
        deliveries.append(delivery)
    return Finished(tuple(deliveries), _baselines(foreman))


def _baselines_and_whole_fits(
    foreman: Foreman, best: Sequence[Evaluation]
) -> dict[str, list[tuple[int, Path]]]:
    """Compute the classical restorations and, after a search on crops, fit the best to the whole pictures.

    Returns:
        By the picture's name: the candidates' numbers and the files of their fits to the whole, where there are any.
    """
    session = foreman.session
    names = session.settings.names
    classical = [_baseline_job(session.folder, name) for name in names]
    wholes = _WholeFits(foreman, best) if session.plan.crop is not None and best else None

    def next_job() -> BaselineJob | FitJob | None:
        if classical:
            return classical.pop(0)
        return wholes.next_job() if wholes else None

    foreman.work(next_job)
    return wholes.files() if wholes else {name: [] for name in names}


def _baseline_job(folder: Path, name: str) -> BaselineJob:
    return BaselineJob(problem_path(folder, kind=WHOLE, name=name), folder / "baselines" / f"{name}.npz")


def _baselines(foreman: Foreman) -> dict[str, Baseline]:
    found = {name: _baseline_job(foreman.session.folder, name).out for name in foreman.session.settings.names}
    return {
        name: Baseline(done.outcome["name"], done.outcome["seconds"], file)
        for name, file in found.items()
        if (done := foreman.done.get(file)) is not None
    }


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
    weights = dict(zip(delivery.stack.members, delivery.stack.weights, strict=True))
    todo = sorted(weights, key=lambda number: -weights[number])
    if delivery.chosen == "best":
        todo = [delivery.best.number]
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
