"""What runs in a worker process of Dask: the usual worker, in a folder of its own that looks like the study's.

A task comes with the files that this process does not have yet, and its small files go back with what came of it.
How to go on with its fits stays here, in the folder, until another process asks for it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import cloudpickle
import torch

from ..files import write_bytes
from ..fitting.free_memory import free_bytes
from ..fitting.memory import keep_freed_memory
from ..problem import register
from ..trials.own_parts import OwnParts, operators_of, unpacked
from .executor import TaskFailed
from .task import CURVES, OUTPUT, STATE, TRAJECTORY, Advanced, Result, Slice, Task
from .worker import Worker, in_words

if TYPE_CHECKING:
    import distributed

OWN = "parts of one's own"
"""What they are called among the files that a task needs; they are never written to one."""


@dataclass(frozen=True)
class WorkerContext:
    """Where a study's tasks are done in this process.

    Args:
        study: what the study is called here; no two are called the same.
        device: as PyTorch names it.
        threads: on a CPU.
    """

    study: str
    device: str
    threads: int


@dataclass(frozen=True, eq=False)
class Done:
    """What came of a task, and the small files that it left."""

    result: Result | TaskFailed
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Lacking:
    """A task was not begun: these files were believed to be here, and are not."""

    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Kept:
    """The files that fits are gone on with.

    Where they were made this is a word for them, and nothing is read; whoever else asks for them gets their content.

    Args:
        names: relative to ``folder``.
        folder: where they were made; ``None``: this is a copy.
        content: of a copy.
    """

    names: tuple[str, ...]
    folder: Path | None = None
    content: Mapping[str, bytes] = field(default_factory=dict)

    def read(self) -> Mapping[str, bytes]:
        """Their content, of those that are there."""
        if self.folder is None:
            return self.content
        files = {name: self.folder / name for name in self.names}
        return {name: file.read_bytes() for name, file in files.items() if file.exists()}

    def __reduce__(self) -> tuple[type[Kept], tuple[object, ...]]:
        return Kept, (self.names, None, self.read())


@dataclass(frozen=True)
class Equipment:
    """What a process has to work with.

    Args:
        device: "cuda", "mps" or "cpu".
        memory: bytes that are free; ``None``: nobody says.
        gpus: bytes that are free on each GPU.
        visible: which GPUs it was told to see.
    """

    device: str
    memory: int | None
    gpus: tuple[int | None, ...] = ()
    visible: str = ""


def equipment() -> Equipment:
    """What this process has; to be called by Dask."""
    count = (
        torch.cuda.device_count() if torch.cuda.is_available() else 0
    )  # the driver may be too old for those there
    if gpus := tuple(free_bytes(f"cuda:{number}") for number in range(count)):
        return Equipment("cuda", free_bytes("cpu"), gpus, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    return Equipment("mps" if torch.backends.mps.is_available() else "cpu", free_bytes("cpu"))


@dataclass
class _Mirror:
    """The folder of a study in this process, and the worker in it."""

    folder: Path
    worker: Worker
    lock: Lock = field(default_factory=Lock)


_MIRRORS: dict[tuple[str, str], _Mirror] = {}
"""By the study, and by Dask's worker, of which one process can have several."""


def do(
    context: WorkerContext,
    packed: bytes,
    *,
    files: Mapping[str, bytes],
    kept: Kept | None = None,
    assumed: Sequence[str] = (),
) -> Done | Lacking:
    """Do a task; to be called by Dask.

    Args:
        context: where.
        packed: the task, as cloudpickle has it: a network of the user's may be defined in the script that is run.
        files: that this process does not have yet, by their names in the study.
        kept: how to go on with its fits, where another process made them.
        assumed: names of files that are believed to be here already.
    """
    key, mirror = (context.study, _here().address), None
    torch.set_num_threads(context.threads)
    if context.device.startswith("cuda"):
        torch.cuda.set_device(context.device)  # recording a graph knows the current one only
    try:
        if (mirror := _MIRRORS.get(key)) is None:
            if OWN not in files:
                return Lacking(tuple(assumed))
            mirror = _MIRRORS[key] = _new_mirror(context, unpacked(files[OWN]))
        brought = {} if kept is None else kept.read()
        if kept is not None and not brought:
            return Lacking(kept.names)
        with mirror.lock, operators_of(mirror.folder, mirror.worker.own):
            return _done(mirror, cloudpickle.loads(packed), {**files, **brought}, assumed)
    except Exception as error:  # the search goes on; the parent says what happened
        if mirror is not None and not mirror.worker.usable:
            os._exit(1)  # Dask gives the task to another process
        return Done(error if isinstance(error, TaskFailed) else TaskFailed(in_words(error)))
    finally:
        if mirror is not None and key not in _MIRRORS:  # the search was over in the meantime
            shutil.rmtree(mirror.folder, ignore_errors=True)


def keep(context: WorkerContext, place: str, done: Done | Lacking) -> Kept:
    """A word for the state of fits, as their files have it; to be called by Dask where a slice of them was done."""
    del done  # it has to have been there before
    mirror = _MIRRORS.get((context.study, _here().address))
    return Kept(kept_names(place), None if mirror is None else mirror.folder)


def forget(study: str, dask_worker: distributed.Worker) -> None:
    """Forget a study and all its files; to be called by Dask, which fills in the worker."""
    mirror = _MIRRORS.pop((study, dask_worker.address), None)
    if mirror is not None:
        shutil.rmtree(mirror.folder, ignore_errors=True)


def kept_names(place: str) -> tuple[str, ...]:
    """The files that the fits in a place are gone on with; the images along the way are cut where the state ends."""
    return f"{place}/{STATE}", f"{place}/{TRAJECTORY}"


def left_names(task: Task, result: Result) -> tuple[str, ...]:
    """The small files that a task has left."""
    if not isinstance(task, Slice):
        return (task.out,)
    kept = isinstance(result, Advanced) and result.kept
    return (f"{task.place}/{CURVES}", f"{task.place}/{OUTPUT}") if kept else ()


def _done(mirror: _Mirror, task: Task, files: Mapping[str, bytes], assumed: Sequence[str]) -> Done | Lacking:
    folder, worker = mirror.folder, mirror.worker
    # Another study may have registered its own class of this name in the meantime.
    for name, cls in worker.own.registered.items():
        register(name)(cls)
    for name, content in files.items():
        if name != OWN:
            write_bytes(folder / name, content, durable=False)
    remembered = isinstance(task, Slice) and worker.remembers(task.place) == task.at
    lacking = tuple(
        name
        for name in assumed
        if name != OWN
        and not (folder / name).exists()
        and not (remembered and isinstance(task, Slice) and name in kept_names(task.place))
    )
    if lacking:
        return Lacking(lacking)
    result = worker.do(task)
    left = {name: folder / name for name in left_names(task, result)}
    return Done(result, {name: file.read_bytes() for name, file in left.items() if file.exists()})


def _new_mirror(context: WorkerContext, own: OwnParts) -> _Mirror:
    _keep_memory_once()
    # In Dask's folder for such things, which it empties also after its process was killed.
    folder = Path(tempfile.mkdtemp(prefix="dipsearch-", dir=_here().local_directory))
    return _Mirror(folder, Worker(folder, context.device, own))


_keep_memory_once = cache(keep_freed_memory)


def _here() -> distributed.Worker:
    from distributed import get_worker

    return get_worker()
