"""The way to a cluster of Dask's: an address, a client that somebody has already, or processes of this machine.

Everything that can be wrong with it is said in a line, within seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeGuard

from ..errors import InputError, ResourceError, first_line

if TYPE_CHECKING:
    from distributed import Client, LocalCluster
    from distributed.deploy.cluster import Cluster

CONNECT_SECONDS, LEAST_CONNECT = 5.0, 1.0
"""How long a scheduler has for its first answer and for the connection, and for the latter at the least: with the six
seconds of a worker and the three of a question about them (`dask_start`, `dask_membership`) a refusal takes ten."""

ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx|ucxx)://.+:\d+/?")
LOCAL = re.compile(r"local:([1-9]\d*)")

HERE = "127.0.0.1"
"""Who reaches a worker of Dask's can have it run anything: those of ``local:N`` listen to this machine only."""

START_A_CLUSTER = "start one with `dask scheduler` and `dask worker ADDRESS`, or say local:2 to try it here"


@dataclass
class Connection:
    """A client of a cluster, and what was started for it.

    Args:
        client: Dask's.
        processes: of this machine, where they are ours.
        where: for people.
        begun: ``time.monotonic()`` when it was called.
    """

    client: Client
    processes: LocalWorkers | None
    where: str
    begun: float


@dataclass
class LocalWorkers:
    """Workers of a scheduler that run on this machine, one thread each.

    Dask's own ``LocalCluster`` would start them as children that import the user's script again; these do not.

    Args:
        count: how many.
        scheduler: their address.
    """

    count: int
    scheduler: str
    process: subprocess.Popen[bytes] | None = None
    _folder: TemporaryDirectory[str] | None = field(default=None, repr=False)

    def __enter__(self) -> LocalWorkers:
        self._folder = TemporaryDirectory(prefix="dipsearch-dask-", ignore_cleanup_errors=True)
        options = {
            "--host": HERE,
            "--dashboard-address": f"{HERE}:0",  # other things are served there, too
            "--nworkers": self.count,
            "--nthreads": 1,
            "--local-directory": self._folder.name,
            "--death-timeout": 60,
        }
        words = [str(word) for pair in options.items() for word in pair]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        seldom = {
            f"DASK_{key.replace('.', '__').replace('-', '_').upper()}": str(value)
            for key, value in SELDOM.items()
        }
        path = os.pathsep.join(str(Path(one).absolute()) for one in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dask", "worker", self.scheduler, *words, "--no-dashboard"],
            cwd=self._folder.name,
            env=os.environ | threads | seldom | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C and a closed terminal are the parent's to decide about
        )
        return self

    def __exit__(self, *reason: object) -> None:
        self.kill()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def alive(self) -> bool:
        """Whether the process that watches over them is there."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End them now, with their nannies."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()


def connect(address: str | Client | Cluster, stack: ExitStack) -> Connection:
    """Reach a cluster.

    Args:
        address: ``tcp://host:8786`` or another address of a scheduler, ``local:N`` for N processes of this machine, or
            a client or a cluster of the user's, which stays open.
        stack: closes what was opened, and ends what was started.

    Raises:
        InputError: it is no address.
        ResourceError: nobody answers there, or Dask is not installed.
    """
    local, begun = None, time.monotonic()
    if isinstance(address, str):
        local = LOCAL.fullmatch(address)
        if not local and not ADDRESS.fullmatch(address):
            raise InputError(
                f"the address of the cluster is '{address}'",
                "it is that of a Dask scheduler, like tcp://host:8786, or local:N for N processes of this machine",
                START_A_CLUSTER,
            )
    try:
        import distributed
    except ImportError as error:
        raise ResourceError(
            "a cluster needs Dask", "it is not installed", "pip install 'dipsearch[cluster]'"
        ) from error
    stack.enter_context(quiet())
    if local:
        return _started(int(local[1]), stack, begun=begun)
    if isinstance(address, str):
        return Connection(_client(address, stack, begun=begun), None, address, begun)
    if is_cluster(address) and not address.asynchronous:
        client = _client(address, stack, begun=begun)
        return Connection(client, None, str(address.scheduler_address), begun)
    if not isinstance(address, distributed.Client) or address.asynchronous or address.status != "running":
        raise InputError(
            f"executor is {address!r}"[:200],
            "it is the address of a Dask scheduler, or a cluster or a connected distributed.Client, not asynchronous",
            "give for example 'tcp://host:8786'",
        )
    where = str(address.scheduler.address) if address.scheduler else "the cluster"
    return Connection(address, None, where, begun)


def is_cluster(given: object) -> TypeGuard[Cluster]:
    """Whether it is one of Dask's clusters, such as ``SLURMCluster``; those of other packages share no class."""
    return isinstance(getattr(given, "scheduler_address", None), str)


