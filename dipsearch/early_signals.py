"""Early signals: whoever asks a search to finish before it has come to its work is heard, too, and answered by it.

Importing PyTorch takes a second, and five on a busy machine. A signal in that time would end the process as it ends any
other; here it is remembered until `dipsearch.run.signals` takes over.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP"}
"""Signals that ask to finish, as people call them."""

_HEARD: list[str] = []


@contextmanager
def answered_by(answer: Callable[[int, FrameType | None], None], *, last: bool = False) -> Iterator[bool]:
    """Have signals that ask to finish answered within the block; false outside of the main thread, where none comes.

    Args:
        answer: hears them.
        last: once the block has ended well everything is done, and they change nothing any more.
    """
    well = False
    before = {}
    try:
        for name in NAMES:
            number = getattr(signal, name, None)
            # Whoever starts a program with nohup wants it to go on without a terminal.
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                before[number] = signal.signal(number, answer)
    except ValueError:
        yield False
        return
    try:
        yield True
        well = True
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last and well else handler)


@contextmanager
def listening_early(*, last: bool = False) -> Iterator[None]:
    """Remember the first signal within the block; a second one ends the process.

    Args:
        last: nothing comes after it but the end of the process, whose exit code no signal is to change.
    """
    _HEARD.clear()
    with answered_by(_remember, last=last):
        yield


def heard_early() -> str:
    """What was remembered, once; empty: nothing."""
    return _HEARD.pop() if _HEARD else ""


def _remember(number: int, frame: FrameType | None) -> None:
    del frame
    if _HEARD:
        raise KeyboardInterrupt
    _HEARD.append(NAMES[signal.Signals(number).name])
    say_heard(_HEARD[0])


def say_heard(name: str) -> None:
    """Say at once that a signal was heard, which may come at the beginning or while the last page is written.

    Until it is known what there is to do it may be a page, or the libraries, a first answer in its 20 s, and the files.
    """
    takes = "takes 2 to 30 s by the size of the picture"
    said = f"{name}: heard; what there is is delivered first, which {takes} (once more: stop at once)\n"
    try:
        sys.stderr.write(said)
    except RuntimeError:  # this thread was just writing there when it was interrupted
        os.write(2, said.encode())
