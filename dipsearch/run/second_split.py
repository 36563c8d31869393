"""The second split: the best candidates are fitted once more, to another division of the measurement.

Selection has seen the scores on the first split only, so those on the second one are not flattered by it. All
finalists get the same split and the same seeds. What lies on disk from before is not fitted again. Networks with a
pilot get one that was computed from the fitted part of this split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from ..delivery.delivering import whole_problem
from ..delivery.polishing import patch_seconds
from ..errors import DipsearchError, InputError
from ..execution.messages import FitJob, PatchJob
from ..fitting.all_data import USEFUL
from ..planning.rescoring import NOTHING, best_choice
from ..problem import make_split
from ..trials.objective import Limits
from ..trials.problem_files import WHOLE, SplitProblem, problem_path, write_pilot
from ..trials.trial import Trial
from ..trials.trial_files import read_npz
from .scheduler import Scheduler

SEED_STEP = 7919
"""Between the seeds of the two splits, and between those of the fits of one finalist."""

ENOUGH = 0.6
"""Of the time that a finalist took in the search, what its second fit has to get: late iterations change little."""

Fits = dict[tuple[int, int, str], Path]
"""Files by the candidate's number, the number of the seed and the picture's name."""


@dataclass(frozen=True)
class Rescored:
    """What was fitted to the second split, complete for every finalist, seed and picture.

    Args:
        finalists: the candidates, best first by the search; empty: nothing was.
        seeds: how many fits each has per picture.
        fits: their files.
    """

    finalists: tuple[Trial, ...] = ()
    seeds: int = 0
    fits: tuple[tuple[tuple[int, int, str], Path], ...] = ()

    def files(self, name: str) -> list[tuple[int, Path]]:
        """The fits of one picture, numbered anew: finalist by finalist, seed by seed."""
        found = dict(self.fits)
        keys = [(e.number, seed, name) for e in self.finalists for seed in range(self.seeds)]
        return [(index, found[key]) for index, key in enumerate(keys)]

    def candidates(self) -> tuple[int, ...]:
        """The candidate behind each number of ``files``."""
        return tuple(e.number for e in self.finalists for _ in range(self.seeds))


def second_picture(folder: Path, name: str, *, seed: int) -> SplitProblem:
    """A picture's whole problem and its second split.

    Args:
        seed: of the study.

    Raises:
        InputError: the measurement cannot be divided.
    """
    first = whole_problem(folder, name, seed=seed)
    return SplitProblem(name, first.problem, make_split(first.problem, seed=seed + SEED_STEP))


class SecondFits:
    """Hands out the fits of the finalists, seed by seed, so that all have as many when the time is up.

    Args:
        scheduler: gives the plan and the clock.
        best: the complete candidates, best first.
    """

    def __init__(self, scheduler: Scheduler, best: Sequence[Trial]) -> None:
        self._foreman = scheduler
        self._finalists = [e for e in best if e.genome is not None and e.seconds is not None]
        self._todo: list[tuple[Trial, int, str]] | None = None
        self._fits: Fits = {}
        self._share: float | None = None

    def work(self) -> None:
        """Make the pilots that are needed, then the fits."""
        pilots = self._pilots()
        self._foreman.work(lambda: pilots.pop(0) if pilots else None)
        self._foreman.work(self.next_job)

    def next_job(self) -> FitJob | None:
        """The next one, or ``None`` when there is none or it would come too late."""
        if self._todo is None:
            self._todo = self._chosen()
        while self._todo and not self._foreman.asked.once:
            finalist, seed, name = self._todo.pop(0)
            out = self._file(finalist, seed, name)
            self._fits[finalist.number, seed, name] = out
            if not _useful(out):
                if self._share is not None and self._left() < 0.5 * self._share:
                    self._todo = []
                    return None
                return self._job(finalist, seed, name, out=out)
        return None

    def rescored(self) -> Rescored:
        """What is there of the finalists' fits: as many seeds as all of them have."""
        useful = {key: file for key, file in self._fits.items() if _useful(file)}
        seeds = 1 + max((seed for _, seed, _ in useful), default=-1)
        while seeds:
            finalists = [
                e
                for e in self._finalists
                if all((e.number, seed, name) in useful for seed in range(seeds) for name in self._names)
            ]
            if len(finalists) > 1:
                kept = {e.number for e in finalists}
                fits = {k: file for k, file in useful.items() if k[0] in kept and k[1] < seeds}
                return Rescored(tuple(finalists), seeds, tuple(fits.items()))
            seeds -= 1
        return Rescored()

    def _pilots(self) -> list[PatchJob]:
        """The pilots that finalists need and that are not there yet."""
        scheduler, planned = self._foreman, self._foreman.run.plan.rescoring
        finalists = self._finalists[: planned.finalists]
        needed = [e for e in finalists if _piloted(e) and not self._is_done(e, planned.seeds)]
        if not needed or len(finalists) < 2 or scheduler.asked.once or not self._divisible:
            return []
        jobs = []
        for name in self._names:
            problem = problem_path(scheduler.run.folder, kind=WHOLE, name=name)
            if not self._pilot(name).exists() and patch_seconds(scheduler, problem) < 0.5 * self._left():
                label = f"similar patches on {name}, second split"
                seed = scheduler.run.settings.seed + SEED_STEP
                jobs.append(PatchJob(label, problem, self._pilot(name), split_seed=seed))
        return jobs

    def _pilot(self, name: str) -> Path:
        """What similar patches made of the second split's fitted part."""
        return self._foreman.run.folder / "answers" / f"{name}-second-fitted.npz"

    @property
    def _names(self) -> tuple[str, ...]:
        return self._foreman.run.settings.names

    def _left(self) -> float:
        until = self._foreman.run.plan.rescore_until
        return float("inf") if until is None else until - self._foreman.run.seconds

    def _chosen(self) -> list[tuple[Trial, int, str]]:
        """All fits to make; fewer than planned where the finalists turned out to be slow."""
        plan = self._foreman.run.plan
        planned = plan.rescoring
        self._finalists = self._with_pilots(self._finalists[: planned.finalists], planned.seeds)
        if planned == NOTHING or len(self._finalists) < 2 or not self._divisible:
            return []
        wished, left = planned, self._left()
        each = [
            0.0 if self._is_done(e, planned.seeds) else ENOUGH * (e.seconds or 0.0) for e in self._finalists
        ]
        if left != float("inf"):
            wished = min(
                planned,
                best_choice(each, seconds=max(0.0, left), workers=len(plan.devices)),
                key=lambda choice: choice.finalists * choice.seeds,
            )
        if wished == NOTHING:
            self._foreman.say(
                "finalists: not scored again on a second split, that would need "
                f"{len(each)} × {max(each):.0f} s more"
            )
        self._finalists = self._finalists[: wished.finalists]
        self._share = self._foreman.share_of(left, jobs=wished.finalists * wished.seeds * len(self._names))
        return [
            (e, seed, name) for seed in range(wished.seeds) for e in self._finalists for name in self._names
        ]

    def _with_pilots(self, finalists: Sequence[Trial], seeds: int) -> list[Trial]:
        """Those that can be fitted: a network that needs a pilot of this split where there is none cannot."""
        if all(self._pilot(name).exists() for name in self._names):
            return list(finalists)
        able = [e for e in finalists if not _piloted(e) or self._is_done(e, seeds)]
        if len(able) < len(finalists):
            self._foreman.say(
                f"finalists: {len(finalists) - len(able)} of {len(finalists)} not scored again on a second split, "
                "which has no first answer for their inputs"
            )
        return able

    def _is_done(self, finalist: Trial, seeds: int) -> bool:
        return all(_useful(self._file(finalist, seed, name)) for seed in range(seeds) for name in self._names)

    @cached_property
    def _divisible(self) -> bool:
        run = self._foreman.run
        try:
            for name in self._names:
                second_picture(run.folder, name, seed=run.settings.seed)
        except InputError as error:
            self._foreman.say(f"finalists: not scored again on a second split: {error}")
            return False
        return True

    def _file(self, finalist: Trial, seed: int, name: str) -> Path:
        folder = self._foreman.run.folder / "finalists"
        return folder / f"second-{finalist.number:04d}-{seed}-{name}.npz"

    def _job(self, finalist: Trial, seed: int, name: str, *, out: Path) -> FitJob:
        plan, settings = self._foreman.run.plan, self._foreman.run.settings
        assert finalist.genome is not None
        seconds = None if plan.candidate_seconds is None else plan.candidate_seconds / len(self._names)
        if self._share is not None:
            # The same for all finalists, so that none is ahead because it had more time.
            seconds = max(1.0, min(seconds or self._share, self._share, self._left()))
        return FitJob(
            label=f"finalist {finalist.number}, seed {seed + 1}, on {name}",
            genome=finalist.genome,
            problem=problem_path(self._foreman.run.folder, kind=WHOLE, name=name),
            everything=False,
            seed=settings.seed + seed * SEED_STEP,
            split_seed=settings.seed + SEED_STEP,
            limits=Limits(
                max_steps=plan.max_steps,
                seconds=seconds,
                patience=plan.patience,
                compute=settings.compute,
            ),
            out=out,
            pilot=self._written_pilot(name) if _piloted(finalist) else None,
        )

    def _written_pilot(self, name: str) -> Path:
        """The pilot in the form in which fits read it."""
        file = self._pilot(name).with_name(f"{name}-second-pilot.npz")
        write_pilot(file, fitted=torch.from_numpy(read_npz(self._pilot(name))["x"]))
        return file


def _piloted(finalist: Trial) -> bool:
    return finalist.genome is not None and finalist.genome.needs_pilot


def _useful(file: Path) -> bool:
    """Whether a file holds a fit that ended by itself or by its time."""
    if not file.exists():
        return False
    try:
        return str(read_npz(file)["ended"]) in {ended.name for ended in USEFUL}
    except (DipsearchError, KeyError):
        return False  # it is fitted again
