"""Lasting imports: what a verb imports stays until the program ends, and the garbage collector need not look at it.

PyTorch and the others make half a million objects. Looking for garbage among them again and again while they are made
took 0.35 s of the 2.15 s that importing all that a search needs takes, and looking once more when the program ends 0.5.
"""

from __future__ import annotations

import gc
from importlib import import_module

SEARCHING = ("..run", "..report", ".console", ".plain_words")
"""What a search needs, and a restoration."""


def import_to_last(*names: str) -> None:
    """Import modules, and never look for garbage among what is there then.

    Args:
        names: relative to this room, as ``..run``.
    """
    gc.disable()
    try:
        for name in names:
            import_module(name, __package__)
    finally:
        gc.freeze()
        gc.enable()
