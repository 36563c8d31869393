"""A cluster of two worker processes for all tests of this room that need one; they work in folders of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import distributed


@pytest.fixture(scope="session")
def cluster() -> Iterator[distributed.Client]:
    """A client of it."""
    pytest.importorskip("distributed")
    from dipsearch.execution.dask_client import connect

    with ExitStack() as stack:
        yield connect("local:2", stack).client
