"""Finalists: how they are judged, which one is chosen, and which fits that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.delivery.delivering import Member, deliver
from dipsearch.delivery.finalists import verdict_on_first, verdict_on_second
from dipsearch.execution.messages import FitJob, Job, PatchJob
from dipsearch.fitting import Compute, Ended
from dipsearch.network import Genome, Scale
from dipsearch.planning.rescoring import NOTHING, Rescoring
from dipsearch.problem import Identity, NoiseModel, Problem, make_split
from dipsearch.run import Trial
from dipsearch.run.scheduler import Asked
from dipsearch.run.second_split import SEED_STEP, Rescored, SecondFits, second_picture
from dipsearch.trials.problem_files import WHOLE, SplitProblem, problem_path, read_pilot, write_problem
from dipsearch.trials.trial_files import Output

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
    problem = Problem(y, Identity(), NoiseModel("gaussian", 0.05), SHAPE, torch.ones(1, 1, 64, 64))
    return SplitProblem("cat", problem, make_split(problem, seed=seed))


def member(number: int, image: Tensor, picture: SplitProblem) -> Member:
    return Member(number, Output(image, image), float(picture.split.score(image)))


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
        scores = [finalist.score for finalist in verdict.finalists]
        assert scores == sorted(scores, reverse=True)
        assert {f.split for f in verdict.finalists} == {"second"}
        assert {f.seeds for f in verdict.finalists} == {3}
        best, second, third = verdict.finalists
        assert best.standard_error == 0.0
        assert third.number == 2
        assert third.score == pytest.approx(-20 * np.log10(0.08), abs=0.7)
        assert best.score - third.score > 3 * (third.standard_error or 0)
        assert best.score - second.score <= (second.standard_error or 0)
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

    def test_who_was_fitted_to_one_picture_only_is_not_compared(self) -> None:
        picture = noisy()
        both = [
            deliver(picture, [member(n, off(0.04, seed=n), picture) for n in numbers])
            for numbers in ((0, 1), (1,))
        ]
        verdict = verdict_on_first([candidate(0), candidate(1)], both, [picture, picture], whole=True)
        assert [f.number for f in verdict.finalists] == [1]


class TestFits:
    """The jobs, as a scheduler would hand them out; none is run."""

    @pytest.fixture
    def scheduler(self, tmp_path: Path) -> SimpleNamespace:
        write_problem(problem_path(tmp_path, kind=WHOLE, name="cat"), noisy().problem)
        plan = SimpleNamespace(
            rescoring=Rescoring(3, 2),
            rescore_until=100.0,
            candidate_seconds=40.0,
            devices=("cpu", "cpu"),
            max_steps=500,
            patience=120,
        )
        settings = SimpleNamespace(names=("cat",), seed=5, compute=Compute("auto", "fp32"))
        run = SimpleNamespace(folder=tmp_path, plan=plan, settings=settings, seconds=20.0)
        said: list[str] = []

        def share_of(left: float, *, jobs: int) -> float:
            return left / max(1, -(-jobs // 2))

        return SimpleNamespace(
            run=run,
            folder=tmp_path,
            asked=Asked(),
            say=said.append,
            said=said,
            share_of=share_of,
            done={},
        )

    def jobs(self, scheduler: SimpleNamespace, best: list[Trial], *, ended: Ended = Ended.RISEN) -> tuple:  # type: ignore[type-arg]
        second = SecondFits(scheduler, best)  # type: ignore[arg-type]
        made = []
        while (job := second.next_job()) is not None:
            made.append(job)
            job.out.parent.mkdir(exist_ok=True)
            np.savez(job.out, x=np.zeros(SHAPE, np.float32), ended=np.array(ended.name))
        return made, second.rescored()

    def test_all_finalists_get_the_second_split_and_the_same_seeds(self, scheduler: SimpleNamespace) -> None:
        made, rescored = self.jobs(scheduler, [candidate(n) for n in range(5)])
        assert [(job.label, job.seed) for job in made] == [
            (f"finalist {n}, seed {seed + 1}, on cat", 5 + seed * SEED_STEP)
            for seed in (0, 1)
            for n in (0, 1, 2)
        ]
        assert {job.split_seed for job in made} == {5 + SEED_STEP}
        assert {job.limits.seconds for job in made} == {80.0 / 3}  # of 80 s, six fits on two workers
        assert [e.number for e in rescored.finalists] == [0, 1, 2]
        assert rescored.seeds == 2
        assert rescored.candidates() == (0, 0, 1, 1, 2, 2)
        assert [path.name for _, path in rescored.files("cat")][:2] == [
            "second-0000-0-cat.npz",
            "second-0000-1-cat.npz",
        ]

    def test_what_lies_on_disk_is_not_fitted_again(self, scheduler: SimpleNamespace) -> None:
        _, before = self.jobs(scheduler, [candidate(n) for n in range(3)])
        (scheduler.run.folder / "finalists" / "second-0001-1-cat.npz").unlink()
        made, after = self.jobs(scheduler, [candidate(n) for n in range(3)])
        assert [job.label for job in made] == ["finalist 1, seed 2, on cat"]
        assert after == before
        scheduler.run.seconds = 200.0  # too late for any fit, but none is left to be made
        assert self.jobs(scheduler, [candidate(n) for n in range(3)]) == ([], before)

    def test_a_fit_that_was_cut_off_is_no_fit(self, scheduler: SimpleNamespace) -> None:
        _, rescored = self.jobs(scheduler, [candidate(n) for n in range(3)], ended=Ended.INTERRUPTED)
        assert rescored.finalists == ()
        made, _ = self.jobs(scheduler, [candidate(n) for n in range(3)])
        assert len(made) == 6

    def test_slow_finalists_are_fewer_and_none_when_that_is_too_much(
        self, scheduler: SimpleNamespace
    ) -> None:
        made, rescored = self.jobs(scheduler, [candidate(n, seconds=60.0) for n in range(3)])
        assert (len(rescored.finalists), rescored.seeds) == (3, 1)
        assert {job.limits.seconds for job in made} == {40.0}  # a little less than each took in the search
        made, rescored = self.jobs(scheduler, [candidate(n, seconds=150.0) for n in (3, 4, 5)])
        assert made == []
        assert rescored.finalists == ()
        assert scheduler.said == [
            "finalists: not scored again on a second split, that would need 3 × 90 s more"
        ]

    def test_a_small_plan_fits_nothing_and_says_nothing_more(self, scheduler: SimpleNamespace) -> None:
        scheduler.run.plan.rescoring = NOTHING
        made, rescored = self.jobs(scheduler, [candidate(n) for n in range(5)])
        assert made == []
        assert rescored.files("cat") == []
        assert scheduler.said == []

    def worked(
        self, scheduler: SimpleNamespace, best: list[Trial], *, patches: bool = True
    ) -> tuple[list[Job], Rescored]:
        """All jobs of pilots and fits; similar patches are lost unless ``patches``."""
        made: list[Job] = []

        def work(next_job: Callable[[], Job | None]) -> None:
            while (job := next_job()) is not None:
                made.append(job)
                if isinstance(job, FitJob) or patches:
                    job.out.parent.mkdir(exist_ok=True)  # type: ignore[union-attr]
                    x = np.full(SHAPE, 0.25, np.float32)
                    np.savez(job.out, x=x, ended=np.array("RISEN"))  # type: ignore[union-attr]

        scheduler.work = work
        second = SecondFits(scheduler, best)  # type: ignore[arg-type]
        second.work()
        return made, second.rescored()

    def test_networks_with_a_pilot_get_one_from_the_fitted_part_of_the_second_split(
        self, scheduler: SimpleNamespace
    ) -> None:
        made, rescored = self.worked(scheduler, [piloted(0), candidate(1), piloted(2)])
        pilot, *fits = made
        assert isinstance(pilot, PatchJob)
        assert (pilot.split_seed, pilot.pilot) == (5 + SEED_STEP, None)
        assert [e.number for e in rescored.finalists] == [0, 1, 2]
        assert [job.pilot is None for job in fits if isinstance(job, FitJob)] == [False, True, False] * 2
        files = {job.pilot for job in fits if isinstance(job, FitJob) and job.pilot}
        (file,) = files
        assert torch.equal(read_pilot(file), torch.full(SHAPE, 0.25))
        again, _ = self.worked(scheduler, [piloted(0), candidate(1), piloted(2)])
        assert again == []  # all of it lies on disk

    def test_without_such_a_pilot_the_others_are_compared_and_it_is_said(
        self, scheduler: SimpleNamespace
    ) -> None:
        made, rescored = self.worked(scheduler, [piloted(0), candidate(1), candidate(2)], patches=False)
        assert [e.number for e in rescored.finalists] == [1, 2]
        assert all(job.pilot is None for job in made if isinstance(job, FitJob))
        assert scheduler.said == [
            "finalists: 1 of 3 not scored again on a second split, which has no first answer for their inputs"
        ]

    def test_where_no_finalist_needs_a_pilot_none_is_made(self, scheduler: SimpleNamespace) -> None:
        made, _ = self.worked(scheduler, [candidate(n) for n in range(3)])
        assert len(made) == 6 and all(isinstance(job, FitJob) for job in made)

    def test_ctrl_c_ends_them(self, scheduler: SimpleNamespace) -> None:
        scheduler.asked.once = True
        assert self.jobs(scheduler, [candidate(n) for n in range(3)])[0] == []

    def test_the_second_split_is_another_one(self, scheduler: SimpleNamespace) -> None:
        second = second_picture(scheduler.run.folder, "cat", seed=0)
        assert not torch.equal(second.split.score_target, noisy().split.score_target)
