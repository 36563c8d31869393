"""The storage: where Optuna keeps a study, so that it survives the search.

A journal file in the study's folder (`journal`), or a database for people who keep many studies (`database`). Only the
process that searches writes to either.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from optuna import create_study, load_study
from optuna.exceptions import DuplicatedStudyError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.study import Study

from ..errors import StudyError
from ..trials.journal import JOURNAL, journal_backend
from ..trials.storage_url import masked
from ..yaml_files import shorten
from .patience import Patience


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
        from .database import open_database  # importing SQLAlchemy takes 0.2 s

        return Opened(open_database(str(place), patience=patience or Patience()))
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

    One that has candidates is gone on with by ``load_begun``, which never begins it anew.

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


def load_begun(
    study_name: str, storage: BaseStorage, *, sampler: BaseSampler, pruner: BasePruner, kept_in: str
) -> Study:
    """Open the study of this name, and begin none.

    Args:
        kept_in: what a person calls the storage.

    Raises:
        StudyError: the storage has none of this name.
    """
    try:
        return load_study(study_name=study_name, storage=storage, sampler=sampler, pruner=pruner)
    except KeyError as error:
        raise no_such_books(study_name, kept_in) from error


def no_such_books(study_name: str, kept_in: str) -> StudyError:
    """Why a study that has candidates is not gone on with: nothing says which they are."""
    return StudyError(
        f"the study was begun under the name {shorten(study_name)}, and {kept_in} has none of that name",
        "--resume goes on with the candidates that are recorded there",
        "restore that record, or the `name` in study.yaml, from a copy, or search anew under another --name",
    )


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
    raise _name_is_taken(study_name, shlex.quote(masked(address)))


def _name_is_taken(study_name: str, address: str = "URL") -> StudyError:
    """Why a search is not begun; it has claimed the folder of its name, which is known to be empty."""
    remove = f"optuna delete-study --study-name {shlex.quote(study_name)} --storage {address}"
    return StudyError(
        f"the storage has a study '{study_name}' already, and here is no folder of that name with its files",
        "a new search needs a new name",
        "choose another --name, go on with it by --resume where its folder is, or, if that was deleted, remove it "
        f"by {remove}",
    )
