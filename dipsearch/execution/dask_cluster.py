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

from ..errors import DipsearchError, ResourceError
from ..trials.own_parts import NOTHING, OwnParts
from .dask_cargo import Cargo, State, written
from .dask_client import Connection, connect, in_a_line
from .dask_roll import LOOK_SECONDS, Roll, Seat
from .dask_start import first_workers, refusals
from .dask_worker import OWN, Desk, Done, Lacking, do, forget, keep, left_names
from .executor import TaskFailed, WorkerDied, WorkerSpec
from .task import STATE, Advanced, Result, Slice, Task

if TYPE_CHECKING:
    import distributed

FORGET_SECONDS = 2.0
"""How long the workers have for hearing goodbye."""

ARRIVING = 8
"""Results that are on their way here at once; large ones on a slow line keep nobody waiting."""

OVER = ("finished", "error", "cancelled")
"""What Dask says of a task that is."""


@dataclass(eq=False)
class _Flight:
    """A task under way; without a ``future`` nobody waits for it."""

    task: Task
    seat: Seat
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
        address: of its scheduler, like ``tcp://host:8786``; ``local:N`` for N processes of this machine; or a
            ``distributed.Client``.
        own: parts of the user's, of which every worker gets a copy.
        tell: hears sentences about workers that are not used, and about a lost connection.
    """

    folder: Path
    address: str | distributed.Client
    own: OwnParts = NOTHING
    tell: Callable[[str], None] = field(default=lambda sentence: None)
    _stack: ExitStack = field(default_factory=ExitStack, init=False, repr=False)
    _connection: Connection = field(init=False, repr=False)
    _roll: Roll = field(init=False, repr=False)
    _cargo: Cargo = field(init=False, repr=False)
    _study: str = field(default_factory=lambda: uuid4().hex, init=False)
    _flights: list[_Flight] = field(default_factory=list, init=False, repr=False)
    # Who advanced the fits in a place last.
    _latest: dict[str, Seat] = field(default_factory=dict, init=False, repr=False)
    _told: set[str] = field(default_factory=set, init=False, repr=False)
    _news: Event = field(default_factory=Event, init=False, repr=False)
    _numbers: count[int] = field(default_factory=count, init=False, repr=False)
    _arrivals: ThreadPoolExecutor = field(init=False, repr=False)
    _lost: bool = field(default=False, init=False, repr=False)

    def __enter__(self) -> DaskCluster:
        self._cargo = Cargo(self.folder, self.own.packed())
        with ExitStack() as stack:
            self._connection = connect(self.address, stack)
            self._roll = Roll(self._connection.client)
            first_workers(self._roll, self._connection)
            self._tell_refusals()
            self._arrivals = ThreadPoolExecutor(ARRIVING, thread_name_prefix="dipsearch")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        with self._stack:
            if self._connection.processes is None:
                self._say_goodbye()
            self._arrivals.shutdown(wait=False, cancel_futures=True)
            self._flights.clear()
            self._cargo.clear()

    # -- workers -------------------------------------------------------------------------------------------------

    @property
    def workers(self) -> list[WorkerSpec]:
        """Those that are there at the moment."""
        return [seat.spec for seat in self._roll.seats.values()]

    def free(self) -> int:
        """How many more tasks would begin at once."""
        return len(self._idle())

    def _idle(self) -> list[Seat]:
        if self._connection.client.status != "running":
            return []
        busy = {flight.seat for flight in self._flights}
        return [seat for seat in self._roll.seats.values() if seat.ready and seat not in busy]

    def _look(self, *, now: bool = False) -> None:
        left = self._roll.look(now=now)
        if self._connection.client.status != "running" and not self._lost:
            self._lost = True
            self.tell(f"the connection to the cluster at {self._connection.where} is lost")
        if self._connection.client.status == "closed":
            left = self._roll.lost()
        for seat in left:
            self._leave(seat)
        for flight in [*self._flights]:
            needs = flight.needs
            waits = needs is not None and not needs.there and flight.remote.status == "pending"
            if flight.seat.gone or waits:
                gone = flight.seat if flight.seat.gone or needs is None else needs.seat
                self._end(flight, WorkerDied(f"the worker {gone.address} is gone"))
        self._tell_refusals()

    def _tell_refusals(self) -> None:
        new = [sentence for sentence in self._roll.refused.values() if sentence not in self._told]
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
        seat = self._latest[place] if self._latest.get(place) in idle else min(idle, key=held.count)
        self._launch(task, seat, future)
        return seat.spec.index, future

    def wait(self, timeout: float) -> None:
        """Wait until something has come of a task; see ``Executor``."""
        until = time.monotonic() + timeout
        while True:
            self._news.clear()
            self._look()
            for flight in self._flights:
                if flight.arriving is None and flight.remote.status in OVER:
                    flight.arriving = self._arrivals.submit(flight.remote.result)
                    flight.arriving.add_done_callback(lambda _: self._news.set())
            over = [one for one in self._flights if one.arriving is not None and one.arriving.done()]
            for flight in over:
                self._settle(flight)
            left = until - time.monotonic()
            if over or left <= 0:
                return
            self._news.wait(min(left, LOOK_SECONDS))

    def give_up(self, future: Future[Result]) -> None:
        """Do not wait for a task any more; its worker is free again when it is through with it."""
        for flight in self._flights:
            if flight.future is future:
                flight.future = None
                future.set_exception(TaskFailed("nobody waited for it any more"))

    def checkpoint(self) -> None:
        """Bring the states that workers keep into the folder; see ``Executor``."""
        self._cargo.checkpoint()

    def kill(self) -> None:
        """End everything now; workers of somebody else's are through with their slices in a moment."""
        for flight in self._flights:
            flight.future = None
        if self._connection.processes is not None:
            self._connection.processes.kill()

    def _launch(self, task: Task, seat: Seat, future: Future[Result]) -> None:
        try:
            packed = cloudpickle.dumps(task)
        except Exception as error:  # pickling foreign objects may raise anything
            future.set_exception(TaskFailed(f"it cannot be sent to a worker: {error!r}"))
            return
        try:
            flight = self._begun(task, packed, seat, future)
        except DipsearchError as error:
            future.set_exception(TaskFailed(str(error)))
        except Exception as error:  # of many kinds, where a connection is lost
            future.set_exception(WorkerDied(f"the cluster does not take it ({in_a_line(error)})"))
        else:
            self._flights.append(flight)
            flight.remote.add_done_callback(lambda _: self._news.set())

    def _begun(self, task: Task, packed: bytes, seat: Seat, future: Future[Result]) -> _Flight:
        client, cargo = self._connection.client, self._cargo
        wanted = cargo.stamps(task)
        assumed = [name for name, stamp in wanted.items() if seat.has.get(name) == stamp]
        files = {
            name: cargo.file(client, name, stamp) for name, stamp in wanted.items() if name not in assumed
        }
        seat.has |= wanted
        needs = None
        if isinstance(task, Slice) and task.at:
            if self._latest.get(task.place) is seat:
                assumed.append(f"{task.place}/{STATE}")
            else:
                needs = cargo.state(client, task.place, seat)
        desk, number = Desk(self._study, seat.spec.device, seat.spec.threads), next(self._numbers)
        here = {"workers": [seat.address], "allow_other_workers": False, "pure": False, "retries": 0}
        remote = client.submit(
            do,
            desk,
            packed,
            files=files,
            kept=None if needs is None else needs.future,
            assumed=assumed,
            resources=seat.resources,
            key=f"{'slice' if isinstance(task, Slice) else 'patches'}-{self._study}-{number}",
            **here,
        )
        state = None
        if isinstance(task, Slice) and not task.all_data:
            kept = client.submit(keep, desk, task.place, remote, key=f"state-{self._study}-{number}", **here)
            state = State(kept, seat)
        return _Flight(task, seat, future, remote, state, needs)

    # -- what comes of them --------------------------------------------------------------------------------------

    def _settle(self, flight: _Flight) -> None:
        """A task is over, one way or another."""
        from distributed import KilledWorker

        assert flight.arriving is not None
        try:
            answer = flight.arriving.result()
        except (KilledWorker, CancelledError, OSError) as error:
            # Mostly its worker is gone, and nobody else should be sent there.
            self._look(now=True)
            if flight in self._flights:
                self._end(flight, WorkerDied(in_a_line(error)))
        except Exception as error:
            self._end(flight, TaskFailed(f"{type(error).__name__}: {in_a_line(error)}"))
        else:
            self._flights.remove(flight)
            if flight.future is not None:
                self._took(flight, answer, flight.future)

    def _took(self, flight: _Flight, answer: Done | Lacking, future: Future[Result]) -> None:
        task, seat = flight.task, flight.seat
        if isinstance(answer, Lacking):
            self._missed(task, seat, answer.names)
            self._launch(task, seat, future)
            return
        if isinstance(answer.result, TaskFailed):
            self._end(flight, answer.result)
            return
        try:
            written(self.folder, answer.files, left_names(task, answer.result))
        except ResourceError as error:
            self._end(flight, TaskFailed(str(error)))
            return
        if isinstance(task, Slice) and isinstance(answer.result, Advanced) and flight.state is not None:
            self._latest[task.place] = seat
            self._cargo.leaves(task.place, flight.state, kept=answer.result.kept)
        future.set_result(answer.result)

    def _missed(self, task: Task, seat: Seat, names: tuple[str, ...]) -> None:
        """A worker does not have what it was believed to have; all is lost where its process was another one."""
        if OWN in names:
            self._cargo.drop(seat)
            self._leave(seat)
        for name in names:
            seat.has.pop(name, None)
        if isinstance(task, Slice) and f"{task.place}/{STATE}" in names:
            self._latest.pop(task.place, None)
            self._cargo.states.pop(task.place, None)

    def _leave(self, seat: Seat) -> None:
        self._latest = {place: one for place, one in self._latest.items() if one is not seat}

    def _end(self, flight: _Flight, error: Exception) -> None:
        """Nothing comes of a task."""
        if flight in self._flights:
            self._flights.remove(flight)
        if flight.arriving is not None and not flight.arriving.done():
            with suppress(Exception):
                flight.remote.cancel()  # or else somebody waits for it for ever
        if flight.future is not None:
            flight.future.set_exception(error)

    def _say_goodbye(self) -> None:
        """Let the workers empty their folders; who does not hear it in time keeps some files until it ends itself."""
        client, addresses = self._connection.client, [*self._roll.seats]

        def told() -> None:
            with suppress(Exception):
                client.run(forget, self._study, workers=addresses, on_error="ignore")

        if addresses and client.status == "running":
            goodbye = Thread(target=told, daemon=True)
            goodbye.start()
            goodbye.join(FORGET_SECONDS)
