"""Lasting imports: what a verb imports stays until the program ends, and neither garbage nor idle threads come of it.

PyTorch and the others make half a million objects. Looking for garbage among them again and again while they are made
took 0.35 s of the 2.15 s that importing all that a search needs takes, and looking once more when the program ends 0.5.
NumPy's threads wait for one another on their processors: in a search of 3.8 s of a core they took 0.35, for matrices
too small to be shared.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from importlib.util import resolve_name

SEARCHING = ("..run", "..report", ".console", ".plain_words")
"""What a search needs, and a restoration."""

THREADS = "OPENBLAS_NUM_THREADS"
"""Read when NumPy is imported; who has set it knows better, and other processes do not hear of it."""


def import_to_last(*names: str) -> None:
    """Import modules, and never look for garbage among what is there then.

    Where they are there already nothing is done: what a command before this one has left may be garbage.

    Args:
        names: relative to this room, as ``..run``.
    """
    if all(resolve_name(name, __package__) in sys.modules for name in names):
        return
    given, collecting = os.environ.get(THREADS), gc.isenabled()
    os.environ.setdefault(THREADS, os.environ.get("OMP_NUM_THREADS", "1"))
    gc.disable()
    try:
        for name in names:
            import_module(name, __package__)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
        if given is None:
            del os.environ[THREADS]
