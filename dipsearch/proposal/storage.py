"""The storage: where Optuna keeps a study, so that it survives the search.

A journal file in the study's folder (`journal`), or a database for people who keep many studies: it may go away for
minutes (`patient_storage`). Only the process that searches writes to either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from optuna import create_study
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.study import Study
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from ..errors import InputError, ResourceError, StudyError, first_line
from ..trials.journal import JOURNAL, journal_backend
from ..trials.storage_url import masked
from .patient_storage import Patience, PatientStorage

CONNECTION = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""libpq's settings (seconds, milliseconds): a server that does not even say no is noticed within half a minute."""

OPENINGS = 5
"""Attempts to make the tables of a database, which fail where another search makes them at the same moment."""


@dataclass(frozen=True)
class Opened:
    """A storage that is ready, and sentences on what had to be repaired first."""

    storage: BaseStorage
    notes: tuple[str, ...] = ()


def open_storage(place: str | Path, *, patience: Patience | None = None) -> Opened:
    """Open the journal in a study's folder, or a database.

    Args:
        place: a folder (``journal.log`` in it is used, and made when it is missing) or a URL:
            ``postgresql+psycopg://USER:PASSWORD@HOST/NAME`` (``postgresql://`` means the same), or
            ``sqlite:///FILE``.
        patience: how long a database that goes away later is waited for.

    Raises:
        InputError: a URL that is not one of these.
        StudyError: the journal is damaged before its last record.
        ResourceError: no driver, no connection, or no permission.
    """
    if "://" in str(place):
        return Opened(_database(str(place), patience=patience or Patience()))
    backend, notes = journal_backend(Path(place) / JOURNAL)
    return Opened(JournalStorage(backend), notes)


def create_or_load(
    study_name: str,
    storage: BaseStorage,
    *,
    sampler: BaseSampler,
    pruner: BasePruner,
    space_digest: str,
    new: bool = False,
) -> Study:
    """Make the study, or open the one that has this name; more is better.

    Args:
        space_digest: recorded with a new study. Whether a study that is already there has the same one is
            for the caller to compare (``study.user_attrs["space_digest"]``), together with the task and the
            images.
        new: only make it; two searches of one name in two folders must not share what a database holds.

    Raises:
        StudyError: there is one of this name, and it was to be new.
    """
    try:
        study = create_study(
            study_name=study_name,
            storage=storage,
            sampler=sampler,
            pruner=pruner,
            direction="maximize",
            load_if_exists=not new,
        )
    except DuplicatedStudyError as error:
        raise _name_is_taken(study_name) from error
    if "space_digest" not in study.user_attrs:
        study.set_user_attr("space_digest", space_digest)
    return study


def refuse_taken_name(study_name: str, address: str) -> None:
    """Refuse a new study whose name a database knows already, before any work begins.

    Raises:
        StudyError: it does.
        DipsearchError: see ``open_storage``.
    """
    storage = open_storage(address).storage
    try:
        storage.get_study_id_from_name(study_name)
    except KeyError:
        return
    finally:
        storage.remove_session()
    raise _name_is_taken(study_name)


def _name_is_taken(study_name: str) -> StudyError:
    return StudyError(
        f"the storage has a study '{study_name}' already",
        "a new search needs a new name",
        "go on with it by --resume, or choose another --name",
    )


def _database(address: str, *, patience: Patience) -> PatientStorage:
    url = _usable(address)
    shown = masked(url.render_as_string(hide_password=False))
    try:
        return PatientStorage(_made(url), name=shown, patience=patience)
    except ImportError as error:
        raise ResourceError(
            f"there is no driver for {shown}",
            "a PostgreSQL storage needs psycopg",
            "pip install 'dipsearch[postgres]'",
        ) from error
    except (SQLAlchemyError, StorageInternalError) as error:
        raise ResourceError(
            f"cannot use the database {shown}",
            f"it says: {first_line(error)}",
            "check that it runs, that it is reachable and that the user may create tables",
        ) from error


def _usable(address: str) -> URL:
    """The address with its driver."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # the port is not a number
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "sqlite"):
        raise InputError(
            f"the storage is '{address.partition('://')[0]}://…'",
            "it is a folder, postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:///FILE",
            "leave --storage out to keep the study in its folder",
        )
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _made(url: URL) -> RDBStorage:
    """Connect, and make the tables where there are none."""
    if url.get_backend_name() == "postgresql":
        url = url.update_query_dict(
            {name: each for name, each in CONNECTION.items() if name not in url.query}
        )
    # Optuna formats the address, and patient_storage silences the logger of this name.
    address = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    engine = {"pool_pre_ping": True, "pool_size": 1, "pool_logging_name": "dipsearch"}
    for attempt in range(1, OPENINGS):
        try:
            return RDBStorage(address, engine_kwargs=engine)
        except (IntegrityError, ProgrammingError):
            time.sleep(0.2 * attempt)
    return RDBStorage(address, engine_kwargs=engine)
