"""The membership: which workers a cluster of Dask's has at the moment, what they are, and which of them are of no use.

A new one is asked for its versions and its equipment by tasks like any other, so that nobody waits for it.
"""

from __future__ import annotations

import platform
import pydoc
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import dipsearch

from ..errors import first_line
from ..planning.memory_limit import SHARE, WATCHING, WORKER
from .dask_worker import Equipment, equipment
from .executor import WorkerSpec

if TYPE_CHECKING:
    import distributed

LOOK_SECONDS = 1.0
"""How often the scheduler is asked who is there."""

ASK_SECONDS, ANSWER_SECONDS = 3.0, 1.0
"""How long it has for its answer, and how long the answer of a worker that is there may take to come here."""

USABLE = 0.75
"""Of the memory that Dask gives to a worker; with more than 0.8 in use it gives the worker nothing to do."""

GPU = "GPU"
"""What Dask's workers commonly call a GPU among their resources. One that says that it has none computes on its CPU."""


@dataclass(eq=False)
class Member:
    """A worker of a cluster.

    Args:
        address: as Dask knows it.
        spec: as a search knows it.
        group: workers that share their GPUs with this one say the same here.
        resources: what Dask counts of each of its tasks.
        has: files that it is believed to have, each with what tells it from later ones of that name.
        ready: whether Dask would let it begin a task.
        gone: whether it has left.
    """

    address: str
    spec: WorkerSpec
    group: tuple[str, str] = ("", "")
    resources: Mapping[str, float] = field(default_factory=dict)
    has: dict[str, object] = field(default_factory=dict)
    ready: bool = True
    gone: bool = False


