"""Signals: Ctrl-C, and what systems send when a process has to go, ask to finish; a second one ends everything now."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..early_signals import NAMES, heard_early
from ..execution.executor import Executor
from ..execution.runner import Asked


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
        asked.by = NAMES[signal.Signals(number).name]

    before = {}
    try:
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is None:
                continue
            # Whoever starts a program with nohup wants it to go on without a terminal.
            if name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN:
                continue
            before[number] = signal.signal(number, handle)
    except ValueError:  # not in the main thread, where nobody can press Ctrl-C either
        yield asked
        return
    asked.by = asked.by or heard_early()
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
