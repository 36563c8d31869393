"""An executor: where tasks are worked on, on this machine or on many.

It has workers, takes a task for each that is free, and gives a future for what comes of it. It knows nothing of
studies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from ..errors import DipsearchError, InputError
from ..trials.own_parts import OwnParts
from .task import Result, Task


@dataclass(frozen=True)
class WorkerSpec:
    """Where a worker works.

    Args:
        index: its number.
        device: as PyTorch names it.
        threads: on a CPU.
        host: its machine, where that is another one.
        memory: bytes that it may take, where they are fewer than this machine's workers may; ``None``: they are not.
    """

    index: int
    device: str
    threads: int = 1
    host: str = ""
    memory: int | None = None


GIVEN_UP = "it was given up, since there was no more time for it"
"""What is said of a task that nobody waits for: the budget is spent, or somebody asked to finish."""


class TaskFailed(DipsearchError, RuntimeError):
    """A task could not be done, and would not be a second time; its worker lives."""


SCRIPTED = "Tried to serialize object __torch__"
"""How PyTorch begins to say that a module of ``torch.jit`` cannot be pickled."""


def unsendable(error: Exception) -> TaskFailed:
    """What is said of a task that cannot be packed for another process."""
    if str(error).startswith(SCRIPTED):
        return TaskFailed(
            "a module of torch.jit cannot be sent to a worker, which is a process of its own: give the module that it "
            "was made of, or fit it alone by dipsearch.fit, which needs no worker"
        )
    return TaskFailed(f"it cannot be sent to a worker: {error!r}")


class Interrupted(TaskFailed):
    """Nothing came of a task, at no fault of its own that is known: its workers died, or the time was over. It may be
    done later."""


class WorkerDied(DipsearchError, RuntimeError):
    """The worker of a task is gone; the task can be given to another one."""


class Executor(Protocol):
    """What a search needs of an executor. It is a context manager; tasks are submitted inside."""

    @property
    def workers(self) -> Sequence[WorkerSpec]:
        """Those that are there at the moment."""
        ...

    def free(self) -> int:
        """How many more tasks would begin at once."""
        ...

    @property
    def lost(self) -> bool:
        """Whether there will be no worker any more."""
        ...

    def submit(self, task: Task) -> tuple[int, Future[Result]]:
        """Have a task done by a free worker, one that remembers its fits where there is one.

        Returns:
            The worker's number, -1 where it is not known yet; and what will come of it, or the reason why nothing does:
            ``TaskFailed`` or ``WorkerDied``.
        """
        ...

    def wait(self, timeout: float) -> None:
        """Wait until something has come of a task, ``timeout`` seconds at most."""
        ...

    def give_up(self, future: Future[Result]) -> None:
        """Do not wait for a task any more; nothing comes of it."""
        ...

    def checkpoint(self, *, within: float) -> None:
        """Bring what workers were asked to keep into the folder, where it is not there already.

        Args:
            within: seconds that it may take; nobody is given a task meanwhile.
        """
        ...

    def kill(self) -> None:
        """End everything now."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *reason: object) -> None: ...


MakeExecutor = Callable[[Path, OwnParts], Executor]
"""From a study's folder, which the files of tasks are relative to, and the parts of the user's, of which every worker
needs a copy, to where its tasks are worked on."""

NEEDED = (
    "workers",
    "free",
    "lost",
    "submit",
    "wait",
    "give_up",
    "checkpoint",
    "kill",
    "__enter__",
    "__exit__",
)
"""What every executor has."""


def made_by(make: MakeExecutor, folder: Path, own: OwnParts) -> Executor:
    """The executor that a function of the user's makes for a study.

    Raises:
        InputError: it makes something else.
    """
    made = make(folder, own)
    lacking = [name for name in NEEDED if not hasattr(made, name)]
    if lacking:
        raise InputError(
            f"executor made {type(made).__name__}, which lacks {', '.join(lacking)}",
            "it makes what dipsearch.execution.executor.Executor says",
            "add these to it",
        )
    return made
