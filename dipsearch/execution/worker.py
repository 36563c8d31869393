"""A worker's worker: everything a process needs to do jobs for one study, and how it does each kind.

A worker knows the study's folder, its measurements and its Optuna study. It holds no reference and no image
file. It can be used in any process, so tests use it in their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
import torch
from optuna.trial import Trial

from ..errors import DipsearchError, InputError
from ..files import replacing
from ..fitting import (
    Check,
    Ended,
    Fit,
    default_rule,
    fit,
    fit_all_data,
    give_back_memory,
    may_fit_all_data,
    out_of_memory,
)
from ..fitting.compute import Compute
from ..network import Network, OwnNetwork, SearchSpace, as_network
from ..patches import answer, polished
from ..problem import Problem, Split, make_split, whole
from ..proposal.proposals import STALE
from ..proposal.samplers import suggest
from ..proposal.storage import queue_again
from ..proposal.study import Settings, open_study, search_space
from ..trials.objective import ABSORPTION_TIME, Evaluate, Limits, estimated_psnr, evaluate, value_of
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.problem_files import (
    SEARCHED,
    SplitProblem,
    pilot_beside,
    read_pilot,
    read_problem,
    read_split_problems,
)
from ..trials.trial_files import Trajectory, read_npz, write_candidate
from .at_once import patch_device, plain_threads
from .messages import FitJob, Job, PatchJob, Progress, SearchJob

REPORT_EVERY = 50
"""Iterations between the values that Optuna gets to see; each costs milliseconds of book-keeping."""

USABLE_FROM = 200
"""An interrupted fit counts as a candidate only from this iteration on."""

Report = Callable[[Progress], None]
Halted = Callable[[], bool]


class CandidateFailed(DipsearchError, RuntimeError):
    """A candidate could not be fitted; the study goes on."""


@dataclass
class Worker:
    """The state of one worker.

    Args:
        folder: the study's folder.
        settings: what all workers of the study share.
        index: the worker's number, from 0.
        device: where it fits, for example "cpu" or "cuda:0".
        report: told about every check point.
        halted: asked at every check point whether to finish now.
        evaluate: fits a candidate; another one measures what everything around it costs.
        own: parts of the user's in the place of ours.
    """

    folder: Path
    settings: Settings
    index: int
    device: str
    report: Report = field(default=lambda progress: None)
    halted: Halted = field(default=lambda: False)
    evaluate: Evaluate = evaluate
    own: OwnParts = NOTHING
    _latest: tuple[tuple[Path, int], Split] | None = field(default=None, init=False, repr=False)

    @cached_property
    def space(self) -> SearchSpace:
        """The study's search space."""
        return search_space(self.folder)

    @cached_property
    def images(self) -> list[SplitProblem]:
        """The measurements that candidates are ranked on."""
        names = self.settings.names
        return read_split_problems(
            self.folder, kind=SEARCHED, names=names, seed=self.settings.seed, device=self.device
        )

    @cached_property
    def study(self) -> optuna.Study:
        """The Optuna study, opened for proposing candidates."""
        return open_study(self.folder, self.settings, space=self.space, own=self.own, worker=self.index).study

    def do(self, job: Job) -> dict[str, Any]:
        """Do a job and return its outcome as plain values.

        Raises:
            DipsearchError: the job could not be done. A candidate that fails is not an error.
        """
        if isinstance(job, SearchJob):
            return self._search(job)
        if isinstance(job, FitJob):
            return self._fit(job)
        return self._patches(job)

    # -- candidates ------------------------------------------------------------------------------------------

    def _search(self, job: SearchJob) -> dict[str, Any]:
        numbers: list[int] = []

        def objective(trial: Trial) -> float:
            numbers.append(trial.number)
            return self._candidate(trial, job)

        self.study.optimize(objective, n_trials=1, catch=(CandidateFailed,))
        number = numbers[0]
        trial = self.study.trials[number]
        return {"number": number, "state": trial.state.name, **trial.user_attrs}

    def _candidate(self, trial: Trial, job: SearchJob) -> float:
        started = time.perf_counter()
        trial.set_user_attr("worker", self.index)
        genome = self._proposed(trial)
        if genome.needs_pilot and any(image.pilot is None for image in self.images):
            raise _failed(trial, "its input needs a pilot, and this study has none")
        own = isinstance(genome, OwnNetwork)
        if reason := self._refusal(genome):
            raise _failed(trial, reason)
        watch = _Watch(self, trial, genome, job, started)
        fits = self._fits(genome, trial, job.limits, watch)
        if fits is None and not own:
            trial.set_user_attr("lean", True)
            watch.trajectories.clear()
            fits = self._fits(genome, trial, job.limits.leaner(), watch)
        if fits is None:
            raise _failed(trial, "it is too large for this machine's memory, also in the lean way")
        last = fits[-1]
        trial.set_user_attr("ended", last.ended.value)
        trial.set_user_attr("step", fits[0].step)
        trial.set_user_attr("seconds", time.perf_counter() - started)
        for name, word in means_of(fits).items():
            trial.set_user_attr(name, word)
        write_candidate(
            self.folder,
            trial.number,
            None if isinstance(genome, OwnNetwork) else genome,
            fits=fits,
            trajectories=watch.trajectories,
        )
        if last.ended is Ended.DIVERGED or last.step == 0:
            raise _failed(trial, f"the fit diverged at iteration {last.step}")
        if last.ended is Ended.INTERRUPTED and (len(fits) < len(self.images) or last.step < USABLE_FROM):
            trial.set_user_attr(STALE, True)
            queue_again(self.study, trial.study.trials[trial.number])  # for when the study is resumed
            raise _failed(trial, "interrupted before its score meant anything")
        value = self._value(fits, trial)
        trial.set_user_attr("score", value)
        if last.ended is Ended.PRUNED:
            trial.set_user_attr("reason", last.ended.value)
            raise optuna.TrialPruned
        return value

    def _proposed(self, trial: Trial) -> Network:
        """The network that the sampler, or one's own function, wants to be fitted next."""
        if self.own.propose is None:
            genome = self.space.genome(suggest(trial, self.space))
            trial.set_user_attr("genome", genome.to_nested())
            return genome
        try:
            network = as_network(self.own.propose(trial))
        except (DipsearchError, optuna.TrialPruned):
            raise
        except Exception as error:  # it is not our code; the study goes on with the next one
            raise _failed(trial, f"the function that makes networks failed: {_in_words(error)}") from error
        if not isinstance(network, OwnNetwork):
            trial.set_user_attr("genome", network.to_nested())
        return network

    def _refusal(self, network: Network) -> str | None:
        """Why a network is too large for this machine; what one of the user's needs is not known."""
        if isinstance(network, OwnNetwork):
            return None
        return self.settings.memory_limit.refusal(network, image_shape=self.settings.image_shape)

    def _value(self, fits: Sequence[Fit], trial: Trial) -> float:
        """What a candidate is ranked by, larger for better ones."""
        metric = self.own.metric
        if metric is None or len(fits) < len(self.images):
            return value_of(fits)
        try:
            return fmean(
                float(
                    metric(image.problem.view(done.image), image.split.score_target, image.split.score_weight)
                )
                for done, image in zip(fits, self.images, strict=True)
            )
        except Exception as error:  # it is not our code; the study goes on with the next one
            raise _failed(trial, f"the metric failed: {_in_words(error)}") from error

    def _fits(self, genome: Network, trial: Trial, limits: Limits, watch: _Watch) -> list[Fit] | None:
        """The candidate's fits; ``None`` when there was not enough memory, which is free again then."""
        try:
            return self.evaluate(
                genome,
                self.images,
                seed=self.settings.seed,
                limits=limits,
                progress=watch,
                halted=self.halted,
            )
        except Exception as error:
            # Of our own code these are what a network can be to blame for; of the user's it may be anything.
            own = isinstance(genome, OwnNetwork)
            if not own and not isinstance(error, RuntimeError | MemoryError | ValueError):
                raise
            if not out_of_memory(error):
                raise _failed(trial, _in_words(error)) from error
        give_back_memory(self.device)
        return None

    # -- other jobs ------------------------------------------------------------------------------------------

    def _fit(self, job: FitJob) -> dict[str, Any]:
        problem = read_problem(job.problem).to(self.device)
        divided = job.seed if job.split_seed is None else job.split_seed
        split = whole(problem) if job.everything else self._divided(problem, job.problem, seed=divided)
        pilot = self._pilot(job, divided=divided) if job.genome.needs_pilot else None
        picture = SplitProblem(job.problem.stem, problem, split, pilot)
        done = self._fitted(job, picture, job.limits.compute) or self._fitted(
            job, picture, job.limits.leaner().compute
        )
        if done is None:
            raise CandidateFailed(f"{job.label}: there was not enough memory for it")
        with replacing(job.out) as temporary:
            np.savez(
                temporary,
                x=done.image.float().cpu().numpy(),
                full=(done.image if done.full is None else done.full).float().cpu().numpy(),
                step=done.curves.step,
                loss=done.curves.loss,
                score=done.curves.score,
                ended=np.array(done.ended.name),
            )
        return {
            "step": done.step,
            "loss": done.loss,
            "score": done.score,
            "ended": done.ended.value,
            "seconds": done.seconds,
            **means_of([done]),
        }

    def _pilot(self, job: FitJob, *, divided: int) -> torch.Tensor:
        """The pilot of a job, on the device.

        Args:
            divided: the seed of the split. The pilot of the study saw values that any other split holds out.

        Raises:
            InputError: the network needs one, and there is none for this split.
        """
        file, beside = job.pilot, pilot_beside(job.problem)
        if file is None and beside.exists() and (job.everything or divided == self.settings.seed):
            file = beside
        if file is None:
            raise InputError(
                f"{job.label}: its input needs a pilot, and there is none for this split",
                "a pilot is computed from the fitted part of the split that it is used with",
                "compute one and name its file in the job, or leave this network out",
            )
        return read_pilot(file, part="full" if job.everything else "fitted").to(self.device)

    def _divided(self, problem: Problem, file: Path, *, seed: int) -> Split:
        """The split of a picture; the latest one is kept, with its guide, for the next fit to the same."""
        key, split = self._latest or (None, None)
        if split is None or key != (file, seed):
            split = make_split(problem.to("cpu"), seed=seed).to(self.device)
            self._latest = ((file, seed), split)
        return split

    def _fitted(self, job: FitJob, picture: SplitProblem, compute: Compute) -> Fit | None:
        """The fit of a job; ``None`` when there was not enough memory, which is free again then."""
        started, seconds = time.perf_counter(), job.limits.seconds_left()
        goes_on = may_fit_all_data(picture.problem) and not job.everything

        def watch(check: Check, image: torch.Tensor) -> Ended | None:
            del image
            past = time.perf_counter() - started
            self.report(_progress(self.index, job.label, job.genome, job.limits.max_steps, check, past))
            return Ended.INTERRUPTED if self.halted() else None

        try:
            done = fit(
                job.genome,
                picture.problem,
                split=picture.split,
                seed=job.seed,
                max_steps=job.limits.max_steps,
                rule=job.rule or default_rule(picture.split, patience=job.limits.patience),
                check_every=job.limits.check_every,
                seconds=seconds if seconds is None or not goes_on else seconds * (1 - ABSORPTION_TIME),
                watch=watch,
                keep_weights=goes_on,
                compute=compute,
                pilot=picture.pilot,
            )
            if not goes_on:
                return done
            rest = None if seconds is None else max(0.0, seconds - done.seconds)
            return fit_all_data(
                done,
                job.genome,
                picture.problem,
                seed=job.seed,
                seconds=rest,
                watch=watch,
                compute=compute,
                pilot=picture.pilot,
            )
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        give_back_memory(self.device)
        return None

    def _patches(self, job: PatchJob) -> dict[str, Any]:
        started = time.perf_counter()
        device = patch_device(self.device)
        problem = read_problem(job.problem).to(device)
        split = None
        if job.split_seed is not None:
            split = self._divided(problem, job.problem, seed=job.split_seed).to(device)
        with plain_threads():
            if job.pilot is None:
                image = answer(problem, split=split)
            else:
                pilot = torch.from_numpy(read_npz(job.pilot)["x"]).to(device)
                image = polished(problem, pilot, split=split)
        with replacing(job.out) as temporary:
            np.savez(temporary, x=image.cpu().numpy())
        return {"seconds": time.perf_counter() - started}