@dataclass
class Membership:
    """Keeps track of them.

    Args:
        client: Dask's.

    Attributes:
        members: the workers that are used, by their address.
        refused: the sentences about those that are not.
        alive: whether any worker has given a sign of life since the first look; they do so all the time.
    """

    client: distributed.Client
    members: dict[str, Member] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    alive: bool = False
    _seen: dict[str, float] = field(default_factory=dict)
    _asked: dict[str, dict[str, distributed.Future[Any]]] = field(default_factory=dict)
    _numbered: int = 0
    _looked: float = float("-inf")

    @property
    def known(self) -> int:
        """Workers that are there, used or not."""
        return len(self.members) + len(self.refused) + len(self._asked)

    @property
    def undecided(self) -> int:
        """Those of them that have not answered yet."""
        return len(self._asked)

    def look(self, *, now: bool = False) -> list[Member]:
        """See who is there; those who have left since the last look.

        Args:
            now: do not wait until the last look is a second ago.
        """
        if not now and time.monotonic() - self._looked < LOOK_SECONDS:
            return []
        self._looked = time.monotonic()
        if (present := self._present()) is None:
            return []
        self.alive = self.alive or self._gave_a_sign(present)
        left = [self.members.pop(address) for address in [*self.members] if address not in present]
        for member in left:
            member.gone = True
        for table in (self._asked, self.refused):
            for address in [address for address in table if address not in present]:
                table.pop(address)
        for address, member in self.members.items():
            member.ready = present[address]["status"] == "running"
        for address, facts in present.items():
            if address in self._asked:
                self._decide(address, facts, present)
            elif address not in self.members.keys() | self.refused.keys() | self._asked.keys():
                self._ask(address)
        return left

    def _gave_a_sign(self, present: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether a worker has said that it is there, or answered: while it imports PyTorch it may do neither."""
        since = {
            address: self._seen.setdefault(address, facts["last_seen"]) for address, facts in present.items()
        }
        answers = (future.done() for asked in self._asked.values() for future in asked.values())
        return any(answers) or any(present[address]["last_seen"] > seen for address, seen in since.items())

    def lost(self) -> list[Member]:
        """Nobody is there any more, as far as one can tell; those who were."""
        left, self.members, self._asked, self.refused = [*self.members.values()], {}, {}, {}
        for member in left:
            member.gone = True
        return left

    def _present(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What the scheduler says of its workers; ``None`` where it does not answer."""
        if self.client.status != "running" or self.client.scheduler is None:
            return None
        try:
            found = self.client.sync(
                self.client.scheduler.identity, n_workers=-1, callback_timeout=ASK_SECONDS
            )
        except (OSError, CancelledError):
            return None
        workers: Mapping[str, Mapping[str, Any]] = found["workers"]
        return workers

    def _ask(self, address: str) -> None:
        # Functions that every Python has: what would be ours is looked for by name, since it may not be there.
        self._asked[address] = {
            "python": self._question(address, platform.python_version),
            "dipsearch": self._question(address, pydoc.locate, "dipsearch.__version__"),
            "torch": self._question(address, metadata.version, "torch"),  # importing it takes seconds
        }

    def _question(
        self, address: str, function: Callable[..., object], *words: str
    ) -> distributed.Future[Any]:
        return self.client.submit(
            function, *words, workers=[address], allow_other_workers=False, pure=False, priority=1
        )

    def _decide(
        self, address: str, facts: Mapping[str, Any], present: Mapping[str, Mapping[str, Any]]
    ) -> None:
        asked = self._asked[address]
        if not all(future.done() for future in asked.values()):
            return
        try:
            answers = {name: _answer(future) for name, future in asked.items()}
        except TimeoutError:
            return  # it is busy importing something
        wrong = [one for name, ours in versions().items() if (one := _difference(name, answers[name], ours))]
        what = answers.get("equipment")
        if wrong:
            self._refuse(address, wrong[0])
        elif what is None:
            asked["equipment"] = self._question(address, equipment)
        elif isinstance(what, Equipment):
            self._asked.pop(address)
            self.members[address] = self._member(address, facts, what, present)
        else:
            self._refuse(address, f"is of no use ({what})")

    def _refuse(self, address: str, why: str) -> None:
        self._asked.pop(address)
        self.refused[address] = f"the worker {address} {why}"

    def _member(
        self,
        address: str,
        facts: Mapping[str, Any],
        what: Equipment,
        present: Mapping[str, Mapping[str, Any]],
    ) -> Member:
        host, resources = str(facts["host"]), facts["resources"]
        device = "cpu" if resources.get(GPU, 1) == 0 else what.device
        group, free = (host, what.visible), what.memory
        if device == "cuda":
            # Where processes see the same GPUs in the same order, nobody has divided them.
            taken = Counter(one.spec.device for one in self.members.values() if one.group == group)
            number = min(range(len(what.gpus)), key=lambda gpu: taken[f"cuda:{gpu}"])
            device, free = f"cuda:{number}", what.gpus[number]
        memory = _memory(
            device, free, facts["memory_limit"], sum(one["host"] == host for one in present.values())
        )
        spec = WorkerSpec(self._numbered, device, threads=int(facts["nthreads"]), host=host, memory=memory)
        self._numbered += 1
        counted = {GPU: 1.0} if resources.get(GPU, 0) >= 1 and device.startswith("cuda") else {}
        return Member(address, spec, group, counted)


def versions() -> dict[str, str]:
    """What the workers have to have, too."""
    return {
        "dipsearch": dipsearch.__version__,
        "torch": metadata.version("torch"),
        "python": platform.python_version(),
    }


def _difference(name: str, theirs: object, ours: str) -> str | None:
    """How a worker's version differs where it matters."""
    if theirs is None:
        return f"has no {name}, here it is {ours}"
    if isinstance(theirs, _Failed):
        return f"cannot say what its version of {name} is ({theirs})"
    same = _essence(name, str(theirs)) == _essence(name, ours)
    return None if same else f"has {name} {theirs}, here it is {ours}"


def _essence(name: str, version: str) -> str:
    """What has to be the same: a build for another GPU is welcome, and so is a corrected Python."""
    version = version.partition("+")[0]
    return ".".join(version.split(".")[:2]) if name == "python" else version


class _Failed(str):
    """Why a question has no answer."""


def _answer(future: distributed.Future[Any]) -> object:
    try:
        return future.result(timeout=ANSWER_SECONDS)
    except TimeoutError:
        raise
    except Exception as error:  # whatever importing PyTorch raises over there
        return _Failed(f"{type(error).__name__}: {first_line(error)}")


def _memory(device: str, free: int | None, limit: int | None, workers: int) -> int | None:
    """Bytes that a candidate may take on a machine with so many workers; ``None``: nobody says.

    Args:
        free: bytes there, or on the GPU.
        limit: bytes that Dask gives to the worker, which are not those of a GPU.
    """
    kind = device.partition(":")[0]
    limits = [] if free is None else [SHARE * free / (1 if kind == "cuda" else workers)]
    if limit and kind == "cpu":
        limits.append(USABLE * limit)
    return max(0, int(min(limits)) - WORKER.get(kind, 0) - WATCHING) if limits else None
