"""What one's own network draws by itself, as dropout does: PyTorch takes such numbers from its global generators.

During the steps of a fit these stand where the seed of the fit and its iteration say, and afterwards where they were.
There is one of each for all threads, so that of two threads with such fits one waits while the other makes its steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

SEEDS = 2**64
"""How many there are; larger numbers begin anew."""

OWN_STREAM = 0xD0A
"""Added to the seed, so that the first numbers are not those of the input z."""


_DRAWING = RLock()
"""Held by the thread whose fit draws. Nothing else is waited for meanwhile, and it may be taken again by what a network
itself fits."""


class OwnDraws:
    """Sets the global generators for a while and hands them back.

    Args:
        seed: of the fit.
        device: where the network is. Those of Apple's GPUs stay as they are.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed, self._generators = seed, [torch.default_generator]
        if device.type == "cuda":
            index = torch.cuda.current_device() if device.index is None else device.index
            self._generators.append(torch.cuda.default_generators[index])

    @contextmanager
    def after(self, step: int) -> Iterator[None]:
        """Draw the numbers of the iterations after so many; never while a CUDA graph is recorded."""
        with _DRAWING:
            before = [one.get_state() for one in self._generators]
            for one in self._generators:
                one.manual_seed((self._seed + OWN_STREAM + step) % SEEDS)
            try:
                yield
            finally:
                for one, state in zip(self._generators, before, strict=True):
                    one.set_state(state)