@dataclass
class _Watch:
    """Sees every check point of a candidate: reports it, prunes it, and ends it when the search is to finish."""

    worker: Worker
    trial: Trial
    genome: Network
    job: SearchJob
    started: float
    trajectories: list[Trajectory] = field(default_factory=list)

    def __call__(self, index: int, check: Check, image: torch.Tensor) -> Ended | None:
        seconds = time.perf_counter() - self.started
        label = f"candidate {self.trial.number}"
        limit = self.job.limits.max_steps
        self.worker.report(_progress(self.worker.index, label, self.genome, limit, check, seconds))
        self._keep(index, check, image)
        if self.worker.halted():
            return Ended.INTERRUPTED
        # With several images the first one screens: its curve is the one that all candidates have in common.
        if index == 0 and check.step % REPORT_EVERY == 0:
            self.trial.report(estimated_psnr(check.score), check.step)
            if self.trial.should_prune():
                return Ended.PRUNED
        return None

    def _keep(self, index: int, check: Check, image: torch.Tensor) -> None:
        every = self.worker.settings.trajectory_every
        if every is not None and check.step % every == 0:
            while len(self.trajectories) <= index:
                self.trajectories.append([])
            self.trajectories[index].append((check.step, image[0].half().cpu().numpy()))


def _progress(
    index: int, label: str, genome: Network, max_steps: int, check: Check, seconds: float
) -> Progress:
    speed = check.step / max(seconds, 1e-9)
    digest = "" if isinstance(genome, OwnNetwork) else genome.digest
    return Progress(index, label, digest, check.step, max_steps, estimated_psnr(check.score), speed)


def means_of(fits: Sequence[Fit]) -> dict[str, str]:
    """What made the steps of fits, as attributes of a candidate: the first fit's, and why it was not another."""
    first = fits[0]
    means = {"engine": first.engine, "precision": first.precision}
    return means | ({"engine_note": first.notes[0]} if first.notes else {})


def _failed(trial: Trial, reason: str) -> CandidateFailed:
    trial.set_user_attr("reason", reason)
    return CandidateFailed(f"candidate {trial.number}: {reason}")


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
