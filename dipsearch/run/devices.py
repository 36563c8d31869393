"""Devices: on what this machine's workers fit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import torch

from ..calling import option
from ..errors import ResourceError
from ..fitting.free_memory import UNUSABLE, free_bytes

LEAST_FREE = 10**9
"""Bytes that have to be free on a GPU that nobody asked for by name: a worker takes 0.6 GB before its first fit."""


def choose_devices(
    word: str, *, workers: int | None, tell: Callable[[str], None] = lambda sentence: None
) -> tuple[str, ...]:
    """The device of each worker: all GPUs that can be used, or one CPU process per core.

    Args:
        word: "auto", "cpu", "mps", "cuda" or "cuda:1".
        workers: how many; ``None``: as above.
        tell: hears why a GPU that is there is not used.

    Raises:
        ResourceError: the device is not there, or cannot be used.
    """
    kind, _, number = word.partition(":")
    if kind == "cuda" or kind == "auto":
        gpus = _asked_for(word, number, most=workers) if kind == "cuda" else _roomy(tell, most=workers)
        if gpus:
            return tuple(gpus[index % len(gpus)] for index in range(workers or len(gpus)))
        kind = "mps" if torch.backends.mps.is_available() else "cpu"
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ResourceError(
            "the device is 'mps'", "this machine has none", f"use {option('device', 'auto')} or cpu"
        )
    return (kind,) * (workers or (cores() if kind == "cpu" else 1))


def expected_gpus(word: str, *, workers: int | None) -> tuple[str, ...]:
    """What ``choose_devices`` will say where every GPU can be used; nothing is asked of any, and none where none is."""
    kind, _, number = word.partition(":")
    if kind not in ("auto", "cuda"):
        return ()
    gpus = [f"cuda:{index}" for index in range(count_gpus()[0]) if number in ("", str(index))]
    return tuple(gpus[index % len(gpus)] for index in range(workers or len(gpus))) if gpus else ()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_threads() -> int:
    """The threads that a process may have: one for each core, and no more than ``OMP_NUM_THREADS`` says."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores(), max(1, int(said))) if said.isdecimal() else cores()


def threads_each(workers: int, *, hurried: bool) -> int:
    """The threads of each of so many processes that fit on the cores of this machine.

    Where the clock decides, they share the cores that are free; otherwise all, since the same request has to give the
    same picture.
    """
    able = free_cores() if hurried else cores()
    return min(most_threads(), max(1, able // workers))


def free_cores() -> int:
    """Those of them that others have left alone in the last minute, at least one.

    Threads of one fit wait for one another. On two cores, each of them busy with something else, a fit of 200 × 133
    pixels made 40 iterations with two threads in the time of 80 with one; with nothing else to do 140 and 110.
    """
    return max(1, round(cores() - taken_cores()))


def taken_cores() -> float:
    """Those of them that programs had at work in the last minute; 0 where the system does not say.

    The load is that of the whole machine. A process that is bound to some cores has its share of it; one whose time
    is limited otherwise, as by a container's quota, is not told of that, and takes the machine for its own.
    """
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # some systems do not say
        return 0.0
    return load * cores() / (os.cpu_count() or 1)


def _asked_for(word: str, number: str, *, most: int | None) -> list[str]:
    """The GPUs that somebody named, so many of them at the most, whatever is free on them."""
    count, trouble = count_gpus()
    names = [f"cuda:{index}" for index in range(count) if number in ("", str(index))]
    if not names:
        trouble = trouble or f"this machine has {count} CUDA devices"
        raise ResourceError(f"the device is '{word}'", trouble, f"use {option('device', 'auto')} or cpu")
    names = names[:most]
    for name in names:
        if trouble := _trouble(name):
            raise ResourceError(f"the device is '{word}'", trouble, f"use {option('device', 'auto')} or cpu")
    return names


def _roomy(tell: Callable[[str], None], *, most: int | None) -> list[str]:
    """The first GPUs that work and are not full, so many at the most: each one that is asked keeps some memory."""
    count, trouble = count_gpus()
    if trouble:
        tell(f"{trouble}; it is not used")
    found: list[str] = []
    for name in (f"cuda:{index}" for index in range(count)):
        if len(found) == most:
            break
        free = free_bytes(name) or 0
        if trouble := _trouble(name):
            tell(f"{trouble}; it is not used")
        elif free < LEAST_FREE:
            tell(f"{name} has {free / 1e9:.1f} GB free, others have taken the rest; it is not used")
        else:
            found.append(name)
    return found


def count_gpus() -> tuple[int, str]:
    """How many GPUs the driver lets this process use, and what it says where there are some and it lets none."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if there:
        return torch.cuda.device_count(), ""
    words = " ".join(str(one.message) for one in said)
    return 0, f"this machine's GPU cannot be used ({_first_sentence(words)})" if words else ""


def _trouble(name: str) -> str:
    """Why nothing can be computed on a GPU, in words; empty where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it has to say of an old GPU, the attempt says, too
            torch.ones(1, device=name).add_(1).item()
    except UNUSABLE as error:
        return f"{name} cannot be used ({_first_sentence(str(error))})"
    return ""


def _first_sentence(words: str) -> str:
    return (words.splitlines() or ["it does not say why"])[0].split(". ")[0].removesuffix(".")
