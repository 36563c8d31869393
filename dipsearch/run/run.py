"""A run: one run of a search, opened and ready to start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import optuna

from ..execution.busy import Span
from ..network import SearchSpace
from ..planning.plan import Plan
from ..problem import Case
from ..proposal.study import Settings, sampler_of
from ..trials.first_files import read_first
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.problem_files import SEARCHED, pilot_path
from ..trials.request import Request
from ..trials.trial import Trial, trial_of
from .storage_claim import StorageClaim

StudyCallback = Callable[[optuna.Study, optuna.trial.FrozenTrial], None]


@dataclass
class Run:
    """A search that is ready to start.

    Args:
        request: what was asked.
        folder: the study's.
        cases: the pictures; their references are for the report only.
        plan: how the work is done.
        settings: what the study remembers of it.
        study: Optuna's.
        started: ``time.monotonic()`` of the start, from which the budget counts.
        notes: what a person should know of the inputs.
        own: parts of the user's in the place of ours.
        callbacks: called with the study and the trial whenever a candidate ended, as Optuna's are.
        spans: when tasks were done, and the first answers made.
        details: the numbers behind the notes, and how candidates are judged.
        known: which known networks were tried, and in which order, for ``result.json``.
        claim: on a study in a database.
    """

    request: Request
    folder: Path
    cases: Sequence[Case]
    plan: Plan
    settings: Settings
    study: optuna.Study
    started: float
    notes: list[str] = field(default_factory=list)
    own: OwnParts = NOTHING
    callbacks: Sequence[StudyCallback] = ()
    spans: list[Span] = field(default_factory=list)
    details: Sequence[str] = ()
    known: Mapping[str, Any] = field(default_factory=dict)
    claim: StorageClaim | None = None
    _read: dict[int, Trial] = field(default_factory=dict, init=False, repr=False)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def late(self) -> bool:
        """Whether the time has come to deliver."""
        until = self.plan.search_until
        return until is not None and self.seconds >= until

    @property
    def has_firsts(self) -> bool:
        """Whether every picture has a first answer, so that there is something to deliver without any network."""
        return all(read_first(self.folder, name) is not None for name in self.settings.names)

    @property
    def has_pilots(self) -> bool:
        """Whether what networks may have in their input is there, for every picture."""
        return all(pilot_path(self.folder, kind=SEARCHED, name=name).exists() for name in self.settings.names)

    def give_up_pilots(self, space: SearchSpace) -> None:
        """Propose no network with a pilot in its input from now on, and others instead."""
        self.settings = replace(self.settings, has_pilot=False, pilots_only=False)
        self.study.sampler = sampler_of(self.settings, space=space, own=self.own)

    @contextmanager
    def optimizing(self) -> Iterator[None]:
        """Let samplers and callbacks call ``study.stop()``, as in Optuna's own loop."""
        self.study._thread_local.in_optimize_loop = True
        try:
            yield
        finally:
            self.study._thread_local.in_optimize_loop = False

    @property
    def stopped(self) -> bool:
        """Whether one of them did."""
        return bool(self.study._stop_flag)

    def trials(self) -> list[Trial]:
        """All candidates so far; those that have ended do not change any more, and no genome ever does."""
        found = self.study.get_trials(deepcopy=False)
        for trial in found:
            before = self._read.get(trial.number)
            if before is None or before.finished is None:
                self._read[trial.number] = trial_of(trial, genome=before.genome if before else None)
        return [self._read[trial.number] for trial in found]
