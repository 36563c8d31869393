"""Random numbers that depend on a seed and on what they are for.

The noise that damages a picture and the noise that splits it must not be the same numbers, although a person
gives one seed: each purpose gets its own stream, the same in every process and on every device.
"""

from __future__ import annotations

import hashlib

import torch


def generator_for(purpose: str, seed: int) -> torch.Generator:
    """Return a CPU generator whose stream belongs to ``purpose`` and ``seed`` alone."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
