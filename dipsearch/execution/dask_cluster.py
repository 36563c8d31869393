"""A cluster of Dask's: its workers do the tasks, wherever they are, and no disk is shared.

Problems travel to each worker once. How to go on with fits stays with the worker that made them, moves to another one
when that goes on with them, and comes here at a checkpoint; all else that a task leaves comes here with its result.
Workers may come and go.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import cloudpickle

from ..errors import DipsearchError, ResourceError, first_line
from ..trials.own_parts import NOTHING, OwnParts
from .dask_client import Connection, connect
from .dask_membership import LOOK_SECONDS, Member, Membership
from .dask_start import first_workers, refusals
from .dask_transfers import State, Transfers, written
from .dask_worker import OWN, Done, Lacking, WorkerContext, do, forget, keep, left_names
from .executor import GIVEN_UP, TaskFailed, WorkerDied, WorkerSpec, unsendable
from .task import STATE, Advanced, Result, Slice, Task

if TYPE_CHECKING:
    import distributed
    from distributed.deploy.cluster import Cluster

FORGET_SECONDS = 2.0
"""How long the workers have for hearing goodbye."""

ARRIVING = 8
"""Results that are on their way here at once; large ones on a slow line keep nobody waiting."""

OVER = ("finished", "error", "cancelled")
"""What Dask says of a task that is."""


@dataclass(eq=False)
class _Running:
    """A task under way; without a ``future`` nobody waits for it."""

    task: Task
    member: Member
    future: Future[Result] | None
    remote: distributed.Future[Done | Lacking]
    state: State | None = None  # that it will leave
    needs: State | None = None  # that it goes on with
    arriving: Future[Done | Lacking] | None = None  # once it is over


@dataclass
class DaskCluster:
    """The workers of a cluster of Dask's, for one study; see ``Executor``.

    Args:
        folder: that the files of tasks are relative to.
        address: of its scheduler, like ``tcp://host:8786``; ``local:N`` for N processes of this machine; a cluster of
            Dask's; or a ``distributed.Client``.
        own: parts of the user's, of which every worker gets a copy.
        tell: hears sentences about workers that are not used, and about a lost connection.
    """

    folder: Path
    address: str | distributed.Client | Cluster
    own: OwnParts = NOTHING
    tell: Callable[[str], None] = field(default=lambda sentence: None)
    _stack: ExitStack = field(default_factory=ExitStack, init=False, repr=False)
    _connection: Connection = field(init=False, repr=False)
    _membership: Membership = field(init=False, repr=False)
    _transfers: Transfers = field(init=False, repr=False)
    _study: str = field(default_factory=lambda: uuid4().hex, init=False)
    _running: list[_Running] = field(default_factory=list, init=False, repr=False)
    # Who advanced the fits in a place last.
    _latest: dict[str, Member] = field(default_factory=dict, init=False, repr=False)
    _told: set[str] = field(default_factory=set, init=False, repr=False)
    _changed: Event = field(default_factory=Event, init=False, repr=False)
    _numbers: count[int] = field(default_factory=count, init=False, repr=False)
    _arrivals: ThreadPoolExecutor = field(init=False, repr=False)
    _lost: bool = field(default=False, init=False, repr=False)

    def __enter__(self) -> DaskCluster:
        self._transfers = Transfers(self.folder, self.own.packed())
        with ExitStack() as stack:
            self._connection = connect(self.address, stack)
            self._membership = Membership(self._connection.client)
            first_workers(self._membership, self._connection)
            self._tell_refusals()
            self._arrivals = ThreadPoolExecutor(ARRIVING, thread_name_prefix="dipsearch")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        with self._stack:
            if self._connection.processes is None:
                self._say_goodbye()
            self._arrivals.shutdown(wait=False, cancel_futures=True)
            self._running.clear()
            self._transfers.clear()

    # -- workers -------------------------------------------------------------------------------------------------

    @property
    def workers(self) -> list[WorkerSpec]:
        """Those that are there at the moment."""
        return [member.spec for member in self._membership.members.values()]

    def free(self) -> int:
        """How many more tasks would begin at once."""
        return len(self._idle())

    @property
    def lost(self) -> bool:
        """Whether its scheduler is gone; a lost connection is made anew."""
        return self._connection.client.status == "closed"

    def _idle(self) -> list[Member]:
        if self._connection.client.status != "running":
            return []
        busy = {running.member for running in self._running}
        return [member for member in self._membership.members.values() if member.ready and member not in busy]

    def _look(self, *, now: bool = False) -> None:
        left = self._membership.look(now=now)
        if self._connection.client.status != "running" and not self._lost:
            self._lost = True
            self.tell(f"the connection to the cluster at {self._connection.where} is lost")
        if self._connection.client.status == "closed":
            left = self._membership.lost()
        for member in left:
            self._leave(member)
        for running in [*self._running]:
            needs = running.needs
            waits = needs is not None and not needs.there and running.remote.status == "pending"
            if running.member.gone or waits:
                gone = running.member if running.member.gone or needs is None else needs.member
                self._end(running, WorkerDied(f"the worker {gone.address} is gone"))
        self._tell_refusals()

    def _tell_refusals(self) -> None:
        new = [sentence for sentence in self._membership.refused.values() if sentence not in self._told]
        self._told.update(new)
        if new:
            self.tell(f"{refusals(new)}; not used")

    # -- tasks ---------------------------------------------------------------------------------------------------

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        """Have a task done by a free worker; see ``Executor``."""
        future: Future[Result] = Future()
        place = task.place if isinstance(task, Slice) else ""
        idle = self._idle()
        if not idle:
            future.set_exception(WorkerDied("no worker is free any more"))
            return -1, future
        # Who advanced the fits last, or else who would forget the fewest of others.
        held = [*self._latest.values()]
        member = self._latest[place] if self._latest.get(place) in idle else min(idle, key=held.count)
        self._launch(task, member, future)
        return member.spec.index, future

    def wait(self, timeout: float) -> None:
        """Wait until something has come of a task; see ``Executor``."""
        until = time.monotonic() + timeout
        while True:
            self._changed.clear()
            self._look()
            for running in self._running:
                if running.arriving is None and running.remote.status in OVER:
                    running.arriving = self._arrivals.submit(running.remote.result)
                    running.arriving.add_done_callback(lambda _: self._changed.set())
            over = [one for one in self._running if one.arriving is not None and one.arriving.done()]
            for running in over:
                self._settle(running)
            left = until - time.monotonic()
            if over or left <= 0:
                return
            self._changed.wait(min(left, LOOK_SECONDS))

    def give_up(self, future: Future[Result]) -> None:
        """Do not wait for a task any more; its worker is free again when it is through with it."""
        for running in self._running:
            if running.future is future:
                running.future = None
                future.set_exception(TaskFailed(GIVEN_UP))

    def checkpoint(self, *, within: float) -> None:
        """Bring the states that workers keep into the folder; see ``Executor``."""
        self._transfers.checkpoint(within=within)

    def kill(self) -> None:
        """End everything now; workers of somebody else's are through with their slices in a moment."""
        for running in self._running:
            running.future = None
        if self._connection.processes is not None:
            self._connection.processes.kill()

    def _launch(self, task: Task, member: Member, future: Future[Result]) -> None:
        try:
            packed = cloudpickle.dumps(task)
        except Exception as error:  # pickling foreign objects may raise anything
            future.set_exception(unsendable(error))
            return
        try:
            running = self._begun(task, packed, member, future)
        except DipsearchError as error:
            future.set_exception(TaskFailed(str(error)))
        except Exception as error:  # of many kinds, where a connection is lost
            future.set_exception(WorkerDied(f"the cluster does not take it ({first_line(error)})"))
        else:
            self._running.append(running)
            running.remote.add_done_callback(lambda _: self._changed.set())

    def _begun(self, task: Task, packed: bytes, member: Member, future: Future[Result]) -> _Running:
        client, transfers = self._connection.client, self._transfers
        wanted = transfers.stamps(task)
        assumed = [name for name, stamp in wanted.items() if member.has.get(name) == stamp]
        files = {
            name: transfers.file(client, name, stamp) for name, stamp in wanted.items() if name not in assumed
        }
        member.has |= wanted
        needs = None
        if isinstance(task, Slice) and task.at:
            if self._latest.get(task.place) is member:
                assumed.append(f"{task.place}/{STATE}")
            else:
                if task.steps and self._hangs(self._latest.get(task.place)):
                    transfers.states.pop(task.place, None)  # who has it does not answer
                needs = transfers.state(client, task.place, member)
        context, number = (
            WorkerContext(self._study, member.spec.device, member.spec.threads),
            next(self._numbers),
        )
        here = {"workers": [member.address], "allow_other_workers": False, "pure": False, "retries": 0}
        remote = client.submit(
            do,
            context,
            packed,
            files=files,
            kept=None if needs is None else needs.future,
            assumed=assumed,
            resources=member.resources,
            key=f"{'slice' if isinstance(task, Slice) else 'patches'}-{self._study}-{number}",
            **here,
        )
        state = None
        if isinstance(task, Slice) and not task.all_data:
            kept = client.submit(
                keep, context, task.place, remote, key=f"state-{self._study}-{number}", **here
            )
            state = State(kept, member)
        return _Running(task, member, future, remote, state, needs)

    def _hangs(self, member: Member | None) -> bool:
        """Whether a worker has a task that nobody waits for any more."""
        return any(running.member is member and running.future is None for running in self._running)

    # -- what comes of them --------------------------------------------------------------------------------------

    def _settle(self, running: _Running) -> None:
        """A task is over, one way or another."""
        from distributed import KilledWorker

        assert running.arriving is not None
        try:
            answer = running.arriving.result()
        except (KilledWorker, CancelledError, OSError) as error:
            # Mostly its worker is gone, and nobody else should be sent there.
            self._look(now=True)
            if running in self._running:
                self._end(running, WorkerDied(first_line(error)))
        except Exception as error:
            self._end(running, TaskFailed(f"{type(error).__name__}: {first_line(error)}"))
        else:
            self._running.remove(running)
            if running.future is not None:
                self._took(running, answer, running.future)

    def _took(self, running: _Running, answer: Done | Lacking, future: Future[Result]) -> None:
        task, member = running.task, running.member
        if isinstance(answer, Lacking):
            self._missed(task, member, answer.names)
            self._launch(task, member, future)
            return
        if isinstance(answer.result, TaskFailed):
            self._end(running, answer.result)
            return
        try:
            written(self.folder, answer.files, left_names(task, answer.result))
        except ResourceError as error:  # the next time there may be room
            self._end(running, WorkerDied(f"what it did cannot be kept: {error}"))
            return
        if isinstance(task, Slice) and isinstance(answer.result, Advanced) and running.state is not None:
            self._latest[task.place] = member
            self._transfers.leaves(task.place, running.state, kept=answer.result.kept)
        future.set_result(answer.result)

    def _missed(self, task: Task, member: Member, names: tuple[str, ...]) -> None:
        """A worker does not have what it was believed to have; all is lost where its process was another one."""
        if OWN in names:
            self._transfers.drop(member)
            self._leave(member)
        for name in names:
            member.has.pop(name, None)
        if isinstance(task, Slice) and f"{task.place}/{STATE}" in names:
            self._latest.pop(task.place, None)
            self._transfers.states.pop(task.place, None)

    def _leave(self, member: Member) -> None:
        self._latest = {place: one for place, one in self._latest.items() if one is not member}

    def _end(self, running: _Running, error: Exception) -> None:
        """Nothing comes of a task."""
        if running in self._running:
            self._running.remove(running)
        if running.arriving is not None and not running.arriving.done():
            with suppress(Exception):
                running.remote.cancel()  # or else somebody waits for it for ever
        if running.future is not None:
            running.future.set_exception(error)

    def _say_goodbye(self) -> None:
        """Let the workers empty their folders; who does not hear it in time keeps some files until it ends itself."""
        client, addresses = self._connection.client, [*self._membership.members]

        def told() -> None:
            with suppress(Exception):
                client.run(forget, self._study, workers=addresses, on_error="ignore")

        if addresses and client.status == "running":
            goodbye = Thread(target=told, daemon=True)
            goodbye.start()
            goodbye.join(FORGET_SECONDS)
