"""A restoration at work: similar patches, fits of known architectures, polishing, and the choice among the answers.

It is a runner like a search's scheduler, with a list of networks in the place of proposals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..delivery.answers import Choice, choose
from ..delivery.delivering import Delivery, deliver, fitted_members, whole_problem
from ..delivery.first_answers import first_words, make_first_answers
from ..delivery.polishing import gather_answers, patch_seconds
from ..execution.messages import Broken, Done, FitJob, Job, Message, PatchJob, Progress
from ..execution.pool import Pool
from ..execution.runner import work_through
from ..network import Genome
from ..trials.objective import Limits
from ..trials.problem_files import WHOLE, problem_path
from .outcome import Callback, Snapshot, WorkerState

LEAST_SECONDS = 1.0
"""With less time than this a fit is not begun."""


@dataclass
class Restoration:
    """The state of a restoration while its workers work.

    Args:
        folder: with the problems, for what is made on the way.
        pool: the workers.
        callback: hears what happens.
        genomes: the architectures; each is fitted to every picture.
        names: of the pictures.
        seed: of the splits and the fits.
        max_steps: iterations of a fit at the most.
        deadline: when the pictures have to be written, of ``time.monotonic()``; ``None``: no limit.
        started: the moment from which seconds are counted, likewise.

    Attributes:
        phase: what the callback is told.
        done: the outcome of every job, by the file that it left.
        arrived: when each was heard of, in seconds since the start.
        failed: fits.
    """

    folder: Path
    pool: Pool
    callback: Callback
    genomes: Sequence[Genome]
    names: tuple[str, ...]
    seed: int
    max_steps: int
    deadline: float | None
    started: float
    phase: str = "restoring"
    done: dict[Path, Done] = field(default_factory=dict)
    arrived: dict[Path, float] = field(default_factory=dict)
    failed: int = 0
    _states: dict[int, WorkerState] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds until the pictures have to be written; infinite without a budget."""
        return float("inf") if self.deadline is None else self.deadline - time.monotonic()

    def say(self, sentence: str) -> None:
        """Tell the callback."""
        self.callback.note(sentence)

    def work(self, next_job: Callable[[], Job | None]) -> None:
        """Hand out jobs until there is none and nobody works any more."""
        work_through(self.pool, next_job, hear=self._hear)

    def run(self) -> list[tuple[Choice, Delivery | None]]:
        """What is delivered of each picture, and what networks led to.

        Raises:
            StudyError: of one picture there is neither a first answer nor a fit.
        """
        self.phase = "similar patches"
        firsts = make_first_answers(self)
        for sentence in first_words(self, firsts, files={}):
            self.say(sentence)
        self.phase = "restoring"
        self.work(self._fits())
        pictures = [whole_problem(self.folder, name, seed=self.seed) for name in self.names]
        members = [fitted_members(self._files(picture.name), picture) for picture in pictures]
        deliveries = [
            deliver(picture, fits) if fits or picture.name not in firsts else None
            for picture, fits in zip(pictures, members, strict=True)
        ]
        self.phase = "delivering"
        answers = gather_answers(self, [firsts.get(name) for name in self.names], deliveries, pictures)
        return [
            (choose(some, picture.problem, split=picture.split, seconds=self.seconds), delivery)
            for some, picture, delivery in zip(answers, pictures, deliveries, strict=True)
        ]

    def _fits(self) -> Callable[[], FitJob | None]:
        """Hands out the fits, as many as there is time for before the polishing."""
        todo = [(number, name) for number in range(len(self.genomes)) for name in self.names]
        rounds, until = -(-len(todo) // len(self.pool.specs)), self._fitted_until()
        share = None if until is None else (until - time.monotonic()) / rounds

        def next_job() -> FitJob | None:
            if until is not None and until - time.monotonic() < LEAST_SECONDS:
                todo.clear()
            return self._job(*todo.pop(0), share=share, until=until) if todo else None

        return next_job

    def _fitted_until(self) -> float | None:
        """When the last fit has to end, for the polishing to come in time; of ``time.monotonic()``."""
        if self.deadline is None:
            return None
        each = [patch_seconds(self, problem_path(self.folder, kind=WHOLE, name=name)) for name in self.names]
        rounds = -(-2 * len(each) // len(self.pool.specs))  # from the fitted part, and from all of y
        polishing = rounds * max(each, default=0.0)
        # Where little time is left, the fits come before what would improve them.
        return self.deadline - min(polishing, 0.5 * max(0.0, self.left()))

    def _files(self, name: str) -> list[tuple[int, Path]]:
        """The fits of one picture that exist."""
        paths = [(number, self._out(number, name)) for number in range(len(self.genomes))]
        return [(number, path) for number, path in paths if path.exists()]

    def _out(self, number: int, name: str) -> Path:
        return self.folder / "fits" / f"{number:04d}-{name}.npz"

    def _job(self, number: int, name: str, *, share: float | None, until: float | None) -> FitJob:
        seconds = share
        if until is not None and share is not None:
            seconds = max(LEAST_SECONDS, min(share, until - time.monotonic()))
        return FitJob(
            label=f"network {number + 1} of {len(self.genomes)} on {name}",
            genome=self.genomes[number],
            problem=problem_path(self.folder, kind=WHOLE, name=name),
            everything=False,
            seed=self.seed,
            limits=Limits(
                max_steps=self.max_steps,
                seconds=seconds,
                until=None if until is None else time.time() + until - time.monotonic(),
                compute=self.pool.settings.compute,
            ),
            out=self._out(number, name),
        )

    def _hear(self, messages: Sequence[Message]) -> None:
        for item in messages:
            if isinstance(item, Progress):
                self._states[item.worker] = WorkerState.of(item)
                continue
            self._states[item.worker] = WorkerState(item.worker)
            if isinstance(item, Broken):
                self.failed += isinstance(item.job, FitJob)
                self.callback.note(f"worker {item.worker}: {item.reason}")
            elif isinstance(item.job, FitJob | PatchJob):
                self.done[item.job.out] = item
                self.arrived[item.job.out] = self.seconds
        self.callback.progress(self._snapshot())

    def _snapshot(self) -> Snapshot:
        workers = [self._states.get(index, WorkerState(index)) for index in range(len(self.pool.specs))]
        return Snapshot(
            phase=self.phase,
            seconds=self.seconds,
            seconds_left=None if self.deadline is None else max(0.0, self.left()),
            workers=tuple(workers),
            complete=sum(isinstance(done.job, FitJob) for done in self.done.values()),
            pruned=0,
            failed=self.failed,
            best=None,
        )
