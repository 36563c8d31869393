"""A database that keeps studies, for people who keep many: its address, its driver and its tables.

It may go away for minutes (`patient_storage`).
"""

from __future__ import annotations

import time

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from ..errors import InputError, ResourceError, first_line
from ..trials.storage_url import masked
from .patience import Patience
from .patient_storage import PatientStorage

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


def open_database(address: str, *, patience: Patience) -> PatientStorage:
    """Connect to a database, and make the tables where there are none.

    Raises:
        InputError: an address that is none of PostgreSQL or SQLite.
        ResourceError: no driver, no connection, or no permission.
    """
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
