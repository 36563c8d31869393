"""Finalists: how they are judged, which one is chosen, and which fits that takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.delivery.delivering import Member, deliver
from dipsearch.delivery.finalists import verdict_on_first, verdict_on_second
from dipsearch.execution.executor import TaskFailed
from dipsearch.execution.task import (
    CURVES,
    OUTPUT,
    STATE,
    Advanced,
    Patches,
    Progress,
    Restored,
    Result,
    Slice,
    Task,
)
from dipsearch.fitting import Compute, Ended
from dipsearch.fitting.all_data import SHARE as ALL_DATA_SHARE
from dipsearch.network import Genome, Scale
from dipsearch.planning.rescoring import NOTHING, Rescoring
from dipsearch.problem import Identity, NoiseModel, Problem, make_split
from dipsearch.run import Trial
from dipsearch.run.second_split import SEED_STEP, Rescored, SecondFits, second_picture
from dipsearch.trials.problem_files import (
    WHOLE,
    SplitProblem,
    pilot_path,
    problem_path,
    read_pilot,
    write_pilot,
    write_problem,
)
from dipsearch.trials.trial_files import Output, write_npz
from tests.memory_executor import MakeRunner, MemoryExecutor

SHAPE = (1, 3, 64, 64)


def candidate(number: int, *, width: int = 8, seconds: float = 10.0) -> Trial:
    genome = replace(Genome(), scales=(Scale(width, width),))
    return Trial(
        number, "complete", genome, genome.digest, 30.0 - number, step=100, ended="it rose", seconds=seconds
    )


def piloted(number: int) -> Trial:
    """A candidate with the first answer in its input."""
    genome = replace(Genome(), scales=(Scale(8, 8),), input_kind="pilot", pilot_scale=1.0)
    return replace(candidate(number), genome=genome, digest=genome.digest)


def noisy(*, seed: int = 0) -> SplitProblem:
    y = 0.5 + 0.05 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    problem = Problem(y, Identity(), NoiseModel("gaussian", 0.05), SHAPE, observed=torch.ones(1, 1, 64, 64))
    return SplitProblem("cat", problem, make_split(problem, seed=seed))


def member(number: int, image: Tensor, picture: SplitProblem) -> Member:
    return Member(number, Output(image, image), float(picture.split.validation_mse(image)))


def off(size: float, *, seed: int) -> Tensor:
    """The truth with an error that is alike in neighbouring pixels."""
    coarse = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return 0.5 + size * torch.nn.functional.interpolate(coarse, size=SHAPE[-2:])


class TestVerdict:
    def test_within_one_standard_error_the_cheaper_one_is_chosen_and_the_words_say_so(self) -> None:
        picture = noisy(seed=1)
        finalists = [candidate(4, width=32), candidate(7, width=8), candidate(2, width=16)]
        sizes = (0.0400, 0.0402, 0.08)
        fits = [
            member(index, off(size, seed=10 + index + 100 * seed), picture)
            for index, size in enumerate(sizes)
            for seed in range(3)
        ]
        verdict = verdict_on_second(finalists, [fits], [picture], seeds=3)
        scores = [finalist.estimated_psnr for finalist in verdict.finalists]
        assert scores == sorted(scores, reverse=True)
        assert {f.split for f in verdict.finalists} == {"second"}
        assert {f.seeds for f in verdict.finalists} == {3}
        best, second, third = verdict.finalists
        assert best.standard_error == 0.0
        assert third.number == 2
        assert third.estimated_psnr == pytest.approx(-20 * np.log10(0.08), abs=0.7)
        assert best.estimated_psnr - third.estimated_psnr > 3 * (third.standard_error or 0)
        assert best.estimated_psnr - second.estimated_psnr <= (second.standard_error or 0)
        assert verdict.number == 7
        if best.number == 7:
            assert verdict.because == "it had the best score of 3 finalists on a second split"
        else:
            assert verdict.because.startswith("on a second split it was ")
            assert "behind candidate 4, within one standard error" in verdict.because
            assert verdict.because.endswith("% of its multiply-adds")

    def test_without_a_second_split_the_best_score_stays_chosen(self) -> None:
        picture = noisy()
        found = deliver(picture, [member(n, off(0.04, seed=n), picture) for n in (0, 1, 2)])
        ranked = [candidate(n, width=8 + 8 * n) for n in (2, 0, 1)]
        verdict = verdict_on_first(ranked, [found], [picture], whole=False)
        assert verdict.number == 2
        assert len(verdict.finalists) == 3
        assert {f.split for f in verdict.finalists} == {"first"}
        assert verdict.because == (
            "it had the best score of 3 candidates; the finalists were not scored again on a second split"
        )

    def test_what_a_crop_could_not_tell_the_whole_picture_does(self) -> None:
        picture = noisy()
        found = deliver(
            picture, [member(0, off(0.05, seed=0), picture), member(1, off(0.04, seed=1), picture)]
        )
        verdict = verdict_on_first([candidate(0), candidate(1)], [found], [picture], whole=True)
        assert verdict.number == 1
        assert verdict.finalists[0].split == "whole picture"
        assert verdict.because == "it had the best score of 2 finalists on the whole picture"
        for whole in (False, True):
            alone = verdict_on_first([candidate(0)], [found], [picture], whole=whole)
            assert alone.because == "it was the only one that came to a score"

    def test_who_was_fitted_to_one_picture_only_is_not_compared(self) -> None:
        picture = noisy()
        both = [
            deliver(picture, [member(n, off(0.04, seed=n), picture) for n in numbers])
            for numbers in ((0, 1), (1,))
        ]
        verdict = verdict_on_first([candidate(0), candidate(1)], both, [picture, picture], whole=True)
        assert [f.number for f in verdict.finalists] == [1]


class Fits:
    """What workers would make of the tasks; fits leave their files.

    Args:
        folder: of the study.
        ends: iterations after which each fit ends by itself.
        patches: whether similar patches come to anything.
    """

    def __init__(self, folder: Path, *, ends: int, patches: bool) -> None:
        self._folder, self._ends, self._patches = folder, ends, patches

    def __call__(self, task: Task) -> Result:
        if isinstance(task, Patches):
            if not self._patches:
                raise TaskFailed("there is no answer")
            write_npz(self._folder / task.out, {"x": np.full(SHAPE, 0.25, np.float32)})
            return Restored(1.0)
        assert task.seconds is not None
        if task.all_data:
            image = np.zeros(SHAPE, np.float32)
            write_npz(self._folder / task.place / OUTPUT, {"x": image, "full": image})
            took = ALL_DATA_SHARE * task.at / 10
            return Advanced(task.at, 0, took, 0.0, (Progress(Ended.RISEN, (), task.at, 0.01, 0.01, None),))
        steps = min(task.at + max(1, round(10 * task.seconds)), self._ends)
        ended = Ended.RISEN if steps == self._ends else None
        place = self._folder / task.place
        write_npz(place / CURVES, {"ended": np.array((ended or Ended.TIME).name)})
        write_npz(place / OUTPUT, {"x": np.zeros(SHAPE, np.float32)})
        progress = Progress(ended, (), steps, 0.01, 0.01, None)
        return Advanced(steps, steps - task.at, (steps - task.at) / 10, 0.0, (progress,))


class Study:
    """As much of a search as the fits of its finalists need: 100 seconds until they are over, 20 have passed."""

    def __init__(self, make_runner: MakeRunner, folder: Path, said: list[str]) -> None:
        write_problem(problem_path(folder, kind=WHOLE, name="cat"), noisy().problem)
        self._make_runner, self.folder, self.said = make_runner, folder, said
        self.budget_seconds = 100.0
        self.plan = SimpleNamespace(
            rescoring=Rescoring(3, 2),
            rescore_until=100.0,
            devices=("cpu", "cpu"),
            max_steps=500,
            patience=120,
        )

    def fit(
        self,
        best: list[Trial],
        *,
        at: float = 20.0,
        ends: int = 50,
        patches: bool = True,
        asked_at: float = float("inf"),
    ) -> tuple[list[Task], Rescored]:
        """The tasks that are handed out, without those that go on with a fit; and what is there of the fits then."""
        runner = self._make_runner(Fits(self.folder, ends=ends, patches=patches), count=2, seed=5)
        runner.started -= at - runner.seconds

        def heard() -> None:
            if runner.seconds >= asked_at:
                runner.asked.by = "Ctrl-C"

        runner.heard = heard
        heard()

        class Run(SimpleNamespace):
            seconds = property(lambda self: runner.seconds)

        settings = SimpleNamespace(names=("cat",), seed=5, compute=Compute("auto", "fp32"))
        request = SimpleNamespace(budget_seconds=self.budget_seconds)
        run = Run(folder=self.folder, plan=self.plan, settings=settings, request=request)
        second = SecondFits(SimpleNamespace(run=run, runner=runner, say=self.said.append), best)  # type: ignore[arg-type]
        second.work()
        assert isinstance(runner.executor, MemoryExecutor)
        self.given = runner.executor.given
        return [task for task in self.given if isinstance(task, Patches) or not task.at], second.rescored()


class TestFits:
    @pytest.fixture
    def study(self, memory_runner: MakeRunner, tmp_path: Path, said: list[str]) -> Study:
        return Study(memory_runner, tmp_path, said)

    def test_all_finalists_get_the_second_split_and_the_same_seeds(self, study: Study) -> None:
        made, rescored = study.fit([candidate(n) for n in range(5)])
        fits = [task for task in made if isinstance(task, Slice)]
        assert [(task.label, task.seed) for task in fits] == [
            (f"finalist {n}, seed {seed + 1}, on cat", 5 + seed * SEED_STEP)
            for seed in (0, 1)
            for n in (0, 1, 2)
        ]
        assert {task.pictures[0].split_seed for task in fits} == {5 + SEED_STEP}
        went_on = [task.label for task in study.given if isinstance(task, Slice) and task.all_data]
        assert sorted(went_on) == sorted(task.label for task in fits)
        assert [e.number for e in rescored.finalists] == [0, 1, 2]
        assert rescored.seeds == 2
        assert rescored.candidates() == (0, 0, 1, 1, 2, 2)
        assert [path.relative_to(study.folder) for _, path in rescored.files("cat")][:2] == [
            Path("finalists/second-0000-0-cat/output.npz"),
            Path("finalists/second-0000-1-cat/output.npz"),
        ]

    def test_they_share_the_time_that_there_is(self, study: Study) -> None:
        _, rescored = study.fit([candidate(n) for n in range(3)], ends=10**6)
        assert len(rescored.fits) == 6
        slices = [task for task in study.given if isinstance(task, Slice)]
        got = {
            place: max(task.at for task in slices if task.place == place)
            for place in {s.place for s in slices}
        }
        # Of 80 s, six fits on two workers, ten iterations a second, and what is kept for going on with all data; the
        # last slice takes two seconds.
        assert list(got.values()) == pytest.approx([10 * 80 / 3 * (1 - ALL_DATA_SHARE)] * 6, abs=25)

    @pytest.mark.parametrize(("budget", "longest"), [(20.0, 1.0), (100.0, 2.0), (3600.0, 10.0)])
    def test_their_slices_are_as_short_as_those_of_the_search(
        self, study: Study, budget: float, longest: float
    ) -> None:
        study.budget_seconds = budget
        study.fit([candidate(n) for n in range(3)], ends=10**6)
        slices = [task for task in study.given if isinstance(task, Slice) and not task.all_data]
        assert max(task.seconds or 0.0 for task in slices) == longest

    def test_what_lies_on_disk_is_not_fitted_again(self, study: Study) -> None:
        _, before = study.fit([candidate(n) for n in range(3)])
        (study.folder / "finalists" / "second-0001-1-cat" / CURVES).unlink()
        made, after = study.fit([candidate(n) for n in range(3)])
        assert [task.label for task in made] == ["finalist 1, seed 2, on cat"]
        assert after == before
        # Too late for any fit, but none is left to be made.
        assert study.fit([candidate(n) for n in range(3)], at=200.0) == ([], before)

    def test_fits_of_an_earlier_version_are_kept_as_they_are(self, study: Study) -> None:
        """Their states cannot be read any more: to go on with all data they would have to begin anew."""
        _, before = study.fit([candidate(n) for n in range(3)])
        for file in (study.folder / "finalists").glob(f"*/{OUTPUT}"):
            write_npz(file, {"x": np.zeros(SHAPE, np.float32)})
            (file.parent / STATE).write_bytes(b"of an earlier version")
        made, after = study.fit([candidate(n) for n in range(3)])
        assert made == [] and after == before

    def test_a_fit_that_was_cut_off_is_no_fit(self, study: Study) -> None:
        made, rescored = study.fit([candidate(n) for n in range(3)], ends=100, asked_at=25.0)
        assert len(made) == 2
        assert rescored.finalists == ()
        made, rescored = study.fit([candidate(n) for n in range(3)])
        assert len(made) == 6
        assert len(rescored.finalists) == 3

    def test_one_that_was_cut_off_by_its_share_is_gone_on_with_where_there_is_time(
        self, study: Study
    ) -> None:
        study.fit([candidate(n) for n in range(3)], ends=10**6)
        made, rescored = study.fit([candidate(n) for n in range(3)], at=200.0)
        assert made == [] and len(rescored.finalists) == 3  # there is none
        made, _ = study.fit([candidate(n) for n in range(3)])
        assert len(made) == 6

    def test_slow_finalists_are_fewer_and_none_when_that_is_too_much(self, study: Study) -> None:
        _, rescored = study.fit([candidate(n, seconds=60.0) for n in range(3)])
        assert (len(rescored.finalists), rescored.seeds) == (3, 1)
        made, rescored = study.fit([candidate(n, seconds=150.0) for n in (3, 4, 5)])
        assert made == []
        assert rescored.finalists == ()
        assert study.said == ["finalists: not scored again on a second split, that would need 3 × 108 s more"]

    def test_a_small_plan_fits_nothing_and_says_nothing_more(self, study: Study) -> None:
        study.plan.rescoring = NOTHING
        made, rescored = study.fit([candidate(n) for n in range(5)])
        assert made == []
        assert rescored.files("cat") == []
        assert study.said == []

    def test_networks_with_a_pilot_get_one_from_the_fitted_part_of_the_second_split(
        self, study: Study
    ) -> None:
        first = pilot_path(study.folder, kind=WHOLE, name="cat")
        write_pilot(first, fitted=torch.full(SHAPE, 0.5), full=torch.full(SHAPE, 0.75))
        made, rescored = study.fit([piloted(0), candidate(1), piloted(2)])
        pilot, *fits = made
        assert isinstance(pilot, Patches)
        assert (pilot.split_seed, pilot.pilot) == (5 + SEED_STEP, None)
        assert [e.number for e in rescored.finalists] == [0, 1, 2]
        files = [task.pictures[0].pilot for task in fits if isinstance(task, Slice)]
        assert [file is None for file in files] == [False, True, False] * 2
        (file,) = {*files} - {None}
        assert file is not None and torch.equal(read_pilot(study.folder / file), torch.full(SHAPE, 0.25))
        assert torch.equal(read_pilot(study.folder / file, part="full"), torch.full(SHAPE, 0.75))
        again, _ = study.fit([piloted(0), candidate(1), piloted(2)])
        assert again == []  # all of it lies on disk

    def test_without_such_a_pilot_the_others_are_compared_and_it_is_said(self, study: Study) -> None:
        made, rescored = study.fit([piloted(0), candidate(1), candidate(2)], patches=False)
        assert [e.number for e in rescored.finalists] == [1, 2]
        assert not any(task.network.needs_pilot for task in made if isinstance(task, Slice))
        assert study.said[-1] == (
            "finalists: 1 of 3 not scored again on a second split, which has no first answer for their inputs"
        )

    def test_where_no_finalist_needs_a_pilot_none_is_made(self, study: Study) -> None:
        made, _ = study.fit([candidate(n) for n in range(3)])
        assert len(made) == 6 and all(isinstance(task, Slice) for task in made)

    def test_ctrl_c_ends_them(self, study: Study) -> None:
        assert study.fit([candidate(n) for n in range(3)], asked_at=0.0) == ([], Rescored())

    def test_the_second_split_is_another_one(self, study: Study) -> None:
        second = second_picture(study.folder, "cat", seed=0)
        assert not torch.equal(second.split.score_target, noisy().split.score_target)
