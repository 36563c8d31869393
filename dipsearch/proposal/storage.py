"""The storage: where Optuna keeps a study, so that it survives its workers.

A journal file in the study's folder (`journal`) serves one machine, a PostgreSQL database serves several.
After a kill, `sweep_stale` gives the candidates of the dead workers back to the queue.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from optuna import create_study
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, fail_stale_trials
from optuna.storages._heartbeat import is_heartbeat_enabled
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ..errors import InputError, ResourceError
from ..trials.journal import JOURNAL, journal_backend
from .proposals import DESCENT, STALE, genome_of

HEARTBEAT_SECONDS = 60
GRACE_SECONDS = 180
MAX_RETRIES = 2
RETRY_OF = "retry_of"  # user attribute of a queued trial: the number of the first trial with these genes
STALE_REASON = "its worker stopped before it had finished"


@dataclass(frozen=True)
class Opened:
    """A storage that is ready, and sentences on what had to be repaired first."""

    storage: BaseStorage
    notes: tuple[str, ...] = ()


def open_storage(place: str | Path) -> Opened:
    """Open the journal in a study's folder, or a database.

    Args:
        place: a folder (``journal.log`` in it is used, and made when it is missing) or a URL:
            ``postgresql+psycopg://USER:PASSWORD@HOST/NAME`` (``postgresql://`` means the same), or
            ``sqlite:///FILE`` for a single worker.

    Raises:
        InputError: a URL that is not one of these.
        StudyError: the journal is damaged before its last record.
        ResourceError: no driver, no connection, or no permission.
    """
    if "://" in str(place):
        return Opened(_database(str(place)))
    backend, notes = journal_backend(Path(place) / JOURNAL)
    return Opened(JournalStorage(backend), notes)


def create_or_load(
    study_name: str, storage: BaseStorage, *, sampler: BaseSampler, pruner: BasePruner, space_digest: str
) -> Study:
    """Make the study, or open the one that has this name; more is better.

    Make it before any worker starts: several first openings of an empty database at once fail.

    Args:
        space_digest: recorded with a new study. Whether a study that is already there has the same one is
            for the caller to compare (``study.user_attrs["space_digest"]``), together with the task and the
            images.
    """
    study = create_study(
        study_name=study_name,
        storage=storage,
        sampler=sampler,
        pruner=pruner,
        direction="maximize",
        load_if_exists=True,
    )
    if "space_digest" not in study.user_attrs:
        study.set_user_attr("space_digest", space_digest)
    return study


def sweep_stale(study: Study) -> list[int]:
    """Mark the trials of dead workers as failed, and queue their genomes again, each at most twice.

    With a journal every running trial counts as dead: call it before the workers start. With a database
    only those count whose heartbeat stopped, since workers elsewhere may be alive.

    Returns:
        The numbers of the trials that were swept.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    if is_heartbeat_enabled(study._storage):  # a study wraps its database, so its class does not tell
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(study)  # which calls queue_again
        after = {trial.number: trial.state for trial in study.get_trials(deepcopy=False)}
        return [trial.number for trial in running if after[trial.number] == TrialState.FAIL]
    return [trial.number for trial in running if _sweep(study, trial)]


def _sweep(study: Study, trial: FrozenTrial) -> bool:
    try:
        for key, value in (("reason", STALE_REASON), (STALE, True)):
            study._storage.set_trial_user_attr(trial._trial_id, key, value)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:  # somebody else swept it, or it was alive after all
        return False
    queue_again(study, trial)
    return True


def queue_again(study: Study, trial: FrozenTrial) -> None:
    """Queue the genome of a trial that died with its worker, unless it was tried twice again already."""
    first = trial.user_attrs.get(RETRY_OF, trial.number)
    retries = sum(other.user_attrs.get(RETRY_OF) == first for other in study.get_trials(deepcopy=False))
    genome = genome_of(trial)
    if genome and retries < MAX_RETRIES:
        descent = {key: trial.user_attrs[key] for key in DESCENT if key in trial.user_attrs}
        study.enqueue_trial(genome, user_attrs={**descent, RETRY_OF: first})


def _database(url: str) -> RDBStorage:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    backend = parsed.get_backend_name() if parsed is not None else None
    if parsed is None or backend not in ("postgresql", "sqlite"):
        raise InputError(
            f"the storage is '{url.partition('://')[0]}://…'",
            "it is a folder, postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:///FILE",
            "leave --storage out to keep the study in its folder",
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    shown = parsed.render_as_string(hide_password=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                parsed.render_as_string(hide_password=False),
                heartbeat_interval=HEARTBEAT_SECONDS if backend == "postgresql" else None,
                grace_period=GRACE_SECONDS if backend == "postgresql" else None,
                heartbeat_stale_trial_callback=queue_again,
            )
    except ImportError as error:
        raise ResourceError(
            f"there is no driver for {shown}",
            "a PostgreSQL storage needs psycopg",
            "pip install 'dipsearch[postgres]'",
        ) from error
    except (SQLAlchemyError, StorageInternalError) as error:
        raise ResourceError(
            f"cannot use the database {shown}",
            f"it says: {str(error).splitlines()[0]}",
            "check that it runs, that it is reachable and that the user may create tables",
        ) from error
