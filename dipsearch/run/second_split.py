"""The second split: the best candidates are fitted once more, to another division of the measurement.

Selection has seen the scores on the first split only, so those on the second one are not flattered by it. All
finalists get the same split and the same seeds, and go on with all data once they were judged. What lies on disk from
before is not fitted again, or gone on with where it had not ended. Networks with a pilot get one that was computed from
the fitted part of this split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..delivery.delivering import whole_problem
from ..delivery.polishing import patch_seconds
from ..errors import DipsearchError, InputError
from ..execution.fit_queue import FitQueue
from ..execution.picture_fits import kept_steps
from ..execution.task import CURVES, OUTPUT, STATE, Limits, Patches, Picture, Slice
from ..fitting import Ended, may_fit_all_data
from ..fitting.all_data import USEFUL, all_data_share
from ..planning.plan import Plan
from ..planning.rescoring import NOTHING, best_choice
from ..problem import make_split
from ..trials.array_files import read_npz, read_x
from ..trials.first_files import FIRST_FOLDER
from ..trials.problem_files import (
    WHOLE,
    SplitProblem,
    pilot_path,
    problem_file,
    problem_path,
    read_pilot,
    read_problem,
    write_pilot,
)
from ..trials.trial import Trial
from .scheduler import Scheduler
from .search_slices import slice_seconds

SEED_STEP = 7919
"""Between the seeds of the two splits, and between those of the fits of one finalist."""

ENOUGH = 0.6
"""Of the time that a finalist took in the search, what its second fit has to get: late iterations change little."""


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
        self._scheduler, self._runner = scheduler, scheduler.runner
        self._finalists = [e for e in best if e.genome is not None and e.seconds is not None]
        self._places: dict[tuple[int, int, str], str] = {}
        self._cut_off: frozenset[str] = frozenset()

    def work(self) -> None:
        """Make the pilots that are needed, then the fits."""
        self._runner.restore(self._pilots())
        chosen = self._chosen()
        self._places = {
            key: _place(*key) for finalist, seed, name in chosen if (key := (finalist.number, seed, name))
        }
        todo = [
            self._fit(finalist, seed, name)
            for finalist, seed, name in chosen
            if not self._is_whole(finalist, seed, name)
        ]
        until = float("inf") if self._plan.rescore_until is None else self._plan.rescore_until
        each = slice_seconds(self._scheduler.run)
        queue = FitQueue(self._runner, todo, until=until, slice_seconds=each)
        queue.work()
        self._cut_off = queue.cut_off

    def rescored(self) -> Rescored:
        """What is there of the finalists' fits: as many seeds as all of them have."""
        folder = self._scheduler.run.folder
        useful = {
            key: folder / place / OUTPUT
            for key, place in self._places.items()
            if self._is_useful(place) and place not in self._cut_off
        }
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

    def _pilots(self) -> list[Patches]:
        """The pilots that finalists need and that are not there yet."""
        planned = self._plan.rescoring
        finalists = self._finalists[: planned.finalists]
        needed = [e for e in finalists if _piloted(e) and not self._is_done(e, planned.seeds)]
        if not needed or len(finalists) < 2 or not self._divisible:
            return []
        tasks = []
        for name in self._names:
            problem = problem_file(kind=WHOLE, name=name)
            if not self._pilot(name).exists() and patch_seconds(self._runner, problem) < 0.5 * self._left():
                label = f"similar patches on {name}, second split"
                tasks.append(
                    Patches(label, problem, _pilot_file(name), split_seed=self._runner.seed + SEED_STEP)
                )
        return tasks

    def _pilot(self, name: str) -> Path:
        """What similar patches made of the second split's fitted part."""
        return self._scheduler.run.folder / _pilot_file(name)

    @property
    def _names(self) -> tuple[str, ...]:
        return self._scheduler.run.settings.names

    @property
    def _plan(self) -> Plan:
        return self._scheduler.run.plan

    def _left(self) -> float:
        until = self._plan.rescore_until
        return float("inf") if until is None else until - self._scheduler.run.seconds

    def _chosen(self) -> list[tuple[Trial, int, str]]:
        """All fits to make; fewer than planned where the finalists turned out to be slow."""
        planned = self._plan.rescoring
        self._finalists = self._with_pilots(self._finalists[: planned.finalists], planned.seeds)
        if planned == NOTHING or len(self._finalists) < 2 or not self._divisible:
            return []
        wished, left = planned, self._left()
        # Those that are there can be used as they are, also where no time is left for them to go on.
        each = [
            0.0
            if self._is_done(e, planned.seeds)
            else ENOUGH * (1 + all_data_share(e.step or 0)) * (e.seconds or 0.0)
            for e in self._finalists
        ]
        if left != float("inf"):
            wished = min(
                planned,
                best_choice(each, seconds=max(0.0, left), workers=len(self._plan.devices)),
                key=lambda choice: choice.finalists * choice.seeds,
            )
        if wished == NOTHING and not self._runner.stopped:
            self._scheduler.say(
                "finalists: not scored again on a second split, that would need "
                f"{len(each)} × {max(each):.0f} s more"
            )
        self._finalists = self._finalists[: wished.finalists]
        return [
            (e, seed, name) for seed in range(wished.seeds) for e in self._finalists for name in self._names
        ]

    def _with_pilots(self, finalists: Sequence[Trial], seeds: int) -> list[Trial]:
        """Those that can be fitted: a network that needs a pilot of this split where there is none cannot."""
        if all(self._pilot(name).exists() for name in self._names):
            return list(finalists)
        able = [e for e in finalists if not _piloted(e) or self._is_done(e, seeds)]
        if len(able) < len(finalists) and not self._runner.stopped:
            self._scheduler.say(
                f"finalists: {len(finalists) - len(able)} of {len(finalists)} not scored again on a second split, "
                "which has no first answer for their inputs"
            )
        return able

    def _is_done(self, finalist: Trial, seeds: int) -> bool:
        return all(
            self._is_useful(_place(finalist.number, seed, name))
            for seed in range(seeds)
            for name in self._names
        )

    def _is_whole(self, finalist: Trial, seed: int, name: str) -> bool:
        """Whether there is a fit that ended by itself and went on with all data, where it may and still can."""
        place = _place(finalist.number, seed, name)
        if self._end_of(place) not in (Ended.RISEN, Ended.STEPS):
            return False
        if _piloted(finalist) and not self._pilot(name).exists():
            return True
        folder = self._scheduler.run.folder / place
        try:
            left = read_npz(folder / OUTPUT).keys()
        except DipsearchError:
            return False
        # Without its state it would begin anew, to come to the same and a little further.
        return "full" in left or not self._goes_on[name] or not kept_steps(folder / STATE)

    def _is_useful(self, place: str) -> bool:
        """Whether there is a fit that ended by itself or by its time."""
        return self._end_of(place) in USEFUL

    def _end_of(self, place: str) -> Ended | None:
        """How a fit ended; ``None`` where there is none."""
        file = self._scheduler.run.folder / place / CURVES
        if not file.exists():
            return None
        try:
            return Ended[str(read_npz(file)["ended"])]
        except (DipsearchError, KeyError):
            return None  # it is fitted again

    @cached_property
    def _divisible(self) -> bool:
        run = self._scheduler.run
        try:
            for name in self._names:
                second_picture(run.folder, name, seed=run.settings.seed)
        except InputError as error:
            self._scheduler.say(f"finalists: not scored again on a second split: {error}")
            return False
        return True

    @cached_property
    def _goes_on(self) -> dict[str, bool]:
        """Of each picture whether its fits may go on with all that was measured."""
        folder = self._scheduler.run.folder
        problems = {name: read_problem(problem_path(folder, kind=WHOLE, name=name)) for name in self._names}
        return {name: may_fit_all_data(problem) for name, problem in problems.items()}

    def _fit(self, finalist: Trial, seed: int, name: str) -> Slice:
        plan, settings = self._plan, self._scheduler.run.settings
        assert finalist.genome is not None
        return Slice(
            place=_place(finalist.number, seed, name),
            label=f"finalist {finalist.number}, seed {seed + 1}, on {name}",
            network=finalist.genome,
            pictures=(
                Picture(
                    problem_file(kind=WHOLE, name=name),
                    settings.seed + SEED_STEP,
                    self._written_pilot(name) if _piloted(finalist) else None,
                ),
            ),
            seed=settings.seed + seed * SEED_STEP,
            limits=Limits(max_steps=plan.max_steps, patience=plan.patience, compute=settings.compute),
            at=0,
            steps=plan.max_steps,
            may_go_on=self._goes_on[name],
            start=finalist.start,
        )

    def _written_pilot(self, name: str) -> str:
        """The pilots in the form in which fits read them; that of all of y is the one of the first split."""
        folder, file = self._scheduler.run.folder, f"{FIRST_FOLDER}/{name}-second-pilot.npz"
        first = pilot_path(folder, kind=WHOLE, name=name)
        write_pilot(
            folder / file,
            fitted=read_x(self._pilot(name)),
            full=read_pilot(first, part="full") if first.exists() else None,
        )
        return file


def _place(number: int, seed: int, name: str) -> str:
    return f"finalists/second-{number:04d}-{seed}-{name}"


def _pilot_file(name: str) -> str:
    return f"{FIRST_FOLDER}/{name}-second-fitted.npz"


def _piloted(finalist: Trial) -> bool:
    return finalist.genome is not None and finalist.genome.needs_pilot
