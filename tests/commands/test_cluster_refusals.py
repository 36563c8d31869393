"""What is wrong with a cluster is one line and exit code 2, and leaves nothing behind."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dipsearch.commands.main import run
from dipsearch.execution import dask_client, dask_start

distributed = pytest.importorskip("distributed")

Making = Callable[[pytest.MonkeyPatch, ExitStack], str]


def without_the_extra(patch: pytest.MonkeyPatch, stack: ExitStack) -> str:
    patch.setitem(sys.modules, "distributed", None)
    return "tcp://127.0.0.1:8786"


def no_address(patch: pytest.MonkeyPatch, stack: ExitStack) -> str:
    return "host:8786"


def dead(patch: pytest.MonkeyPatch, stack: ExitStack) -> str:
    patch.setattr(dask_client, "CONNECT_SECONDS", 1.0)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


def without_workers(patch: pytest.MonkeyPatch, stack: ExitStack) -> str:
    patch.setattr(dask_start, "ARRIVE_SECONDS", 0.5)
    return _scheduler(stack, workers=0)


def of_another_version(patch: pytest.MonkeyPatch, stack: ExitStack) -> str:
    from dipsearch.execution import dask_membership

    versions = dask_membership.versions()
    patch.setattr(dask_membership, "versions", lambda: versions | {"torch": "0.0.1"})
    patch.setattr(dask_start, "ARRIVE_SECONDS", 60.0)  # this machine may be busy
    return _scheduler(stack, workers=1)


def _scheduler(stack: ExitStack, *, workers: int) -> str:
    cluster = stack.enter_context(
        distributed.LocalCluster(
            n_workers=workers,
            processes=False,
            threads_per_worker=1,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        )
    )
    return str(cluster.scheduler_address)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize(
    ("making", "said"),
    [
        (without_the_extra, "pip install 'dipsearch[cluster]'"),
        (no_address, "the address of the cluster is 'host:8786'"),
        (dead, "no scheduler of Dask answers at tcp://127.0.0.1:"),
        (without_workers, "has no workers"),
        (of_another_version, "here it is 0.0.1"),
    ],
)
def test_it_is_refused_in_one_line(
    making: Making,
    said: str,
    stack: ExitStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    address = making(monkeypatch, stack)
    assert run(["search", "--task", "denoise", "sample:coffee@32", "--cluster", address]) == 2
    output, error = capsys.readouterr()
    assert error.startswith("dipsearch: error: ") and error.count("\n") == 1 and said in error
    assert output == "" and [*tmp_path.iterdir()] == []
