"""Warming up: a process that has just begun loads what every task needs of a GPU, while nobody waits for it.

That is its context, the libraries of convolutions and of matrices, and the kernels that are loaded when they are
first called; together they take longer than a slice.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import torch

from ..fitting import OngoingFit, give_back_memory
from ..fitting.free_memory import UNUSABLE
from ..network import Genome, Scale
from ..patches import HURRIED, answer
from ..problem import Identity, NoiseModel, Problem, make_split

SIDE = 48
"""Of the picture: similar patches and two scales find enough in it."""


def warm_up(device: str) -> None:
    """Restore a tiny picture on a device; what goes wrong is left to the first task to say."""
    with suppress(*UNUSABLE):
        there = _tiny()
        split = make_split(there, seed=0).to(device)
        there = there.to(device)
        answer(there, settings=HURRIED)
        genome = Genome(scales=(Scale(16, 16, channels_skip=4),) * 2, input_channels=8)
        OngoingFit(genome, there, split=split, seed=0, max_steps=10).advance(10)
    give_back_memory(device)


@cache
def warm_up_patches(device: str) -> None:
    """The same for similar patches alone, in a process that fits nothing; once, however many pictures it answers."""
    with suppress(*UNUSABLE):
        answer(_tiny().to(device), settings=HURRIED)
    give_back_memory(device)


def _tiny() -> Problem:
    y = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    seen, noise = torch.ones(1, 1, SIDE, SIDE, dtype=torch.float32), NoiseModel("gaussian", 0.1, "given")
    return Problem(y, Identity(), noise, (1, 3, SIDE, SIDE), observed=seen)
