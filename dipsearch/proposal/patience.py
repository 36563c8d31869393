"""Patience: how long a database that does not answer is waited for, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Patience:
    """How long a database that does not answer is waited for.

    Args:
        seconds: after the first attempt that failed.
        tell: hears one sentence when the database stops to answer, and one when it does again.
        ended: whether waiting has to end now, for a deadline or since somebody wants to stop; asked before every
            attempt but the first.
    """

    seconds: float = 300.0
    tell: Callable[[str], None] = lambda sentence: None
    ended: Callable[[], bool] = lambda: False
