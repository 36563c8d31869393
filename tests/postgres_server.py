"""A PostgreSQL server of one's own, for tests: made in a temporary folder, reached through a socket there.

``from tests.postgres_server import postgres  # noqa: F401`` in a ``conftest.py`` gives the fixture to its folder.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest


def _binaries() -> Path | None:
    """Where ``initdb`` is; Debian keeps it out of the way."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    found = shutil.which("initdb") or next(map(str, places), None)
    return Path(found).resolve().parent if found else None


class PostgresServer:
    """A server that can be stopped and started again; its databases last as long as it."""

    def __init__(self) -> None:
        self.binaries = _binaries()
        self.folder = Path(
            tempfile.mkdtemp(prefix="dipsearch-postgres-", dir="/tmp")
        )  # sockets need short names
        # The server refuses to be root's.
        self._user: Mapping[str, Any] = {}
        if os.getuid() == 0:
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        self._do(
            "initdb",
            "-D",
            "data",
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )

    @property
    def url(self) -> str:
        """What ``--storage`` takes."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._do("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def stop(self, *, how: str = "fast") -> None:
        """Stop it: "fast" ends all connections, "immediate" is a crash."""
        self._do("pg_ctl", "stop", "-w", "-D", "data", "-m", how)

    def terminate_connections(self) -> int:
        """End all connections but one's own; return how many there were."""
        return len(self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ))  # fmt: skip

    def query(self, statement: str) -> list[Any]:
        """The rows that a statement leads to, over a connection of its own."""
        import psycopg

        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres") as connection:
            return connection.execute(statement).fetchall()

    def remove(self) -> None:
        """Stop it, and leave nothing."""
        with suppress(RuntimeError):  # it is stopped
            self.stop(how="immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _do(self, program: str, *words: str) -> None:
        assert self.binaries is not None
        output = self.folder / "output"
        with output.open("wb") as written:  # not a pipe, which would stay open as long as the server runs
            done = subprocess.run(
                [self.binaries / program, *words],
                **self._user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                check=False,
            )
        if done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(words)}: {output.read_text()}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that runs; whoever stops it starts it again."""
    if _binaries() is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("there is no PostgreSQL server, or no psycopg")
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
