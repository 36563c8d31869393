"""A restorer: restores pictures with networks that are known, some after others with the same workers.

Similar patches answer first. One architecture is fitted with its stopping rule active; a study's ensemble is fitted
member by member and weighed anew, since which network suits a picture best is for the picture to say. Polishing and
the choice among the answers are those of a search.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import torch

from ..calling import option
from ..delivery.answers import Answer, Choice, only
from ..delivery.delivering import Delivery
from ..delivery.first_answers import quick_words
from ..delivery.shares import FIRST
from ..early_signals import say_heard
from ..execution.at_once import answer_at_once
from ..execution.executor import WorkerSpec
from ..execution.local_processes import LocalProcesses
from ..execution.runner import Asked, Runner
from ..execution.slowness import Share, share
from ..fitting.compute import USUAL, Compute
from ..fitting.precision import less_precise
from ..network import Genome
from ..planning.budget import FIRST_SHARE, SLACK
from ..planning.plan import ENDLESS, MAX_STEPS
from ..problem import Case, in_lines, planes_together
from ..request_words import StartWord
from ..trials.first_files import KeptFirst
from ..trials.own_parts import NOTHING, OwnParts, operators_of
from ..trials.problem_files import WHOLE, problem_path, write_problem
from ..trials.trial import Trial
from .devices import most_threads, threads_each
from .one_by_one import Turn
from .outcome import Callback
from .restoration import HURRIED_WORDS, Restoration, choice_seconds, writing_seconds
from .signals import interruptible

MOST_DELIVERY = 0.3
"""Of a budget, what is kept back for the choice among the answers and for writing, as a search does."""

Outcomes = list[tuple[Choice, Delivery | None]]


@dataclass
class Restorer:
    """Restores pictures; its workers begin with the first that there is time for, and stay until the block ends.

    Args:
        genomes: each is fitted to every picture.
        devices: of the workers, at the most.
        seed: of the splits and the fits.
        callback: hears what happens.
        compute: by what means.
        own: the operators of the pictures that have their own.
        start: what networks begin from.
        asked: whether somebody asked to finish early.
        since: what this thread had had of the processors at the start; ``None``: it has them to itself.

    Attributes:
        trials: the networks that were begun for the latest pictures.
    """

    genomes: Sequence[Genome]
    devices: Sequence[str]
    seed: int
    callback: Callback
    compute: Compute = USUAL
    own: OwnParts = NOTHING
    start: StartWord = "auto"
    asked: Asked = field(default_factory=Asked)
    since: Share | None = None
    trials: tuple[Trial, ...] = field(default=(), init=False)
    _block: ExitStack = field(default_factory=ExitStack, init=False)
    _executor: LocalProcesses | None = field(default=None, init=False)
    _to_begin: float | None = field(default=None, init=False)
    _said: set[str] = field(default_factory=set, init=False)

    def __enter__(self) -> Restorer:
        for why in dict.fromkeys(
            less_precise(self.compute.precision, torch.device(one)) for one in self.devices
        ):
            if why:
                self.callback.note(why)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.close()

    def restore(self, cases: Sequence[Case], names: Sequence[str], turn: Turn) -> Outcomes:
        """Restore some pictures.

        Args:
            cases: the pictures.
            names: of each; no later one may have the same.
            turn: their time.

        Raises:
            StudyError: of one of them there is neither a first answer nor a fit.
        """
        until = float("inf")
        if turn.seconds is not None and turn.rest is not None:
            delivery = choice_seconds([case.problem for case in cases]) + writing_seconds(cases)
            slow = 1.0 if self.since is None else self.since.slowness()
            until = turn.seconds * (1 - SLACK) - min(delivery * slow, MOST_DELIVERY * max(0.0, turn.seconds))
            gone = time.monotonic() - turn.started
            # A worker would take as long to begin as this process did.
            self._to_begin = max(gone, turn.before) if self._to_begin is None else self._to_begin
            late = until + turn.rest - turn.seconds - gone <= self._to_begin
            if self._executor is None and late and (there := self._at_once(cases, names, turn, until)):
                return there
        executor = self._executor or self._begun(hurried=turn.seconds is not None)
        folder = executor.folder
        runner = Runner(
            folder, tuple(names), self.seed, executor, turn.started, self.callback.note, self.asked, until
        )
        try:
            for name, case in zip(names, cases, strict=True):
                write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
            with interruptible(executor, self.asked):
                restoration = Restoration(
                    runner,
                    self.callback,
                    self.genomes,
                    [case.problem for case in cases],
                    MAX_STEPS[cases[0].problem.task] if turn.seconds is None else ENDLESS,
                    self.compute,
                    self.start,
                    stacks=planes_together(names, [case.source for case in cases]),
                    several=turn.several,
                    note_once=self._note_once,
                )
                runner.heard = restoration.heard
                found = restoration.run()
                self.trials = restoration.trials()
                return found
        finally:
            if self.since is not None:
                self.since = share()  # this thread has waited for workers, and not for a processor
            # Or the two of them would keep each other, and the pictures, until somebody looks for garbage.
            runner.heard, runner.needed = lambda: None, lambda: False
            self.asked.answer = say_heard
            for left in folder.iterdir():
                shutil.rmtree(left, ignore_errors=True)

    def _begun(self, *, hurried: bool) -> LocalProcesses:
        folder = Path(self._block.enter_context(tempfile.TemporaryDirectory(prefix="dipsearch-")))
        # A single network gets all cores; several get one each, which is the better use of them.
        threads = threads_each(len(self.devices), hurried=hurried) if self.devices[0] == "cpu" else 1
        specs = [WorkerSpec(index, one, threads=threads) for index, one in enumerate(self.devices)]
        self._block.enter_context(operators_of(folder, self.own))
        self._executor = self._block.enter_context(LocalProcesses(folder, specs, self.own))
        return self._executor

    def _at_once(self, cases: Sequence[Case], names: Sequence[str], turn: Turn, until: float) -> Outcomes:
        """What similar patches make of pictures in this process; empty where they have no answer."""
        found: Outcomes = []
        firsts, stacks = dict[str, KeptFirst](), planes_together(names, [case.source for case in cases])
        end, device = turn.started + until, self.devices[0]
        for index, case in enumerate(cases):
            left = FIRST_SHARE * (end - time.monotonic()) / (len(cases) - index)
            there = answer_at_once(
                case, device=device, threads=most_threads(), tell=self.callback.note, left=left
            )
            if there is None:
                return []
            answer = Answer(FIRST, there.image, there.image, time.monotonic() - turn.started, there.made)
            firsts[names[index]] = there
            found.append((only(answer, case.problem), None))
        changed = {
            name: firsts[name] for name, case in zip(names, cases, strict=False) if not case.left_alone
        }
        hurried = [(name, HURRIED_WORDS) for name, first in changed.items() if first.made == "hurried"]
        alone = len(firsts) == 1 and not turn.several
        for sentence in in_lines([*quick_words(changed), *hurried], stacks, alone=alone):
            self.callback.note(sentence)
        self._note_once(
            f"there is no time for networks: the first answer is delivered; give a larger {option('budget')}"
        )
        return found

    def _note_once(self, sentence: str) -> None:
        """Say what holds of all pictures with the first of them."""
        if sentence not in self._said:
            self._said.add(sentence)
            self.callback.note(sentence)
