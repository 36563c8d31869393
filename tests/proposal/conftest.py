"""For the tests of the storage: a database server of one's own, where one is installed."""

from tests.postgres_server import postgres

__all__ = ["postgres"]
