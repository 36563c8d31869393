"""Joining: a worker in another process or on another machine takes candidates from a study under way.

It needs the study's storage and, on a shared disk, its folder; it stops when the study's own process says that
the search is over.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

import optuna

from ..errors import ResourceError, StudyError
from ..execution.messages import Progress, SearchJob
from ..execution.worker import Worker
from ..planning.memory_limit import memory_limit_of
from ..proposal.storage import open_storage
from ..proposal.study import Settings
from ..trials.objective import Limits
from ..trials.request import read_request
from ..trials.storage_url import VARIABLE, whole_address
from ..trials.trial import ranked, trial_of
from .outcome import Callback, Snapshot, WorkerState
from .run import REQUEST_FILE, choose_devices

SEARCHING, OVER = "searching", "over"
STATE, UNTIL, FOLDER = "state", "search_until", "folder"
"""Attributes of a study: whether candidates are still wanted, until when (Unix seconds), and where it lies."""

WORTH_STARTING = 20.0
"""Seconds that have to be left for one more candidate."""


def announce(study: optuna.Study, *, state: str, folder: Path, until: float | None) -> None:
    """Tell workers elsewhere what is going on."""
    study.set_user_attr(FOLDER, str(folder.resolve()))
    study.set_user_attr(UNTIL, until)
    study.set_user_attr(STATE, state)


def run_worker(
    name: str, *, storage: str | None, device: str, callback: Callback, root: Path = Path("studies")
) -> int:
    """Fit candidates of study ``name`` until its search is over or Ctrl-C is pressed.

    Args:
        name: the study's.
        storage: the database's URL; ``None``: what the study's folder says, or else the environment.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        callback: hears what happens.
        root: the folder of all studies, for a journal.

    Returns:
        How many candidates this worker has fitted.

    Raises:
        StudyError: there is no such study, or its search is over.
        ResourceError: the study's folder cannot be reached from here.
    """
    storage = storage or _written(root / name)
    study = _load(name, storage=storage, folder=root / name)
    folder = _folder(study, root / name)
    # The database may have another address from here than from where the study was begun.
    settings = replace(Settings.from_dict(study.user_attrs["settings"]), storage=storage)
    device = choose_devices(device, workers=1)[0]
    # The memory of this machine counts, not that of the one where the study was begun.
    settings = replace(
        settings, memory_limit=memory_limit_of((device,), image_shape=settings.memory_limit.image_shape)
    )
    asked = _Asked()
    index = os.getpid()  # differs from the numbers of the study's own workers, which are small
    worker = Worker(folder, settings, index, device, report=asked.remember, halted=lambda: asked.to_stop)
    before = signal.signal(signal.SIGINT, asked.stop)
    fitted, started = 0, time.monotonic()
    try:
        while not asked.to_stop and (limits := _limits(study, settings)):
            outcome = worker.do(SearchJob(limits))
            fitted += 1
            trials = study.get_trials(deepcopy=False)
            trial = trial_of(trials[outcome["number"]])
            callback.evaluated(trial)
            callback.progress(_snapshot(study, asked, seconds=time.monotonic() - started))
    finally:
        signal.signal(signal.SIGINT, before)
    return fitted


class _Asked:
    """Remembers Ctrl-C and the newest check point."""

    def __init__(self) -> None:
        self.to_stop = False
        self.state: WorkerState | None = None

    def stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.to_stop:
            raise KeyboardInterrupt
        self.to_stop = True

    def remember(self, progress: Progress) -> None:
        self.state = WorkerState.of(progress)


def _written(folder: Path) -> str | None:
    """Where the study is kept, as its folder says, or the environment where there is no such folder here."""
    if not (folder / REQUEST_FILE).exists():
        return os.environ.get(VARIABLE)
    return whole_address(read_request(folder / REQUEST_FILE).storage)


def _load(name: str, *, storage: str | None, folder: Path) -> optuna.Study:
    if storage is None and not folder.exists():
        raise StudyError(
            f"there is no study '{name}' in {folder.parent}",
            "a worker joins a study that has begun",
            "start it with dipsearch search, or give its --storage",
        )
    try:
        return optuna.load_study(study_name=name, storage=open_storage(storage or folder).storage)
    except KeyError as error:
        raise StudyError(
            f"the storage has no study '{name}'",
            "a worker joins a study that has begun",
            "start it with dipsearch search, or correct --study",
        ) from error


def _folder(study: optuna.Study, nearby: Path) -> Path:
    for folder in (nearby, Path(study.user_attrs.get(FOLDER, nearby))):
        if (folder / "inputs").is_dir():
            return folder
    raise ResourceError(
        f"the study's folder {study.user_attrs.get(FOLDER)} cannot be reached from here",
        "a worker reads the measurements in it and writes its candidates there",
        "share that folder with this machine under the same path",
    )


def _limits(study: optuna.Study, settings: Settings) -> Limits | None:
    """How far the next candidate may go; ``None`` when none is wanted any more."""
    notes = study.user_attrs
    if notes.get(STATE) != SEARCHING:
        return None
    until = notes.get(UNTIL)
    seconds = None if until is None else until - time.time()
    if seconds is not None and seconds < WORTH_STARTING:
        return None
    return Limits(
        max_steps=settings.max_steps,
        seconds=seconds,
        patience=settings.patience,
        compute=settings.compute,
    )


def _snapshot(study: optuna.Study, asked: _Asked, *, seconds: float) -> Snapshot:
    trials = [trial_of(trial) for trial in study.get_trials(deepcopy=False)]
    counts = {state: sum(e.state == state for e in trials) for state in ("complete", "pruned", "failed")}
    best = ranked(trials)
    workers = (asked.state,) if asked.state else ()
    return Snapshot("searching", seconds, None, workers, best=best[0] if best else None, **counts)
