"""Haste: similar patches may be asked to leave it at what there is, since every pass leaves a whole picture."""

from __future__ import annotations

from collections.abc import Callable

Over = Callable[[], bool]
"""Whether the time is over: no further pass is made then."""


def never() -> bool:
    """There is all the time that it takes."""
    return False