def _started(count: int, stack: ExitStack, *, begun: float) -> Connection:
    import distributed

    scheduler: LocalCluster = stack.enter_context(
        distributed.LocalCluster(
            n_workers=0,
            processes=True,
            host=HERE,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": f"{HERE}:0"},
            silence_logs=False,
        )
    )
    client = _client(scheduler.scheduler_address, stack, begun=time.monotonic())
    processes = stack.enter_context(LocalWorkers(count, scheduler.scheduler_address))
    return Connection(client, processes, f"local:{count}", begun)


def _client(address: str | Cluster, stack: ExitStack, *, begun: float) -> Client:
    import distributed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions are looked at by ourselves, and lead to a sentence
        try:
            if isinstance(address, str):
                with ThreadPoolExecutor(1) as apart:  # in a notebook this thread has a loop that runs
                    apart.submit(asyncio.run, _greeted(address)).result()
            left = max(LEAST_CONNECT, begun + CONNECT_SECONDS - time.monotonic())
            client = distributed.Client(address, timeout=left, set_as_default=False, name="dipsearch")
        except Exception as error:  # whatever is made of the words of somebody who is no scheduler
            # Words in another language have lengths of exabytes, and what fails of them explains nothing.
            ours = not isinstance(address, str) or isinstance(error, OSError)
            why = first_line(error) if ours else "what answers is none"
            raise ResourceError(
                f"no scheduler of Dask answers at {address} ({why})",
                f"it has to within {CONNECT_SECONDS:.0f} s",
                START_A_CLUSTER,
            ) from error
    stack.callback(client.close, timeout=2)
    return client


async def _greeted(address: str) -> None:
    """See whether a scheduler is there.

    A client would wait for ever for somebody who says nothing, and after nonsense nobody could close it.

    Raises:
        Exception: there is none.
    """
    await asyncio.wait_for(_greet(address), CONNECT_SECONDS)


async def _greet(address: str) -> None:
    from distributed import Security
    from distributed.comm.core import connect as call

    line = await call(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    try:
        await line.write({"op": "identity", "n_workers": 0, "reply": True})
        answer = await line.read()
        if answer["type"] != "Scheduler":
            raise OSError(f"it is a {answer['type'].lower()}")
    finally:
        line.abort()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Dask's log off the console; what matters in it is said by ourselves."""
    import dask.config

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in LOGGING]
    handlers: set[logging.Handler] = {
        handler for name in names for handler in logging.getLogger(name).handlers
    }
    before = {handler: handler.level for handler in handlers}
    for handler in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        with dask.config.set(UNCONCERNED):
            yield
    finally:
        for handler, level in before.items():
            handler.setLevel(level)


LOGGING = {"distributed", "tornado"}

SELDOM: dict[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}
"""What Dask's processes look at by themselves, and how often. The memory every 100 ms, the clock every 20 ms and the
machine every 500 ms took 4.4 % of a core while one worker had nothing to do; so it is 1.0 %."""

UNCONCERNED: dict[str, Any] = SELDOM | {"distributed.admin.large-graph-warning-threshold": "1 TB"}
