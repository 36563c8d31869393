"""Devices: on what this machine's workers fit."""

from __future__ import annotations

import os

import torch

from ..errors import ResourceError


def choose_devices(word: str, *, workers: int | None) -> tuple[str, ...]:
    """The device of each worker: all GPUs, or one CPU process per core.

    Raises:
        ResourceError: the device is not there.
    """
    gpus = torch.cuda.device_count()
    if word == "auto":
        word = "cuda" if gpus else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = word.partition(":")
    if kind == "cuda" and (not gpus or (number and int(number) >= gpus)):
        raise ResourceError(
            f"the device is '{word}'", f"this machine has {gpus} CUDA devices", "use --device auto or cpu"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ResourceError("the device is 'mps'", "this machine has none", "use --device auto or cpu")
    if kind == "cuda":
        one = [f"cuda:{number}"] if number else [f"cuda:{index}" for index in range(gpus)]
        return tuple(one[index % len(one)] for index in range(workers or len(one)))
    return (kind,) * (workers or (cores() if kind == "cpu" else 1))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
