"""Signals: Ctrl-C, and what systems send when a process has to go, ask to finish; a second one ends everything now."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..early_signals import NAMES, answered_by, heard_early
from ..execution.executor import Executor
from ..execution.runner import Asked


def heard_words(by: str, *, seconds: float) -> str:
    """What is said at once of the first signal: what is still done, and about how long it takes."""
    return (
        f"{by}: no more fits; delivering what there is takes about {seconds:.0f} s (once more: stop at once)"
    )


@contextmanager
def interruptible(executor: Executor | None = None, asked: Asked | None = None) -> Iterator[Asked]:
    """Let signals ask to finish instead of ending this process.

    Args:
        executor: is ended with the second one.
        asked: remembers the first one; by default a new value.
    """
    asked = asked or Asked()

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if asked.once:
            if executor is not None:
                executor.kill()
            raise KeyboardInterrupt
        asked.hear(NAMES[signal.Signals(number).name])

    with answered_by(handle) as here:
        if here and not asked.once and (early := heard_early()):
            asked.by, asked.answered = early, True
        yield asked
