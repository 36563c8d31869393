"""The address of a database: whole in memory, without its password in every file.

Whoever goes on with a study whose address had a password gives it again, by ``--storage`` or in the
environment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import StudyError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

VARIABLE = "DIPSEARCH_STORAGE"
"""The environment variable that may hold the whole address."""

MASK = "***"
LONGEST = 200  # characters of an address in a message
SECRET = ("password", "sslpassword")
"""Settings behind the question mark of an address that are passwords, too."""


def masked(address: str) -> str:
    """The address with ``***`` for every password; one without a password stays as it is."""
    url = _parsed(address)
    if url is None:
        return f"{address.partition('://')[0]}://{MASK}"
    secret = {name: MASK for name in SECRET if name in url.query}
    if url.password is None and not secret:
        return address
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def is_masked(address: str) -> bool:
    """Whether a part of the address was masked."""
    url = _parsed(address)
    return url is not None and MASK in (url.password, url.host, *(url.query.get(name) for name in SECRET))


def whole_address(written: str | None, *, given: str | None = None) -> str | None:
    """The address that can be used; one that only a file names is not.

    A folder may come from a stranger, and whoever is connected to learns who asks, and with what password.

    Args:
        written: what the study's folder says; ``None``: the study lies in its folder.
        given: the whole address, where a person gave one; it comes first.

    Raises:
        StudyError: the study is kept in a database, and nobody gave its address again.
    """
    if given is not None and not is_masked(given):
        return given
    if written is None:
        return None
    found = os.environ.get(VARIABLE)
    if found and not is_masked(found) and _driven(masked(found)) == _driven(masked(written)):
        return found
    other = f", and {VARIABLE} names another database" if found else ""
    hidden = "; its password is written into no file" if is_masked(written) else ""
    raise StudyError(
        f"the study is kept in {masked(written)[:LONGEST]}",
        f"an address in a file is not connected to unless it is given again{other}{hidden}",
        f"give the whole address by --storage, or in the environment variable {VARIABLE}",
    )


def _parsed(address: str) -> URL | None:
    from sqlalchemy.engine import make_url  # only who has a database pays for it
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(address)
    except (ArgumentError, ValueError):  # the port is not a number
        return None


def _driven(address: str) -> str:
    """The address with its usual driver, so that both ways of writing it are the same."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)
