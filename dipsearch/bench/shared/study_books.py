"""The books of a study, read from outside: which candidates are finished, how far each came, and what was kept of it.

Only the files of the folder's format are read: Optuna's journal, curves in ``fit.npz``, saved fits, whose tensor
``json`` says at which iteration they go on, and ``slices.jsonl``, a line for every slice with its ``candidate`` and the
iterations ``before`` and ``after`` it. So the books can be read whatever became of the search.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import FormatError

JOURNAL, SLICES = "journal.log", "slices.jsonl"
CURVES, STATE, WORDS = "fit.npz", "state.safetensors", "json"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
FAIR_LOOK = 200
"""Iterations after which a candidate counts as looked at."""


class SliceLine(NamedTuple):
    """A slice: the number of the candidate that was advanced, and its iterations before and after."""

    candidate: int
    before: int
    after: int


@dataclass(frozen=True)
class Books:
    """What a study's folder says at one moment, by the numbers of the candidates.

    Args:
        finished: in which state and with which value.
        under_way: begun, and not finished.
        failed: given up.
        known: iterations that are recorded anywhere.
        kept: iterations of the saved fits, from which candidates can go on.
        slices: in the order in which they were written down; none of a search that does not do so.
    """

    finished: dict[int, tuple[str, float | None]] = field(default_factory=dict)
    under_way: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    known: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    slices: tuple[SliceLine, ...] = ()

    def lost_of(self, number: int) -> int:
        """Iterations of a candidate that have to be made again after a kill at this moment.

        Its last slice says how far it was: once it has made one after an earlier kill, what that kill cost does not
        count again.
        """
        ends = (line.after for line in reversed(self.slices) if line.candidate == number)
        return max(next(ends, self.known.get(number, 0)) - self.kept.get(number, 0), 0)

    @property
    def lost(self) -> int:
        """The same of all candidates under way."""
        return sum(self.lost_of(number) for number in self.under_way)

    @property
    def looks(self) -> int:
        """How many candidates were looked at."""
        return sum(steps >= FAIR_LOOK for steps in self.known.values())


def read_books(folder: Path, *, name: str) -> Books:
    """The books of study ``name`` in its folder; empty before they were opened.

    Raises:
        FormatError: slices are written down in another form.
    """
    trials = _trials(folder, name)
    kept = {number: _saved_step(path) for number, path in _files(folder, STATE)}
    curves = {number: _last_step(path) for number, path in _files(folder, CURVES)}
    known = dict(kept)
    slices = _slices(folder / SLICES)
    reported = ((t.number, max(t.intermediate_values, default=0)) for t in trials)
    for number, steps in (*curves.items(), *reported, *((line.candidate, line.after) for line in slices)):
        known[number] = max(known.get(number, 0), steps)
    return Books(
        finished={t.number: (t.state.name, _value(t)) for t in trials if t.state in FINISHED},
        under_way=frozenset(t.number for t in trials if t.state == TrialState.RUNNING),
        failed=frozenset(t.number for t in trials if t.state == TrialState.FAIL),
        known=known,
        kept=kept,
        slices=slices,
    )


def faults_between(before: Books, after: Books) -> list[str]:
    """What was lost between a kill and a later moment, a sentence for each candidate."""
    lost = [
        f"candidate {number} was {outcome} and is {after.finished.get(number)}"
        for number, outcome in before.finished.items()
        if after.finished.get(number) != outcome
    ]
    since = after.slices[len(before.slices) :]
    fates = ((one, _fate(one, before, after, since)) for one in sorted(before.under_way))
    return lost + [f"candidate {one} was under way {fate}" for one, fate in fates if fate]


def _fate(number: int, before: Books, after: Books, since: Sequence[SliceLine]) -> str:
    """What is wrong with a candidate that was under way; empty: nothing."""
    if number in after.failed:
        return "and counts as failed"
    if number not in after.under_way and number not in after.finished:
        return "and is gone"
    kept, stands = before.kept.get(number, 0), after.known.get(number, 0)
    began = next((line.before for line in since if line.candidate == number), stands)
    if min(began, stands) < kept:
        return f"with {kept} iterations saved and went on at {min(began, stands)}"
    made = [line.after - line.before for line in before.slices if line.candidate == number]
    lost = before.lost_of(number)
    return (
        f"and lost {lost} iterations, its longest slice had {max(made)}" if made and lost > max(made) else ""
    )


def _trials(folder: Path, name: str) -> list[FrozenTrial]:
    journal = folder / JOURNAL
    if not journal.is_file():  # to open it would make it
        return []
    storage = JournalStorage(JournalFileBackend(str(journal)))
    try:
        trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    except KeyError:  # the study was not written yet
        return []
    return [trial for trial in trials if trial.state != TrialState.WAITING]  # queued: nothing was begun


def _value(trial: FrozenTrial) -> float | None:
    return trial.values[0] if trial.values else None


def _files(folder: Path, name: str) -> Iterable[tuple[int, Path]]:
    return ((int(path.parent.name), path) for path in sorted((folder / "trials").glob(f"[0-9]*/{name}")))


def _last_step(path: Path) -> int:
    try:
        with np.load(path, allow_pickle=False) as file:
            return int(max(file["step"], default=0))
    except (OSError, ValueError, KeyError, BadZipFile):  # `unreadable` names such files
        return 0


def _slices(path: Path) -> tuple[SliceLine, ...]:
    if not path.is_file():
        return ()
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            values = json.loads(line)
        except ValueError:  # torn; `unreadable` names it where it is not the last one
            continue
        try:
            found.append(SliceLine(*(int(values[key]) for key in SliceLine._fields)))
        except (KeyError, TypeError) as error:
            raise FormatError(f"{path} holds a line without {', '.join(SliceLine._fields)}") from error
    return tuple(found)


def _saved_step(path: Path) -> int:
    try:
        words = json.loads(bytes(load_file(path)[WORDS].numpy()))
        return min(int(fit["step"]) for fit in words["fits"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return 0
