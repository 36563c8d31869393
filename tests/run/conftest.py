"""What tests of whole searches share."""

from tests.postgres_server import postgres

__all__ = ["postgres"]
