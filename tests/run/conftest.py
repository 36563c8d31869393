"""What tests of whole searches share."""

from tests.postgres_server import postgres
from tests.workers_here import workers_here

__all__ = ["postgres", "workers_here"]
