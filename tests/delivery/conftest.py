"""A runner without processes: one worker does every job as it is handed out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dipsearch.execution.messages import Done, Job
from dipsearch.execution.worker import Worker
from dipsearch.problem import Problem
from dipsearch.proposal.study import Settings
from dipsearch.trials.problem_files import WHOLE, problem_path, write_problem


@dataclass
class WorkerJobRunner:
    """Does jobs at once, in this process.

    Args:
        folder: of the pictures.
        names: theirs.
        seed: of the splits.
        jobs: all that were done, in order.
        said: sentences.
        seconds: of a clock that moves on by one with every job.
        budget: in its seconds.
        lost: so many jobs are lost before one is done.
    """

    folder: Path
    names: tuple[str, ...]
    seed: int = 0
    jobs: list[Job] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    done: dict[Path, Done] = field(default_factory=dict)
    arrived: dict[Path, float] = field(default_factory=dict)
    seconds: float = 0.0
    budget: float = float("inf")
    lost: int = 0

    def left(self) -> float:
        return self.budget - self.seconds

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def work(self, next_job: Callable[[], Job | None]) -> None:
        worker = Worker(self.folder, self._settings(), 0, "cpu")
        while (job := next_job()) is not None:
            self.seconds += 1
            if self.lost:
                self.lost -= 1
                continue
            outcome = worker.do(job) | {"seconds": 1.0}
            self.jobs.append(job)
            self.done[job.out] = Done(0, job, outcome)  # type: ignore[union-attr]
            self.arrived[job.out] = self.seconds  # type: ignore[union-attr]

    def _settings(self) -> Settings:
        return Settings(
            name="runner",
            storage=None,
            sampler="random",
            seed=self.seed,
            names=self.names,
            max_steps=20,
            patience=20,
            trajectory_every=None,
            calibration=None,
            affordable_seconds=None,
            image_shape=(1, 3, 32, 32),
            usual_steps=20,
        )


MakeJobRunner = Callable[..., WorkerJobRunner]


@pytest.fixture
def make_runner(tmp_path: Path) -> MakeJobRunner:
    """Make a runner for problems by the names of their pictures."""

    def make(problems: Mapping[str, Problem], **changes: object) -> WorkerJobRunner:
        for name, problem in problems.items():
            write_problem(problem_path(tmp_path, kind=WHOLE, name=name), problem)
        return WorkerJobRunner(tmp_path, tuple(problems), **changes)  # type: ignore[arg-type]

    return make
